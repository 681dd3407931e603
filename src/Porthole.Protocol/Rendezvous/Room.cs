namespace Porthole.Protocol.Rendezvous;

/// <summary>Peers that see each other. A peer with several instances in the room is there once.</summary>
internal sealed class Room(string name)
{
    private readonly Dictionary<PeerId, int> _instances = [];

    public string Name { get; } = name;

    public HashSet<ServerConnection> Members { get; } = [];

    /// <returns>Whether the peer was not in the room before.</returns>
    public bool Add(ServerConnection connection)
    {
        if (!Members.Add(connection)) return false;
        int count = _instances.GetValueOrDefault(connection.Peer);
        _instances[connection.Peer] = count + 1;
        return count == 0;
    }

    /// <returns>Whether the peer is not in the room any more.</returns>
    public bool Remove(ServerConnection connection)
    {
        if (!Members.Remove(connection)) return false;
        int count = _instances[connection.Peer] - 1;
        if (count > 0) _instances[connection.Peer] = count;
        else _instances.Remove(connection.Peer);
        return count == 0;
    }
}
