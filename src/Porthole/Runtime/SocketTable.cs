using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Runtime;

/// <summary>The open sockets of one machine, by the machine's numbers. The host's thread alone uses it.</summary>
internal sealed class SocketTable
{
    private readonly Dictionary<SocketId, INetworkSocket> _sockets = [];
    private readonly List<Task> _closing = [];

    public int Count => _sockets.Count;

    public bool Contains(SocketId id) => _sockets.ContainsKey(id);

    public void Add(INetworkSocket socket)
    {
        if (!_sockets.TryAdd(socket.Id, socket)) throw new InvalidOperationException($"Socket {socket.Id} is open already.");
    }

    public INetworkSocket? Find(SocketId id) => _sockets.GetValueOrDefault(id);

    public void Close(SocketId id, bool abortive)
    {
        if (!_sockets.Remove(id, out var socket)) return;
        socket.Close(abortive);
        _closing.RemoveAll(static task => task.IsCompleted);
        _closing.Add(socket.Closed);
    }

    /// <summary>Closes everything.</summary>
    /// <returns>Completes when all descriptors are released, those closed before too.</returns>
    public Task CloseAllAsync()
    {
        foreach (var id in _sockets.Keys.ToArray()) Close(id, abortive: false);
        return Task.WhenAll(_closing);
    }
}
