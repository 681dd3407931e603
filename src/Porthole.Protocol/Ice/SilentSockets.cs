using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Ice;

/// <summary>
/// Sockets that no pairs are formed for: fresh ones, opened toward the other agent, that its checks may come to. They are no candidates, so that they
/// neither count as such nor take pairs from those that are.
/// </summary>
internal sealed class SilentSockets
{
    private readonly Dictionary<SocketId, Candidate> _sockets = [];

    /// <returns>False when it is known, or there are <see cref="IceOptions.SilentSocketLimit"/>.</returns>
    public bool TryAdd(Candidate socket) => _sockets.Count < IceOptions.SilentSocketLimit && _sockets.TryAdd(socket.Socket, socket);

    public bool TryFind(SocketId socket, [NotNullWhen(true)] out Candidate? sender) => _sockets.TryGetValue(socket, out sender);

    public void Remove(SocketId socket) => _sockets.Remove(socket);
}
