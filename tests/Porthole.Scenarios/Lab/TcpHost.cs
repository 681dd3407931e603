using Porthole.Lab;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>A host with one scripted machine that uses TCP.</summary>
internal sealed class TcpHost
{
    public const int Port = 9000;

    public static readonly SocketId Listener = new(100);

    public TcpHost(SimulatedHost host)
    {
        Host = host;
        Machine = new ScriptedMachine();
        Running = host.Run(Machine);
    }

    public SimulatedHost Host { get; }

    public ScriptedMachine Machine { get; }

    public SimulatedMachine Running { get; }

    public TransportAddress Local => Host.Addresses[0].WithPort(Port);

    public IEnumerable<SocketEvent> Events => Machine.Events.Select(static item => item.Event);

    public IEnumerable<SocketEvent.Opened> Opened => Events.OfType<SocketEvent.Opened>().Where(static opened => opened.Remote.Port != 0);

    public IEnumerable<SocketEvent.Accepted> Accepted => Events.OfType<SocketEvent.Accepted>();

    public IEnumerable<SocketFailure> Failures => Events.OfType<SocketEvent.Failed>().Select(static failed => failed.Reason);

    public TcpHost Listen(int port = Port, bool shared = true, SocketId? socket = null)
    {
        Request(new SocketRequest.TcpListen(socket ?? Listener, Host.Addresses[0].WithPort((ushort)port), shared));
        return this;
    }

    public void Connect(int socket, TransportAddress remote, int port = Port, Instant notBefore = default) =>
        Request(new SocketRequest.TcpConnect(new SocketId(socket), Host.Addresses[0].WithPort((ushort)port), remote, notBefore));

    public void Close(SocketId socket, bool abortive = false) => Request(new SocketRequest.Close(socket, abortive));

    public void Send(SocketId socket, params byte[] bytes)
    {
        Machine.Send(socket, default, bytes);
        Running.Drain();
    }

    private void Request(SocketRequest request)
    {
        Machine.Request(request);
        Running.Drain();
    }
}
