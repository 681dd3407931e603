using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Peer;

/// <summary>The fresh sockets of one link: those of the punch that runs, and those that carry a path. Each counts against the budget of the machine.</summary>
internal sealed class FreshSockets(PeerContext context)
{
    private readonly Dictionary<SocketId, FreshSocket> _sockets = [];

    /// <summary>The sockets that are open, or were asked for.</summary>
    public IReadOnlyCollection<FreshSocket> All => _sockets.Values;

    /// <summary>Asks for a socket.</summary>
    /// <param name="localHost">The local address to bind; its port does not matter.</param>
    /// <param name="round">The round it is for.</param>
    /// <returns>Null when there are too many.</returns>
    public FreshSocket? Open(TransportAddress localHost, int round)
    {
        if (!context.Sprays.TryHold()) return null;
        var socket = new FreshSocket(context.NextSocket(), round);
        _sockets.Add(socket.Id, socket);
        context.Requests.Enqueue(new SocketRequest.UdpBind(socket.Id, localHost.WithPort(0)) { IsTentative = true });
        return socket;
    }

    public bool TryFind(SocketId id, [NotNullWhen(true)] out FreshSocket? socket) => _sockets.TryGetValue(id, out socket);

    /// <summary>Closes a socket that is of no more use.</summary>
    public void Close(SocketId id)
    {
        if (!_sockets.Remove(id)) return;
        context.Sprays.HandleReleased();
        context.Requests.Enqueue(new SocketRequest.Close(id));
    }

    /// <summary>Takes word that a socket is lost, or could not be had.</summary>
    /// <returns>Whether it was one of these.</returns>
    public bool HandleFailed(SocketId id)
    {
        if (!_sockets.Remove(id)) return false;
        context.Sprays.HandleReleased();
        return true;
    }
}
