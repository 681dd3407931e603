using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Server;

/// <summary>
/// Carries relay frames from connection to connection on the receiving connection's own task: the rendezvous machine, which has one thread, never sees
/// them. Only the route table is shared, and looking up takes no lock.
/// </summary>
internal sealed class RelayForwarder(RelayRouter router, InstantClock clock)
{
    private readonly ConcurrentDictionary<SocketId, ServerConnection> _connections = new();

    public int Connections => _connections.Count;

    public int Routes => router.Count / 2;

    public void Add(ServerConnection connection) => _connections[connection.Id] = connection;

    public void Remove(ServerConnection connection) => _connections.TryRemove(new KeyValuePair<SocketId, ServerConnection>(connection.Id, connection));

    /// <summary>Passes a relay frame on, or drops it where the rules of fairness say so.</summary>
    /// <returns>False when the message is no relay frame and is for the machine.</returns>
    public bool TryForward(SocketId from, ReadOnlySpan<byte> message)
    {
        if (message is not [(byte)MainMessageKind.Relay, ..]) return false;
        if (router.TryRoute(from, message, out var to) && TryFind(to, out var receiver)) receiver.SendRelayed(clock.Now, message);
        return true;
    }

    private bool TryFind(SocketId id, [NotNullWhen(true)] out ServerConnection? connection) => _connections.TryGetValue(id, out connection);
}
