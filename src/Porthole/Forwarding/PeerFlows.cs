namespace Porthole.Forwarding;

/// <summary>The UDP flows of a peer at a sharer, over all of its connections: where there is no room, the connection that has most of them gives up its quietest.</summary>
internal sealed class PeerFlows(int capacity)
{
    private readonly List<SharedFlows> _connections = [];

    /// <summary>Is held whenever flows of the peer begin, are used or end.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Flows of a connection count from now on; under the gate.</summary>
    public void Add(SharedFlows connection) => _connections.Add(connection);

    /// <summary>A connection has no flows any more; under the gate.</summary>
    public void Remove(SharedFlows connection) => _connections.Remove(connection);

    /// <summary>Makes room for a flow; under the gate.</summary>
    /// <returns>False when there is none to be made.</returns>
    public bool TryMakeRoom()
    {
        while (_connections.Sum(static connection => connection.Count) >= capacity)
        {
            if (!_connections.MaxBy(static connection => connection.Count)!.TryEndQuietest()) return false;
        }

        return true;
    }
}
