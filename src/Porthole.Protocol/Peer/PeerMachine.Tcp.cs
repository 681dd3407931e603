using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Peer;

/// <summary>TCP connections before it is known whose they are, and the pace of all that are made.</summary>
public sealed partial class PeerMachine
{
    private void HandleAccepted(Instant now, SocketEvent.Accepted accepted)
    {
        if (_context.TcpPorts.TryFind(accepted.Listener, out var port)) _context.Unclaimed.Add(now, accepted.Socket, port.Local, accepted.Remote);
        else _context.Requests.Enqueue(new SocketRequest.Close(accepted.Socket, Abortive: true)); // its port is gone
    }

    private void HandleOther(Instant now, SocketEvent socketEvent)
    {
        foreach (var link in _links)
        {
            if (link.HandleSocketEvent(now, socketEvent)) return;
        }

        if (socketEvent is SocketEvent.Failed failed)
        {
            if (_context.Unclaimed.Remove(failed.Socket)) return;
            foreach (var link in _links) link.HandlePortGone(now, failed.Socket);
        }

        if (_registrar.HandleSocketEvent(now, socketEvent) is { } lost)
        {
            foreach (var link in _links) link.HandleSocketsGone(now, [lost]);
        }
        else if (socketEvent is SocketEvent.Opened opened && _context.TcpPorts.TryFind(opened.Socket, out var port))
        {
            foreach (var link in _links) link.HandlePortOpened(now, port);
        }
    }

    /// <summary>A message on a connection that nobody has claimed: the link that it authenticates to takes the connection.</summary>
    /// <returns>Whether the socket is such a connection.</returns>
    private bool HandleUnclaimed(Instant now, SocketId socket, ReadOnlySpan<byte> message)
    {
        if (_context.Unclaimed.Count == 0 || !_context.Unclaimed.TryFind(socket, out var connection)) return false;
        foreach (var link in _links)
        {
            if (!link.TryClaim(now, connection, message)) continue;
            _context.Unclaimed.Remove(socket);
            return true;
        }

        connection.Keep(message);
        return true;
    }

    /// <summary>Takes the next attempt to connect, of each link in turn, as far as the budget of all goes.</summary>
    private bool TryTakeConnect([NotNullWhen(true)] out SocketRequest? request)
    {
        request = null;
        _isConnectHeld = _context.TcpPunches > 0 && _context.Connects.IsSpent(_now);
        if (_isConnectHeld) return false;
        for (int i = 0; i < _links.Count; i++)
        {
            _nextConnecter = _nextConnecter + 1 < _links.Count ? _nextConnecter + 1 : 0;
            if (_links[_nextConnecter].TryTakeSocketRequest(_now, out request)) return true;
        }

        return false;
    }
}
