/* Does as each line of its input says, and answers with one line. */
using System;
using System.Linq;
using System.ServiceModel;
using System.Threading.Tasks;

public static class Program
{
    static ChannelFactory<ICalc> factory;
    static ICalc calc;

    static string Open(string binding, string url)
    {
        factory = new ChannelFactory<ICalc>(
            Bindings.Named(binding), new EndpointAddress(url));
        return Again();
    }

    static string Again()
    {
        calc = factory.CreateChannel();
        ((IClientChannel) calc).Open();
        return "opened";
    }

    static string Close()
    {
        ((IClientChannel) calc).Close();
        return "closed";
    }

    static string Note(string text)
    {
        calc.Note(text);
        return "noted";
    }

    /* Each on a thread of its own, all on one channel. */
    static string Many(int count)
    {
        var calls = Enumerable.Range(0, count).Select(
            number => Task.Factory.StartNew(
                () => calc.Add(number, 1) == number + 1,
                TaskCreationOptions.LongRunning)).ToArray();

        Task.WaitAll(calls);
        return calls.Count(call => call.Result).ToString();
    }

    static string Do(string[] words)
    {
        switch (words[0]) {
        case "open":
            return Open(words[1], words[2]);
        case "again":
            return Again();
        case "add":
            return calc.Add(int.Parse(words[1]), int.Parse(words[2]))
                .ToString();
        case "echo":
            return calc.Echo(words[1]);
        case "large":
            return calc.Echo(new string('x', int.Parse(words[1])))
                .Length.ToString();
        case "many":
            return Many(int.Parse(words[1]));
        case "note":
            return Note(words[1]);
        case "dictate":
            return Note(new string('x', int.Parse(words[1])));
        case "wait":
            return calc.Wait(words[1]);
        case "fail":
            return calc.Fail(words[1]).ToString();
        case "close":
            return Close();
        default:
            throw new ArgumentException("cannot " + words[0]);
        }
    }

    static string Try(string[] words)
    {
        try {
            return Do(words);
        } catch (FaultException fault) {
            return "fault " + fault.Code.Name + " " + fault.Message;
        } catch (Exception other) {
            return other.GetType().Name + " "
                + other.Message.Replace('\n', ' ');
        }
    }

    public static void Main()
    {
        string line;

        while ((line = Console.ReadLine()) != null) {
            Console.WriteLine(Try(line.Split(' ')));
            Console.Out.Flush();
        }
        Environment.Exit(0);
    }
}
