using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Direct paths by TCP: where UDP is blocked, where TCP is all that is wanted, and beside UDP.</summary>
public sealed class TcpTests
{
    private static readonly LinkOptions s_link = LinkOptions.WithDelay(10);

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    /// <summary>Pairs of NATs by name that plain simultaneous open passes.</summary>
    public static TheoryData<string, string> EasyPairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            string[] names = [.. new[] { NatProfile.FullCone, NatProfile.Restricted, NatProfile.PortRestricted, NatProfile.Masquerade, NatProfile.Carrier }.Select(static profile => profile.Name)];
            foreach (string one in names)
            {
                foreach (string other in names) pairs.Add(one, other);
            }

            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(EasyPairs))]
    public void Two_peers_who_want_TCP_only_meet_through_every_easy_pair_of_NATs(string alice, string bob)
    {
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = PeerPair.BehindNats(seed, Profile(alice), Profile(bob), change: TcpPair.TcpOnly).Call();

            Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
            pair.AssertCarries();
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Where_UDP_is_blocked_TCP_is_there_at_once(bool atAlice, bool atBob)
    {
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = TcpPair.BehindNats(seed, atAlice, atBob).Call();
            Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());

            // Both SYNs leave at 2r and cross; a check and its answer, a challenge and its answer, a round trip each. Nobody waits for a time-out of UDP.
            const double r = 20, d = 20;
            Assert.InRange(pair.After<PeerEvent.PathChanged>(static changed => changed.Path.Kind == PathKind.Tcp), (2 * r) + (4 * d), (2 * r) + (6 * d) + 20);
            Assert.Equal(VerdictReason.Direct, pair.VerdictOfAlice().Reason);
            Assert.StartsWith("Direct by TCP from 192.168.1.10", pair.VerdictOfAlice().Sentence, StringComparison.Ordinal);
            pair.AssertCarries();
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Beside_UDP_TCP_is_a_spare_and_no_more(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false).Call();
        Assert.True(pair.Until(pair.IsOnUdp, 3));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(3));

        Assert.True(pair.IsOnUdp());
        var paths = pair.Alice.Machine.GetPaths(pair.Connection);
        Assert.Single(paths, static path => path is { Traits.Kind: PathKind.Tcp, IsValidated: true, IsActive: false });
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));

        Assert.True(pair.IsOnUdp());
        Assert.Equal(paths.Count, pair.Alice.Machine.GetPaths(pair.Connection).Count);
        Assert.Single(pair.Alice.Events, static entry => entry.Event is PeerEvent.PairFound); // nobody looks for anything any more
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_connection_that_works_outlives_new_credentials_that_reach_one_side_late(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false, TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));
        var start = pair.Net.Simulation.Now;
        int Checks() => pair.Alice.Events.Count(entry => entry.At > start && entry.Event is PeerEvent.CheckTraced);
        bool WasRelayed(SimulatedPeer peer) => peer.Events.Any(entry => entry.At > start && entry.Event is PeerEvent.PathChanged { Path.Kind: PathKind.Relay });

        pair.Net.ServerHost.Link.Up = pair.Net.ServerHost.Link.Up with { Loss = 0.7 };
        pair.Alice.Host.SetAddresses("192.168.1.10, 192.168.1.11");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(30));

        Assert.True(Checks() > 0, "both sides punch again");
        Assert.False(WasRelayed(pair.Alice) || WasRelayed(pair.Bob));
        Assert.True(pair.IsOnTcp(), pair.Say());
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Who_prefers_TCP_gets_it_though_UDP_works(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false, static options => options with { Prefer = PathKind.Tcp }).Call();

        Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(20));
        Assert.True(pair.IsOnTcp());
        pair.AssertCarries();
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void On_one_LAN_the_way_stays_inside(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var nat = net.Simulation.Internet.AddNat("the NAT", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", nat.Inside, "192.168.1.10", change: TcpPair.TcpOnly),
            net.AddPeer("bob", nat.Inside, "192.168.1.20", change: TcpPair.TcpOnly)).Call();

        Assert.True(pair.Until(pair.IsOnTcp, 2), pair.Say());

        Assert.Equal("192.168.1.20", pair.Alice.PathOf(pair.Connection)!.Remote!.Value.Address.ToString());
        Assert.Equal("192.168.1.10", pair.Bob.PathOf(pair.Bob.Opened)!.Remote!.Value.Address.ToString());
        pair.AssertCarries();
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_public_host_is_reached_from_behind_any_NAT(ulong seed)
    {
        foreach (var profile in NatProfile.Presets)
        {
            var net = new PeerInternet(seed, s_link);
            var nat = net.Simulation.Internet.AddNat("the NAT", profile, "203.0.113.1", link: s_link);
            var pair = PeerPair.Warm(
                net,
                net.AddPeer("alice", nat.Inside, "192.168.1.10", change: TcpPair.TcpOnly),
                net.AddPeer("bob", net.Simulation.Internet, "203.0.113.9", s_link, change: TcpPair.TcpOnly)).Call();

            Assert.True(pair.Until(pair.IsOnTcp, 3), $"{profile.Name}: {pair.Say()}");
            pair.AssertCarries();
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void IPv6_hosts_behind_stateful_firewalls_meet(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var one = net.Simulation.Internet.AddFirewall("firewall of alice", new StatefulFirewall(), "2001:db8:1::/64", s_link);
        var other = net.Simulation.Internet.AddFirewall("firewall of bob", new StatefulFirewall(), "2001:db8:2::/64", s_link);
        var pair = PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "2001:db8:1::10", change: OverIPv6), net.AddPeer("bob", other.Inside, "2001:db8:2::20", change: OverIPv6)).Call();

        Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
        Assert.True(pair.Alice.PathOf(pair.Connection)!.Remote!.Value.IsIPv6);
        pair.AssertCarries();
    }

    [Theory]
    [InlineData(10, 40)]
    [InlineData(40, 10)]
    [InlineData(5, 90)]
    [InlineData(90, 5)]
    public void Peers_at_different_distances_start_together(double aliceDelay, double bobDelay)
    {
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted, aliceDelay, bobDelay, 10, TcpPair.TcpOnly).Call();
            Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());

            // The request takes r_a; then both wait for the one that is farther from the server. A connection, a check, a challenge: a round trip each.
            double near = aliceDelay + 10, far = bobDelay + 10, d = aliceDelay + bobDelay;
            Assert.InRange(pair.After<PeerEvent.PathChanged>(static changed => changed.Path.Kind == PathKind.Tcp), near + Math.Max(near, far) + (4 * d), near + Math.Max(near, far) + (6 * d) + 20);
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_connection_that_comes_before_the_push_of_its_session_is_kept_for_it(ulong seed)
    {
        // The server cannot know that this way is so long today: bob's push comes long after alice's SYN, to a host that nothing protects.
        var net = new PeerInternet(seed, s_link);
        var nat = net.Simulation.Internet.AddNat("the NAT", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", nat.Inside, "192.168.1.10", change: TcpPair.TcpOnly),
            net.AddPeer("bob", net.Simulation.Internet, "203.0.113.9", s_link, change: TcpPair.TcpOnly)).Call();
        pair.Bob.Host.Link.Down = s_link with { Delay = TimeSpan.FromMilliseconds(400) };
        net.Simulation.RunFor(TimeSpan.FromMilliseconds(30));
        pair.Bob.Host.Link.Down = s_link;

        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        Assert.Equal(0, pair.VerdictOfBob().TcpAttempts); // it was there already
        Assert.InRange(pair.After<PeerEvent.PathChanged>(static changed => changed.Path.Kind == PathKind.Tcp), 420, 550); // the push, and a round trip
        pair.AssertCarries();
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Both_call_at_once_and_there_is_one_session_by_TCP(ulong seed)
    {
        foreach (double lead in new[] { -15.0, 0, 15 })
        {
            var pair = TcpPair.BehindNats(seed, false, false, TcpPair.TcpOnly);
            var now = pair.Net.Simulation.Now + TimeSpan.FromMilliseconds(50);
            ConnectionHandle atAlice = default, atBob = default;
            pair.Net.Simulation.Schedule(now, () => atAlice = pair.Alice.Connect("bob"));
            pair.Net.Simulation.Schedule(now + TimeSpan.FromMilliseconds(lead), () => atBob = pair.Bob.Connect("alice"));

            Assert.True(pair.Until(() => pair.Alice.PathOf(atAlice) is { Kind: PathKind.Tcp } && pair.Bob.PathOf(atBob) is { Kind: PathKind.Tcp }, 5), $"lead {lead}");
            pair.Alice.Send(atAlice, PeerPair.Payload(1_000));
            pair.Bob.Send(atBob, PeerPair.Payload(2_000));
            Assert.True(pair.Until(() => pair.Bob.BytesReceived == 1_000 && pair.Alice.BytesReceived == 2_000, 5), $"lead {lead}");
        }
    }

    [Fact]
    public void Who_wants_UDP_only_and_who_wants_TCP_only_are_told_so()
    {
        var pair = TcpPair.BehindNats(1, false, false, static options => options with { Transports = options.Name == "alice" ? Transports.Tcp : Transports.Udp }).Call();
        Assert.True(pair.Until(() => pair.IsOpen, 2));

        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.NoCommonTransport && pair.VerdictOfBob().Reason == VerdictReason.NoCommonTransport, 12), pair.Say());
        pair.AssertCarries();
    }

    [Theory]
    [InlineData(Transports.Udp, Transports.Tcp)]
    [InlineData(Transports.Tcp, Transports.Udp)]
    public void They_are_told_so_though_nothing_is_known_of_TCP(Transports atAlice, Transports atBob)
    {
        var net = new PeerInternet(1, s_link);
        net.KillTcpStun();
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: s_link);
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", one.Inside, "192.168.1.10", change: options => options with { Transports = atAlice }),
            net.AddPeer("bob", other.Inside, "192.168.1.20", change: options => options with { Transports = atBob })).Call();
        net.Simulation.RunFor(TimeSpan.FromMinutes(2));

        Assert.All([pair.VerdictOfAlice(), pair.VerdictOfBob()], static verdict => Assert.Equal(VerdictReason.NoCommonTransport, verdict.Reason));
    }

    [Fact]
    public void That_a_peer_wants_TCP_only_is_not_taken_for_a_firewall()
    {
        var pair = TcpPair.BehindNats(
            1, false, false, static options => options with { Transports = options.Name == "alice" ? Transports.All : Transports.Tcp }, NatProfile.Strict, NatProfile.Strict).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(5));

        Assert.All([pair.VerdictOfAlice(), pair.VerdictOfBob()], static verdict => Assert.Equal(VerdictReason.NoAnswer, verdict.Reason));
    }

    [Fact]
    public void Who_wants_UDP_only_and_has_none_is_told_of_that_first()
    {
        var pair = TcpPair.BehindNats(1, true, true, static options => options with { Transports = options.Name == "alice" ? Transports.Udp : Transports.All }).Call();
        Assert.True(pair.Until(() => pair.IsOpen, 2));

        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.UdpBlockedBoth && pair.VerdictOfBob().Reason == VerdictReason.UdpBlockedBoth, 60), pair.Say());
    }

    [Fact]
    public void Who_wants_UDP_only_neither_listens_nor_connects()
    {
        var pair = TcpPair.BehindNats(1, false, false, static options => options with { Transports = Transports.Udp }).Call();
        Assert.True(pair.Until(pair.IsOnUdp, 3));
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(5));

        Assert.Equal(0, pair.Alice.Host.Traffic.SynsSent);
        Assert.Null(pair.Alice.Machine.Nat!.Tcp);
    }

    [Fact]
    public void What_was_found_out_stands_when_a_peer_ends()
    {
        foreach (var transports in new[] { Transports.All, Transports.Tcp, Transports.Udp })
        {
            var pair = TcpPair.BehindNats(1, false, false, options => options with { Transports = transports });
            var (known, end) = (pair.Alice.Machine.Nat!, pair.Net.Simulation.Now);

            pair.Alice.Invoke(static (machine, now) => machine.Stop(now, 0, "bye"));
            pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(5));

            Assert.Same(known, pair.Alice.Machine.Nat);
            Assert.DoesNotContain(pair.Alice.Events, entry => entry.At >= end && entry.Event is PeerEvent.NatReported);
        }
    }

    [Fact]
    public void A_port_that_the_user_asked_for_must_be_had_for_TCP_too()
    {
        var net = new PeerInternet(1, s_link);
        var host = net.Simulation.Internet.AddHost("alice", "203.0.113.9");
        var other = new Scenarios.Lab.TcpHost(host).Listen(port: 7_000);
        net.Simulation.RunFor(TimeSpan.FromSeconds(1));
        Assert.NotEmpty(other.Events);

        var alice = net.AddPeer(host, static options => options with { Port = 7_000, AnyPortInstead = false });

        Assert.True(net.Simulation.RunUntil(() => alice.Find<PeerEvent.SocketsFailed>() is not null, TimeSpan.FromSeconds(2)));
        var failed = alice.Find<PeerEvent.SocketsFailed>()!;
        Assert.Equal(PeerError.PortInUse, failed.Error);
        Assert.StartsWith("TCP port 7000 is taken", failed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_course_of_events()
    {
        Assert.Equal(Course(7), Course(7));

        static List<string> Course(ulong seed)
        {
            var pair = TcpPair.BehindNats(seed, true, false, alice: NatProfile.Resetting, bob: NatProfile.Resetting).Call();
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(10));
            return [.. pair.Alice.Events.Concat(pair.Bob.Events).Select(static entry => $"{entry.At} {entry.Event.GetType().Name}"), $"{pair.Alice.Host.Traffic.SegmentsSent}"];
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_connection_that_is_closed_leaves_no_connection_of_TCP(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false, TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));

        pair.Alice.Invoke((machine, now) => machine.Close(now, pair.Connection, 4, "enough"));

        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Closed>() is not null, 2));
        Assert.Equal((PeerError.ClosedByPeer, 4UL, "enough"), (pair.Bob.Find<PeerEvent.Closed>()!.Error, pair.Bob.Find<PeerEvent.Closed>()!.Code, pair.Bob.Find<PeerEvent.Closed>()!.Text));
        Assert.True(pair.Until(() => pair.Alice.Machine.ConnectionCount + pair.Bob.Machine.ConnectionCount == 0, 10));
        Assert.True(pair.Until(() => pair.Alice.TcpConnections + pair.Bob.TcpConnections == 0, 5), "no connection is left");
    }

    private static PeerMachineOptions OverIPv6(PeerMachineOptions options) => TcpPair.TcpOnly(options) with
    {
        Server = options.Server with { Server = new Uri($"http://[{PeerInternet.ServerAddressIPv6}]:8848") },
    };

    private static NatProfile Profile(string name) => NatProfile.Presets.Single(profile => profile.Name == name);
}
