/* The contract that both sides speak, and the bindings by the names that the
 * test has for them. */
using System;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Text;

[ServiceContract(Name = "Calc", Namespace = "urn:example:calc")]
public interface ICalc
{
    [OperationContract(
        Action = "urn:example:calc/Add",
        ReplyAction = "urn:example:calc/AddResponse")]
    int Add(int a, int b);

    [OperationContract(
        Action = "urn:example:calc/Echo",
        ReplyAction = "urn:example:calc/EchoResponse")]
    string Echo(string text);

    [OperationContract(Action = "urn:example:calc/Note", IsOneWay = true)]
    void Note(string text);

    /* Holds its call until somebody says that it may go on. */
    [OperationContract(
        Action = "urn:example:calc/Wait",
        ReplyAction = "urn:example:calc/WaitResponse")]
    string Wait(string name);

    [OperationContract(
        Action = "urn:example:calc/Fail",
        ReplyAction = "urn:example:calc/FailResponse")]
    [FaultContract(typeof(string), Action = "urn:example:calc/Odd")]
    int Fail(string reason);
}

public static class Bindings
{
    public static Binding Named(string name)
    {
        switch (name) {
        case "tcp":
            return Tcp(TransferMode.Buffered);
        case "streamed":
            return Tcp(TransferMode.Streamed);
        case "nettcp":
            return Patient(new NetTcpBinding(SecurityMode.None));
        case "http":
            return Http(TransferMode.Buffered);
        case "chunked":
            return Http(TransferMode.Streamed);
        case "basic":
            return Patient(new BasicHttpBinding());
        default:
            throw new ArgumentException("no binding " + name);
        }
    }

    static Binding Tcp(TransferMode mode)
    {
        var transport = new TcpTransportBindingElement {
            TransferMode = mode,
            MaxReceivedMessageSize = 1024 * 1024,
        };

        return Patient(new CustomBinding(Text(), transport));
    }

    static Binding Http(TransferMode mode)
    {
        var transport = new HttpTransportBindingElement {
            TransferMode = mode,
            MaxReceivedMessageSize = 1024 * 1024,
        };

        return Patient(new CustomBinding(Text(), transport));
    }

    static TextMessageEncodingBindingElement Text()
    {
        return new TextMessageEncodingBindingElement(
            MessageVersion.Soap12WSAddressing10, new UTF8Encoding(false));
    }

    static Binding Patient(Binding binding)
    {
        var patience = TimeSpan.FromSeconds(20);

        binding.OpenTimeout = patience;
        binding.CloseTimeout = patience;
        binding.SendTimeout = patience;
        binding.ReceiveTimeout = patience;
        return binding;
    }
}
