using Porthole.Protocol;

namespace Porthole.Lab;

// TCP: listeners, and connections that carry messages.
public sealed partial class SimulatedMachine
{
    private readonly Dictionary<SocketId, SimulatedConnection> _streams = [];
    private List<TcpListenSocket>? _tcpListeners;

    /// <summary>How many TCP connections the machine has, those that are being made included; main connections are none of them.</summary>
    public int TcpConnections => _streams.Count;

    internal SocketId NextAccepted() => new(--_lastAccepted);

    internal void HandleAccepted(TcpListenSocket listener, SimulatedConnection connection)
    {
        _streams.Add(connection.Id, connection);
        Handle(new SocketEvent.Accepted(listener.Id, connection.Id, connection.Remote));
    }

    internal void HandleOpened(SimulatedConnection connection) => Handle(new SocketEvent.Opened(connection.Id, connection.Local, connection.Remote));

    /// <summary>A connection is lost, or could not be made.</summary>
    internal void Lose(SimulatedConnection connection, SocketFailure reason, string detail)
    {
        if (_streams.Remove(connection.Id)) Handle(new SocketEvent.Failed(connection.Id, reason, detail));
    }

    private void Listen(SocketRequest.TcpListen request)
    {
        if (!Host.Tcp.TryListen(this, request, out var listener, out var failure))
        {
            Post(new SocketEvent.Failed(request.Socket, failure, $"{request.Local}: {failure}"));
            return;
        }

        (_tcpListeners ??= []).Add(listener);
        Post(new SocketEvent.Opened(listener.Id, listener.Local, default));
    }

    private void Connect(SocketRequest.TcpConnect request)
    {
        if (!Host.Tcp.TryConnect(this, request, out var connection, out var failure))
        {
            Post(new SocketEvent.Failed(request.Socket, failure, $"{request.Local} to {request.Remote}: {failure}"));
            return;
        }

        _streams[request.Socket] = connection;
        connection.Start(Simulation.Now, request.NotBefore);
    }

    private bool TryCloseStream(SocketId id, bool abortive)
    {
        if (_streams.Remove(id, out var connection))
        {
            connection.Close(abortive);
            return true;
        }

        if (_tcpListeners?.Find(listener => listener.Id == id) is not { } listener) return false;
        _tcpListeners.Remove(listener);
        Host.Tcp.Unlisten(listener);
        return true;
    }

    private void StopStreams(bool silently)
    {
        foreach (var listener in _tcpListeners ?? []) Host.Tcp.Unlisten(listener);
        _tcpListeners = null;
        foreach (var connection in _streams.Values)
        {
            if (silently) connection.Vanish();
            else connection.Close(abortive: false);
        }

        _streams.Clear();
    }

    // A connection from an address that is gone is dead, and the other side is not told.
    private void AbandonStreams()
    {
        foreach (var connection in _streams.Values.Where(connection => !Host.HasAddress(connection.Local)).ToArray())
        {
            _streams.Remove(connection.Id);
            connection.Vanish();
            Post(new SocketEvent.Failed(connection.Id, SocketFailure.AddressGone, "the local address is gone"));
        }

        foreach (var listener in _tcpListeners?.Where(listener => !listener.Local.IsUnspecified && !Host.HasAddress(listener.Local)).ToArray() ?? [])
        {
            _tcpListeners!.Remove(listener);
            Host.Tcp.Unlisten(listener);
            Post(new SocketEvent.Failed(listener.Id, SocketFailure.AddressGone, "the address is gone"));
        }
    }
}
