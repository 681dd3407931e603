using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Every limit of the server at its edge, and the refusal beyond it.</summary>
public sealed class LimitTests
{
    private static readonly HandshakeOffer s_offer = new(HandshakePattern.XX, new byte[] { 1 });

    [Fact]
    public void Six_connects_a_minute_from_one_peer_to_another()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { ConnectsPerMinute = 6 });
        var bob = new RawClient(world).Greet().Register();
        var carol = new RawClient(world).Greet().Register();
        var alice = new RawClient(world).Greet().Register();
        for (ulong i = 1; i <= 7; i++) Connect(alice, bob, i);
        Assert.Equal(6, alice.Heard.OfType<ServerMessage.SessionBegun>().Count());
        Assert.Equal(new ServerMessage.Refused(RendezvousError.RateLimited, new SessionId(7)), alice.Heard[^1]);
        Connect(alice, carol, 8); // another is another matter
        Assert.IsType<ServerMessage.SessionBegun>(alice.Heard[^1]);
        world.Run(TimeSpan.FromSeconds(10));
        Connect(alice, bob, 9); // one more every ten seconds
        Assert.Equal(8, alice.Heard.OfType<ServerMessage.SessionBegun>().Count());
    }

    [Fact]
    public void Sixty_connects_a_minute_in_all()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { ConnectsPerMinute = 1_000, ConnectsPerMinuteInAll = 60 });
        var bob = new RawClient(world).Greet().Register();
        var alice = new RawClient(world).Greet().Register();
        for (ulong i = 1; i <= 61; i++) Connect(alice, bob, i);
        Assert.Equal(60, alice.Heard.OfType<ServerMessage.SessionBegun>().Count());
        Assert.Equal(RendezvousError.RateLimited, alice.Refusal);
    }

    [Fact]
    public void A_hundred_and_twenty_calls_a_minute_to_one_peer_from_however_many_identities()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxSessions = 1_000 });
        var bob = new RawClient(world).Greet().Register();
        ulong session = 0;
        for (int i = 0; i < 20; i++)
        {
            var mallory = new RawClient(world).Greet().Register();
            for (int call = 0; call < 6; call++) Connect(mallory, bob, ++session);
            Assert.Null(mallory.Refusal);
        }

        var late = new RawClient(world).Greet().Register();
        Connect(late, bob, ++session);
        Assert.Equal(RendezvousError.RateLimited, late.Refusal);
        Assert.Equal(120, bob.Heard.OfType<ServerMessage.SessionBegun>().Count());
    }

    [Fact]
    public void Sixty_four_sessions_of_one_connection()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { ConnectsPerMinute = 1_000, ConnectsPerMinuteInAll = 1_000, CallsPerMinute = 1_000 });
        var bob = new RawClient(world).Greet().Register();
        var alice = new RawClient(world).Greet().Register();
        for (ulong i = 1; i <= 64; i++) Connect(alice, bob, i);
        Assert.Null(alice.Refusal);
        Connect(alice, bob, 65);
        Assert.Equal(new ServerMessage.Refused(RendezvousError.TooManySessions, new SessionId(65)), alice.Heard[^1]);
        alice.Say(new ClientMessage.Release(new SessionId(1)));
        Connect(alice, bob, 66);
        Assert.Equal(65, alice.Heard.OfType<ServerMessage.SessionBegun>().Count());
    }

    [Fact]
    public void A_session_that_waits_for_its_other_side_gives_way()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxSessions = 1 });
        var bob = new RawClient(world).Greet().Register();
        var alice = new RawClient(world).Greet().Register();
        for (ulong i = 1; i <= 3; i++) alice.Say(new ClientMessage.Reopen(new SessionId(i), bob.Key.PeerId, 0));
        Connect(alice, bob, 9);
        Assert.IsType<ServerMessage.SessionBegun>(alice.Heard[^1]);
    }

    [Fact]
    public void Connections_in_all_and_from_one_address()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxConnections = 3, MaxConnectionsPerAddress = 2 });
        var first = new RawClient(world, "198.51.100.1:1").Greet();
        Assert.Null(new RawClient(world, "198.51.100.1:2").Greet().Refusal);
        Assert.Equal(RendezvousError.TooManyConnections, new RawClient(world, "198.51.100.1:3").Refusal);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Null(new RawClient(world, "198.51.100.2:1").Greet().Refusal);
        Assert.Equal(RendezvousError.ServerFull, new RawClient(world, "198.51.100.3:1").Refusal);
        world.Run(TimeSpan.FromSeconds(1));
        first.Hangup();
        Assert.Null(new RawClient(world, "198.51.100.1:4").Greet().Refusal);
    }

    [Fact]
    public void One_IPv6_network_counts_as_one_address()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxConnectionsPerAddress = 1 });
        Assert.Null(new RawClient(world, "[2001:db8:0:1::1]:1").Greet().Refusal);
        Assert.Equal(RendezvousError.TooManyConnections, new RawClient(world, "[2001:db8:0:1:ffff::9]:1").Refusal);
        Assert.Null(new RawClient(world, "[2001:db8:0:2::1]:1").Greet().Refusal);
    }

    [Fact]
    public void Hellos_from_one_address_are_limited()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { HellosPerMinute = 3 });
        for (int i = 0; i < 3; i++) Assert.Null(new RawClient(world).Refusal);
        Assert.Equal(RendezvousError.RateLimited, new RawClient(world).Refusal);
        world.Run(TimeSpan.FromSeconds(20));
        Assert.Null(new RawClient(world).Refusal);
    }

    [Fact]
    public void A_hello_that_does_not_come_to_an_end_is_cut_off_after_ten_seconds()
    {
        var world = new RendezvousWorld();
        var silent = new RawClient(world);
        var half = new RawClient(world).Handshake();
        world.Run(TimeSpan.FromMilliseconds(9_999));
        Assert.False(silent.IsClosed || half.IsClosed);
        world.Run(TimeSpan.FromMilliseconds(1));
        Assert.True(silent.IsClosed && half.IsClosed);
        Assert.Equal(0, world.Host.Server.Connections);
        Assert.Null(world.Host.NextDeadline);
    }

    [Fact]
    public void New_names_from_one_address_are_limited()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { NewNamesPerHour = 2 });
        var alice = new RawClient(world).Greet();
        alice.Register(name: "a");
        alice.Register(name: "b");
        Assert.Null(alice.Refusal);
        alice.Register(name: "c");
        Assert.Equal(RendezvousError.RateLimited, alice.Refusal);
        alice.Register(name: "a"); // not new
        Assert.IsType<ServerMessage.Registered>(alice.Heard[^1]);
        Assert.IsType<ServerMessage.Registered>(new RawClient(world, "198.51.100.99:1").Greet().Register(name: "c").Heard[^1]);
    }

    [Fact]
    public void Two_hundred_messages_at_once_and_then_it_is_a_flood()
    {
        var world = new RendezvousWorld();
        var alice = new RawClient(world).Greet();
        for (int i = 0; i < 199; i++) alice.Say(new ClientMessage.Ping(i)); // with the hello 200
        Assert.False(alice.IsClosed);
        alice.Say(new ClientMessage.Ping(200));
        Assert.Equal(RendezvousError.RateLimited, alice.Refusal);
        Assert.True(alice.IsClosed);
    }

    [Fact]
    public void A_client_that_reads_nothing_is_cut_off()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxQueuedMessages = 50 });
        var alice = new RawClient(world).Greet();
        world.Host.HandleSocketEvent(world.Now, new SocketEvent.Congested(alice.Socket));
        for (int i = 0; i < 50; i++) alice.Say(new ClientMessage.Ping(i));
        Assert.False(alice.IsClosed);
        alice.Say(new ClientMessage.Ping(50));
        Assert.True(alice.IsClosed);
        Assert.Equal(0, world.Host.Server.Connections);
    }

    [Fact]
    public void A_client_that_answers_no_ping_is_dropped_after_three()
    {
        var world = new RendezvousWorld();
        var alice = new RawClient(world).Greet().Register();
        world.Run(TimeSpan.FromMilliseconds(59_999));
        Assert.Equal(1, world.Host.Server.Connections);
        world.Run(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, world.Host.Server.Connections);
        Assert.Equal(3, alice.Heard.OfType<ServerMessage.Ping>().Count());
    }

    [Fact]
    public void Five_wrong_tokens_lock_an_address_out_for_a_while()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { Token = "open sesame" });
        Assert.Null(new RawClient(world).Greet("open sesame").Refusal);
        for (int i = 0; i < 5; i++) Assert.Equal(RendezvousError.WrongToken, new RawClient(world).Greet(i == 0 ? null : $"guess {i}").Refusal);
        Assert.Equal(RendezvousError.RateLimited, new RawClient(world).Greet("open sesame").Refusal);
        Assert.Null(new RawClient(world, "198.51.100.200:1").Greet("open sesame").Refusal);
        world.Run(TimeSpan.FromSeconds(12));
        Assert.Null(new RawClient(world).Greet("open sesame").Refusal);
    }

    [Fact]
    public void A_rate_limiter_forgets_who_is_quiet()
    {
        var limiter = new RateLimiter<int>(2, TimeSpan.FromSeconds(2));
        var now = Instant.Zero;
        Assert.True(limiter.TryTake(now, 1));
        Assert.True(limiter.TryTake(now, 1));
        Assert.False(limiter.TryTake(now, 1));
        Assert.False(limiter.TryTake(now + TimeSpan.FromMilliseconds(999), 1));
        Assert.True(limiter.TryTake(now + TimeSpan.FromMilliseconds(1_000), 1));
        for (int key = 0; key < 10_000; key++) limiter.TryTake(now += TimeSpan.FromMilliseconds(100), key);
        Assert.InRange(limiter.Count, 1, 40);
    }

    private static void Connect(RawClient from, RawClient to, ulong session) =>
        from.Say(new ClientMessage.Connect(new SessionId(session), to.Key.PeerId.ToString(), null, s_offer, Seen: 1_000));
}
