namespace Porthole.Protocol.Rendezvous;

/// <summary>Who is online: the connections of each identity. One identity may be online several times, and nobody is put out by a second log-in.</summary>
internal sealed class PeerDirectory
{
    private readonly Dictionary<PeerId, ServerConnection> _first = [];

    /// <summary>How many identities are online.</summary>
    public int Count => _first.Count;

    /// <summary>Any connection of each identity.</summary>
    public Dictionary<PeerId, ServerConnection>.ValueCollection All => _first.Values;

    /// <summary>The first connection of a peer; the others follow by <see cref="ServerConnection.Sibling"/>. Null when it is not online.</summary>
    public ServerConnection? Find(PeerId peer) => _first.GetValueOrDefault(peer);

    public int CountInstances(PeerId peer)
    {
        int count = 0;
        for (var connection = Find(peer); connection is not null; connection = connection.Sibling) count++;
        return count;
    }

    public ServerConnection? FindInstance(PeerId peer, InstanceId instance)
    {
        for (var connection = Find(peer); connection is not null; connection = connection.Sibling)
        {
            if (connection.Instance == instance) return connection;
        }

        return null;
    }

    /// <summary>The registered connection that a connect goes to: the one named, else the one that was active last.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="name">The name that was dialled: only instances that registered it; null when the id was dialled.</param>
    /// <param name="instance">The instance that was asked for; null for any.</param>
    public ServerConnection? Choose(PeerId peer, string? name, InstanceId? instance)
    {
        ServerConnection? best = null;
        for (var connection = Find(peer); connection is not null; connection = connection.Sibling)
        {
            if (!connection.IsRegistered || (instance is { } wanted && connection.Instance != wanted)) continue;
            if (instance is null && name is not null && connection.Name != name) continue;
            if (best is null || IsBetter(connection, best)) best = connection;
        }

        return best;
    }

    public void Add(ServerConnection connection)
    {
        connection.Sibling = Find(connection.Peer);
        _first[connection.Peer] = connection;
    }

    public void Remove(ServerConnection connection)
    {
        if (Find(connection.Peer) is not { } first) return;
        if (first == connection)
        {
            if (connection.Sibling is { } next) _first[connection.Peer] = next;
            else _first.Remove(connection.Peer);
        }
        else
        {
            while (first.Sibling is { } next && next != connection) first = next;
            if (first.Sibling == connection) first.Sibling = connection.Sibling;
        }

        connection.Sibling = null;
    }

    // A run that only connects (policy "nobody") takes a call only when there is no other.
    private static bool IsBetter(ServerConnection connection, ServerConnection best) =>
        (connection.Policy == AcceptPolicy.Nobody) == (best.Policy == AcceptPolicy.Nobody)
            ? connection.LastActive > best.LastActive
            : best.Policy == AcceptPolicy.Nobody;
}
