using Porthole.Protocol.Peer;

namespace Porthole.Protocol.Tests.Peer;

public sealed class UnclaimedConnectionsTests
{
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:8900");

    private readonly UnclaimedConnections _connections = new();
    private int _last;

    [Fact]
    public void Who_keeps_silent_is_reset()
    {
        var socket = Add(Instant.Zero, "203.0.113.7:1000");
        Assert.Equal(Instant.Zero + UnclaimedConnections.Patience, _connections.NextDeadline);

        _connections.HandleDeadline(Instant.Zero + UnclaimedConnections.Patience - TimeSpan.FromTicks(1));
        Assert.Empty(Resets());
        _connections.HandleDeadline(Instant.Zero + UnclaimedConnections.Patience);

        Assert.Equal([socket], Resets());
        Assert.Null(_connections.NextDeadline);
    }

    [Fact]
    public void Whoever_is_claimed_stays_open()
    {
        var socket = Add(Instant.Zero, "203.0.113.7:1000");

        Assert.True(_connections.Remove(socket));
        Assert.False(_connections.Remove(socket));
        _connections.HandleDeadline(Instant.Zero + UnclaimedConnections.Patience);

        Assert.Empty(Resets());
    }

    [Fact]
    public void One_host_makes_only_its_own_give_way()
    {
        var other = Add(Instant.Zero, "198.51.100.9:1000");
        var first = Add(Instant.Zero, "203.0.113.7:1000");
        for (int i = 1; i < 200; i++) Add(Instant.Zero, $"203.0.113.7:{1000 + i}");

        Assert.Equal(UnclaimedConnections.LimitPerHost + 1, _connections.Count);
        Assert.Contains(first, Resets());
        Assert.True(_connections.Remove(other));
    }

    [Fact]
    public void Many_hosts_make_the_oldest_give_way()
    {
        var first = Add(Instant.Zero, "203.0.113.7:1000");
        for (int i = 0; i < UnclaimedConnections.Limit; i++) Add(Instant.Zero, $"198.51.100.{i + 1}:1000");

        Assert.Equal(UnclaimedConnections.Limit, _connections.Count);
        Assert.Equal([first], Resets());
    }

    [Fact]
    public void The_newest_message_is_kept_and_long_ones_are_not()
    {
        Add(Instant.Zero, "203.0.113.7:1000");
        Assert.True(_connections.TryFind(new SocketId(-1), out var connection));
        Assert.Empty(_connections.Waiting);

        connection.Keep([1, 2]);
        connection.Keep([3]);
        connection.Keep(new byte[16_000]);

        Assert.Equal([3], Assert.Single(_connections.Waiting).Message.ToArray());
    }

    private SocketId Add(Instant now, string remote)
    {
        var socket = new SocketId(--_last);
        _connections.Add(now, socket, s_local, TransportAddress.Parse(remote));
        return socket;
    }

    private List<SocketId> Resets()
    {
        var closed = new List<SocketId>();
        while (_connections.TryTakeRequest(out var request))
        {
            Assert.True(Assert.IsType<SocketRequest.Close>(request).Abortive);
            closed.Add(request.Socket);
        }

        return closed;
    }
}
