using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Connections that came to a punching port and have not shown yet whom they are for. A check that authenticates makes them a link's; the others, scanners and
/// strangers, are reset after a while. Nothing is ever sent on them.
/// </summary>
internal sealed class UnclaimedConnections
{
    /// <summary>The most at a time. The oldest gives way: a peer's check comes right behind its connection.</summary>
    public const int Limit = 64;

    /// <summary>The most from one host, so that one stranger does not make the others give way: two hosts behind one NAT, each with some attempts.</summary>
    public const int LimitPerHost = 16;

    /// <summary>How long a connection may keep silent: the push of a session may come later than the other side's SYN, but not by more.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly List<UnclaimedConnection> _connections = [];
    private readonly Queue<SocketRequest> _requests = [];

    /// <summary>How many there are.</summary>
    public int Count => _connections.Count;

    /// <summary>When the oldest is to be reset.</summary>
    public Instant? NextDeadline => _connections.Count == 0 ? null : _connections[0].GiveUpAt;

    /// <summary>Takes a connection that a listener accepted.</summary>
    public void Add(Instant now, SocketId socket, TransportAddress local, TransportAddress remote)
    {
        int ofHost = 0;
        UnclaimedConnection? oldest = null;
        foreach (var connection in _connections)
        {
            if (!connection.Remote.SameHost(remote)) continue;
            oldest ??= connection;
            ofHost++;
        }

        if (ofHost == LimitPerHost) Reset(oldest!);
        else if (_connections.Count == Limit) Reset(_connections[0]);
        _connections.Add(new UnclaimedConnection(socket, local, remote, now + Patience));
    }

    /// <summary>Finds a connection.</summary>
    public bool TryFind(SocketId socket, [NotNullWhen(true)] out UnclaimedConnection? connection)
    {
        connection = null;
        foreach (var known in _connections)
        {
            if (known.Socket == socket) connection = known;
        }

        return connection is not null;
    }

    /// <summary>The connections whose first message waits for somebody.</summary>
    public IEnumerable<UnclaimedConnection> Waiting => _connections.Where(static connection => !connection.Message.IsEmpty);

    /// <summary>A connection belongs to somebody now, or is gone.</summary>
    /// <returns>False when it was not here.</returns>
    public bool Remove(SocketId socket) => _connections.RemoveAll(connection => connection.Socket == socket) > 0;

    /// <summary>Ends a connection without a word.</summary>
    public void Reset(UnclaimedConnection connection)
    {
        _connections.Remove(connection);
        _requests.Enqueue(new SocketRequest.Close(connection.Socket, Abortive: true));
    }

    /// <summary>Resets those that kept silent for too long.</summary>
    public void HandleDeadline(Instant now)
    {
        while (_connections.Count > 0 && _connections[0].GiveUpAt <= now) Reset(_connections[0]);
    }

    /// <summary>Resets all.</summary>
    public void Clear()
    {
        while (_connections.Count > 0) Reset(_connections[0]);
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);
}

/// <summary>One connection that nobody has claimed.</summary>
internal sealed class UnclaimedConnection(SocketId socket, TransportAddress local, TransportAddress remote, Instant giveUpAt) : PunchedConnection(socket, local, remote)
{
    public Instant GiveUpAt { get; } = giveUpAt;
}
