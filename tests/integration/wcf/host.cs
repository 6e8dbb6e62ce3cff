/* Serves at every "NAME=URL" that it is given until it is killed.  What
 * happens it says in lines; a line "go" lets one call of Wait go on. */
using System;
using System.Collections.Generic;
using System.ServiceModel;
using System.ServiceModel.Description;
using System.Threading;

[ServiceBehavior(
    ConcurrencyMode = ConcurrencyMode.Multiple,
    InstanceContextMode = InstanceContextMode.Single)]
public class Calc : ICalc
{
    readonly SemaphoreSlim gate = new SemaphoreSlim(0);

    public int Add(int a, int b)
    {
        return a + b;
    }

    public string Echo(string text)
    {
        return text;
    }

    public void Note(string text)
    {
        Program.Say("noted " + text);
    }

    public string Wait(string name)
    {
        Program.Say("waits " + name);
        gate.Wait();
        Program.Say("leaves " + name);
        return name;
    }

    public int Fail(string reason)
    {
        throw new FaultException<string>(
            "detail", reason, new FaultCode("Odd", "urn:example:calc"));
    }

    public void Go()
    {
        gate.Release();
    }
}

public static class Program
{
    public static void Say(string line)
    {
        lock (Console.Out) {
            Console.WriteLine(line);
            Console.Out.Flush();
        }
    }

    static ServiceHost Serve(Calc calc, string endpoint)
    {
        var parts = endpoint.Split(new[] { '=' }, 2);
        var host = new ServiceHost(calc);

        host.AddServiceEndpoint(
            typeof(ICalc), Bindings.Named(parts[0]), parts[1]);
        host.Open();
        return host;
    }

    public static void Main(string[] endpoints)
    {
        var calc = new Calc();
        var hosts = new List<ServiceHost>();
        string line;

        /* Each endpoint keeps threads of the pool, which grows slowly. */
        ThreadPool.SetMinThreads(64, 64);
        foreach (var endpoint in endpoints)
            hosts.Add(Serve(calc, endpoint));
        Say("ready");
        while ((line = Console.ReadLine()) != null)
            if (line == "go")
                calc.Go();
        Environment.Exit(0);
    }
}
