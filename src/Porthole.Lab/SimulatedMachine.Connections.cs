using System.Collections.Immutable;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Lab;

// Main connections: those this machine has asked for, and those its listener has accepted.
public sealed partial class SimulatedMachine
{
    private Dictionary<SocketId, ConnectionEnd>? _connections;
    private List<ConnectionListener>? _listeners;
    private int _lastAccepted;

    /// <summary>The main connections that are open, in order of their numbers.</summary>
    public IReadOnlyList<SocketId> Connections => _connections is null ? [] : [.. _connections.Keys.OrderByDescending(static id => id.Value)];

    /// <summary>Listens for main connections. The machine hears of each by <see cref="SocketEvent.Accepted"/>, numbered from -1 down.</summary>
    /// <param name="port">The port of the server's URI.</param>
    /// <param name="listener">The listener's number in those events.</param>
    public void Listen(ushort port, SocketId listener)
    {
        var added = new ConnectionListener(this, port, listener);
        if (!Simulation.TryAddListener(added)) throw new InvalidOperationException($"Port {port} is taken on {Host.Name}.");
        (_listeners ??= []).Add(added);
    }

    internal ConnectionEnd Accept(
        ConnectionListener listener, TransportAddress local, TransportAddress remote, ConnectionEnd client, MainConnectionPath back)
    {
        var end = new ConnectionEnd(this, new SocketId(--_lastAccepted), local);
        end.Join(client, back);
        (_connections ??= []).Add(end.Id, end);
        Handle(new SocketEvent.Accepted(listener.Id, end.Id, remote));
        return end;
    }

    internal void HandleOpened(ConnectionEnd end, TransportAddress remote) => Handle(new SocketEvent.Opened(end.Id, end.Local, remote));

    /// <summary>A connection is lost.</summary>
    internal void Lose(ConnectionEnd end, SocketFailure reason, string detail)
    {
        if (_connections is null || !_connections.Remove(end.Id)) return;
        end.IsOpen = false;
        Handle(new SocketEvent.Failed(end.Id, reason, detail));
    }

    internal void HandleCongestion(SocketId socket, bool congested)
    {
        // In its turn: the machine may be writing just now.
        Post(congested ? new SocketEvent.Congested(socket) : new SocketEvent.Writable(socket));
    }

    private void Connect(SocketRequest.ServerConnect request)
    {
        bool isIPv6 = Simulation.TryResolve(request.Server.Host, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
        var local = Host.Primary(isIPv6);
        ushort port = request.LocalPort != 0 && Host.Tcp.CanUse(this, local.WithPort(request.LocalPort)) ? request.LocalPort : Host.FreePort(local);
        var end = new ConnectionEnd(this, request.Socket, local.WithPort(port));
        (_connections ??= []).Add(end.Id, end);
        ServerConnector.Connect(Simulation, end, request.Server);
    }

    private void CloseConnection(SocketId id)
    {
        if (_connections is null || !_connections.Remove(id, out var end)) return;
        end.Close(silently: false);
    }

    private void StopConnections(bool silently)
    {
        foreach (var listener in _listeners ?? []) Simulation.RemoveListener(listener);
        if (_connections is null) return;
        var ends = _connections.Values.ToArray();
        _connections.Clear();
        foreach (var end in ends) end.Close(silently);
    }

    // A connection from an address that is gone is dead, and the other side is not told.
    private void AbandonConnections(ImmutableArray<TransportAddress> addresses)
    {
        if (_connections is null) return;
        foreach (var end in _connections.Values.Where(end => !addresses.Contains(end.Local.Host)).ToArray())
        {
            _connections.Remove(end.Id);
            end.Close(silently: true);
            Post(new SocketEvent.Failed(end.Id, SocketFailure.AddressGone, "the local address is gone"));
        }
    }
}
