using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>How simulated TCP connections open, are refused, and end (RFC 9293), alone and through NATs.</summary>
public sealed class TcpTests
{
    private static readonly SocketId s_one = new(1);

    [Fact]
    public void A_connection_opens_in_one_round_trip_and_three_segments()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((Instant.FromMilliseconds(40), new SocketEvent.Opened(s_one, alice.Local, bob.Local)), Assert.Single(alice.Machine.Events));
        Assert.Equal(new SocketEvent.Opened(TcpHost.Listener, bob.Local, default), bob.Machine.Events[0].Event);
        Assert.Equal((Instant.FromMilliseconds(60), new SocketEvent.Accepted(TcpHost.Listener, new SocketId(-1), alice.Local)), bob.Machine.Events[1]);
        Assert.Equal((2, 1, 1), (alice.Host.Traffic.SegmentsSent, alice.Host.Traffic.SynsSent, alice.Host.Traffic.SegmentsReceived));
        Assert.Equal((1, 0, 2), (bob.Host.Traffic.SegmentsSent, bob.Host.Traffic.SynsSent, bob.Host.Traffic.SegmentsReceived));
        Assert.Equal(0, alice.Host.Traffic.Sent);
    }

    [Fact] // RFC 9293 section 3.5, figure 8
    public void Syns_that_cross_make_one_connection_and_four_segments_with_or_without_listeners()
    {
        foreach (bool listens in (bool[])[false, true])
        {
            var (lab, alice, bob) = CreatePair(20);
            if (listens)
            {
                alice.Listen();
                bob.Listen();
            }

            alice.Connect(1, bob.Local);
            bob.Connect(1, alice.Local);
            lab.RunFor(TimeSpan.FromSeconds(5));
            Assert.Equal((s_one, bob.Local), (Assert.Single(alice.Opened).Socket, alice.Opened.First().Remote));
            Assert.Equal((s_one, alice.Local), (Assert.Single(bob.Opened).Socket, bob.Opened.First().Remote));
            Assert.Equal(Instant.FromMilliseconds(40), alice.Machine.Events[^1].At);
            Assert.Empty(alice.Accepted.Concat(bob.Accepted));
            Assert.Equal((2, 1), (alice.Host.Traffic.SegmentsSent, alice.Host.Traffic.SynsSent));
            Assert.Equal((2, 1), (bob.Host.Traffic.SegmentsSent, bob.Host.Traffic.SynsSent));
        }
    }

    [Fact]
    public void Syns_that_cross_where_one_is_lost_make_one_connection()
    {
        var (lab, alice, bob) = CreatePair(20);
        var cut = lab.Cut((origin, _, _) => origin == bob.Host);
        alice.Connect(1, bob.Local);
        bob.Connect(1, alice.Local);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        cut.Heal(); // the SYN of one is lost, its SYN-ACK is not
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Single(alice.Opened);
        Assert.Single(bob.Opened);
        Assert.Equal(Instant.FromMilliseconds(40), alice.Machine.Events[^1].At);
        Assert.Equal(Instant.FromMilliseconds(60), bob.Machine.Events[^1].At);
    }

    [Fact]
    public void A_port_without_a_listener_refuses()
    {
        var (lab, alice, bob) = CreatePair(20);
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal([SocketFailure.Refused], alice.Failures);
        Assert.Equal(Instant.FromMilliseconds(40), alice.Machine.Events[0].At);
        Assert.Equal((1L, 1L), (alice.Host.Traffic.SegmentsSent, bob.Host.Traffic.SegmentsSent));
    }

    [Fact]
    public void A_syn_is_repeated_after_1_3_7_15_31_and_63_seconds_and_given_up_after_127()
    {
        var (lab, alice, bob) = CreatePair(20);
        var syns = new List<double>();
        bob.Host.PowerOff();
        lab.Trace = new PacketTrace { Watcher = entry => { if (entry.Step == TraceStep.Sent) syns.Add(entry.At.Ticks / 10_000_000.0); } };
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromMinutes(5));
        Assert.Equal([0, 1, 3, 7, 15, 31, 63], syns);
        Assert.Equal((Instant.FromMilliseconds(127_000), SocketFailure.TimedOut), (alice.Machine.Events[0].At, alice.Failures.Single()));
        Assert.Equal(7, alice.Host.Traffic.SynsSent);
    }

    [Fact]
    public void A_syn_leaves_at_its_time_and_not_if_it_is_closed_before()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Connect(1, bob.Local, notBefore: Instant.FromMilliseconds(300));
        alice.Connect(2, bob.Local, port: 9001, notBefore: Instant.FromMilliseconds(300));
        alice.Close(new SocketId(2));
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.FromMilliseconds(340), Assert.Single(alice.Machine.Events).At);
        Assert.Equal(1, alice.Host.Traffic.SynsSent);
    }

    [Fact]
    public void While_a_connect_waits_for_its_time_the_listener_takes_what_comes()
    {
        var (lab, alice, bob) = CreatePair(20);
        alice.Listen();
        alice.Connect(1, bob.Local, notBefore: Instant.FromMilliseconds(300));
        bob.Connect(1, alice.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Single(alice.Accepted);
        Assert.Equal([SocketFailure.InUse], alice.Failures);
    }

    [Fact]
    public void A_port_carries_a_listener_and_many_connections_and_a_4_tuple_only_once()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen().Listen(9001, socket: new SocketId(101));
        alice.Listen();
        alice.Connect(1, bob.Local);
        alice.Connect(2, bob.Local.WithPort(9001));
        alice.Connect(3, bob.Local);
        alice.Listen(socket: new SocketId(102));
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(2, alice.Opened.Count());
        Assert.Equal([new SocketId(3), new SocketId(102)], alice.Events.OfType<SocketEvent.Failed>().Where(f => f.Reason == SocketFailure.InUse).Select(f => f.Socket));
        Assert.Equal([new SocketId(-1), new SocketId(-2)], bob.Accepted.Select(accepted => accepted.Socket));
    }

    [Fact]
    public void A_port_of_another_machine_or_of_a_listener_that_does_not_share_is_in_use()
    {
        var (lab, alice, bob) = CreatePair(20);
        var other = new TcpHost(alice.Host);
        alice.Listen(shared: false);
        alice.Connect(1, bob.Local);
        other.Listen();
        other.Connect(2, bob.Local);
        other.Connect(3, bob.Local, port: 0);
        alice.Listen(0, socket: new SocketId(5));
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([SocketFailure.InUse], alice.Failures);
        Assert.Equal([SocketFailure.InUse, SocketFailure.InUse, SocketFailure.Refused], other.Failures);
        Assert.InRange(alice.Events.OfType<SocketEvent.Opened>().Single(opened => opened.Socket == new SocketId(5)).Local.Port, 32_768, 60_999);
    }

    [Fact]
    public void An_address_that_is_not_the_hosts_or_of_another_family_is_said_so()
    {
        var (lab, alice, bob) = CreatePair(20);
        alice.Machine.Request(new SocketRequest.TcpListen(s_one, TransportAddress.Parse("203.0.113.99:1"), true));
        alice.Machine.Request(new SocketRequest.TcpConnect(s_one, TransportAddress.Parse("203.0.113.99:1"), bob.Local, default));
        alice.Machine.Request(new SocketRequest.TcpConnect(s_one, TransportAddress.Parse("[::]:0"), TransportAddress.Parse("[2001:db8::1]:1"), default));
        alice.Running.Drain();
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([SocketFailure.AddressGone, SocketFailure.AddressGone, SocketFailure.Unreachable], alice.Failures);
    }

    [Fact]
    public void A_host_can_connect_to_itself_and_even_a_port_to_itself()
    {
        var (lab, alice, _) = CreatePair(20);
        alice.Listen();
        alice.Connect(1, alice.Local, port: 0);
        alice.Connect(2, alice.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Contains(new SocketEvent.Opened(new SocketId(2), alice.Local, alice.Local), alice.Opened);
        Assert.Equal(2, alice.Opened.Count());
        Assert.Single(alice.Accepted);
    }

    [Fact]
    public void A_late_answer_to_an_earlier_attempt_from_the_same_port_is_not_taken_for_this_ones()
    {
        var (lab, alice, bob) = CreatePair(20);
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromMilliseconds(30)); // the RST is on its way
        alice.Close(s_one);
        bob.Listen();
        alice.Connect(2, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(new SocketId(2), Assert.Single(alice.Opened).Socket);
        Assert.Empty(alice.Failures);
    }

    [Fact]
    public void An_attempt_whose_forerunner_was_answered_opens_at_its_second_syn()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromMilliseconds(30)); // the SYN-ACK is on its way
        alice.Close(s_one);
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        alice.Connect(2, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(new SocketId(2), Assert.Single(alice.Opened).Socket);
        Assert.Single(bob.Accepted);
    }

    [Theory]
    [InlineData(UnsolicitedSyn.Drop, null, 0)]
    [InlineData(UnsolicitedSyn.Reset, SocketFailure.Refused, 80)]
    [InlineData(UnsolicitedSyn.PortUnreachable, SocketFailure.Refused, 80)]
    [InlineData(UnsolicitedSyn.Prohibited, SocketFailure.Unreachable, 80)]
    public void A_nat_answers_a_syn_that_nobody_asked_for_as_its_profile_says(UnsolicitedSyn answer, SocketFailure? failure, double at)
    {
        var lab = new Simulation(1);
        var (alice, _, bob, bobs) = CreateBehindNats(lab, NatProfile.Resetting, NatProfile.PortRestricted with { Tcp = new NatTcpProfile { UnsolicitedSyn = answer } });
        bob.Listen();
        alice.Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
        lab.RunFor(TimeSpan.FromMilliseconds(900));
        Assert.Equal(failure is null ? [] : [failure.Value], alice.Failures);
        if (failure is not null) Assert.Equal(Instant.FromMilliseconds(at), alice.Machine.Events[^1].At);
        Assert.Equal(1, bobs.DroppedFor(NatDropReason.NoMapping));
        Assert.Equal(0, bob.Host.Traffic.SegmentsReceived);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(25)]
    [InlineData(700)]
    [InlineData(2500)]
    public void A_punch_through_two_nats_that_drop_needs_one_attempt_whoever_is_late(double late)
    {
        var lab = new Simulation(1);
        var (alice, _, bob, _) = CreateBehindNats(lab, NatProfile.PortRestricted, NatProfile.PortRestricted);
        alice.Listen().Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
        bob.Listen().Connect(1, TransportAddress.Parse("203.0.113.1:9000"), notBefore: Instant.FromMilliseconds(late));
        lab.RunFor(TimeSpan.FromSeconds(4));
        Assert.Equal(1, alice.Opened.Count() + alice.Accepted.Count());
        Assert.Equal(1, bob.Opened.Count() + bob.Accepted.Count());
    }

    [Fact]
    public void A_punch_through_two_nats_that_reset_needs_syns_that_cross()
    {
        var lab = new Simulation(1);
        var (alice, _, bob, _) = CreateBehindNats(lab, NatProfile.Resetting, NatProfile.Resetting);
        alice.Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
        bob.Connect(1, TransportAddress.Parse("203.0.113.1:9000"), notBefore: Instant.FromMilliseconds(200));
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([SocketFailure.Refused], alice.Failures);
        Assert.Equal([SocketFailure.Refused], bob.Failures);
        alice.Connect(2, TransportAddress.Parse("203.0.113.2:9000"), notBefore: Instant.FromMilliseconds(2000));
        bob.Connect(2, TransportAddress.Parse("203.0.113.1:9000"), notBefore: Instant.FromMilliseconds(2010));
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Single(alice.Opened);
        Assert.Single(bob.Opened);
    }

    [Fact]
    public void A_hairpin_and_a_strict_nat_behave_as_told()
    {
        var lab = new Simulation(1);
        var nat = lab.Internet.AddNat("nat", NatProfile.FullCone with { Hairpinning = Hairpinning.ExternalSource }, "203.0.113.1");
        var server = new TcpHost(lab.Internet.AddHost("server", "198.51.100.1")).Listen();
        var alice = new TcpHost(nat.Inside.AddHost("alice", "192.168.1.10")).Listen();
        var bob = new TcpHost(nat.Inside.AddHost("bob", "192.168.1.11"));
        alice.Connect(1, server.Local);
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        bob.Connect(1, TransportAddress.Parse("203.0.113.1:9000"), port: 9001);
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Single(bob.Opened);
        Assert.Equal(TransportAddress.Parse("203.0.113.1:9001"), Assert.Single(alice.Accepted).Remote);

        var (carol, _, dave, _) = CreateBehindNats(lab = new Simulation(1), NatProfile.Strict, NatProfile.Strict);
        carol.Listen().Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
        dave.Listen().Connect(1, TransportAddress.Parse("203.0.113.1:9000"));
        lab.RunFor(TimeSpan.FromSeconds(100));
        Assert.Empty(carol.Opened.Concat(dave.Opened));
    }

    [Fact]
    public void Udp_that_is_blocked_leaves_tcp_alone()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Host.Link.BlocksUdp = true;
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Single(alice.Opened);
        alice.Host.Link.IsUp = false;
        alice.Send(s_one, 1);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Machine.Received);
    }

    [Fact]
    public void The_trace_tells_segments_and_icmp_and_the_same_seed_the_same_tale()
    {
        Assert.Equal(Trace(1), Trace(1));
        Assert.NotEqual(Trace(1).Hash, Trace(2).Hash);

        static (ulong Hash, string Lines) Trace(ulong seed)
        {
            var lab = new Simulation(seed) { Trace = new PacketTrace() };
            var (alice, home, bob, _) = CreateBehindNats(lab, NatProfile.PortRestricted, NatProfile.Unreachable);
            alice.Connect(1, TransportAddress.Parse("203.0.113.2:9000"));
            lab.RunFor(TimeSpan.FromMilliseconds(100));
            home.Link.Up = new LinkOptions { Loss = 0.2, Jitter = TimeSpan.FromMilliseconds(3) };
            alice.Connect(2, TransportAddress.Parse("203.0.113.2:9000"), notBefore: Instant.FromMilliseconds(500));
            bob.Connect(1, TransportAddress.Parse("203.0.113.1:9000"), notBefore: Instant.FromMilliseconds(400));
            lab.RunFor(TimeSpan.FromSeconds(10));
            string lines = string.Join('\n', lab.Trace.Entries);
            Assert.Contains("(SYN, 0 bytes)", lines);
            Assert.Contains("(ICMP, 0 bytes)", lines);
            return (lab.Trace.Hash, lines);
        }
    }

    [Fact]
    public void The_main_connection_goes_out_from_the_port_that_it_is_told()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Running.Listen(8848, new SocketId(9));
        alice.Listen();
        alice.Machine.Request(new SocketRequest.ServerConnect(s_one, new Uri("http://203.0.113.2:8848"), TcpHost.Port));
        alice.Running.Drain();
        var other = new TcpHost(alice.Host);
        other.Machine.Request(new SocketRequest.ServerConnect(s_one, new Uri("http://203.0.113.2:8848"), TcpHost.Port));
        other.Running.Drain();
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(alice.Local, Assert.Single(alice.Opened).Local);
        Assert.NotEqual(alice.Local, Assert.Single(other.Opened).Local);
    }

    [Fact]
    public void A_stopped_machine_tells_the_other_side_and_one_without_power_does_not()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Connect(1, bob.Local);
        alice.Connect(2, bob.Local, port: 9001);
        lab.RunFor(TimeSpan.FromSeconds(1));
        alice.Running.Stop();
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([SocketFailure.Closed, SocketFailure.Closed], bob.Failures);

        alice = new TcpHost(alice.Host);
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        alice.Host.PowerOff();
        lab.RunFor(TimeSpan.FromSeconds(1));
        bob.Send(bob.Accepted.Last().Socket, 1);
        lab.RunFor(TimeSpan.FromSeconds(70));
        Assert.Equal(SocketFailure.TimedOut, bob.Failures.Last());
        Assert.Equal(3, bob.Failures.Count());
    }

    [Fact]
    public void Sockets_on_an_address_that_is_gone_fail()
    {
        var (lab, alice, bob) = CreatePair(20);
        bob.Listen();
        alice.Listen();
        alice.Connect(1, bob.Local);
        lab.RunFor(TimeSpan.FromSeconds(1));
        alice.Host.SetAddresses("203.0.113.7");
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([SocketFailure.AddressGone, SocketFailure.AddressGone], alice.Failures);
        Assert.Empty(bob.Failures);
    }

    internal static (Simulation Lab, TcpHost Alice, TcpHost Bob) CreatePair(double delay, ulong seed = 1)
    {
        var lab = new Simulation(seed);
        var alice = new TcpHost(lab.Internet.AddHost("alice", "203.0.113.1", LinkOptions.WithDelay(delay)));
        return (lab, alice, new TcpHost(lab.Internet.AddHost("bob", "203.0.113.2")));
    }

    internal static (TcpHost Alice, SimulatedRouter Home, TcpHost Bob, SimulatedRouter Office) CreateBehindNats(Simulation lab, NatProfile first, NatProfile second)
    {
        var home = lab.Internet.AddNat("home", first, "203.0.113.1", link: LinkOptions.WithDelay(20));
        var office = lab.Internet.AddNat("office", second, "203.0.113.2", "10.0.0.0/8", LinkOptions.WithDelay(20));
        var alice = new TcpHost(home.Inside.AddHost("alice", "192.168.1.10"));
        return (alice, home, new TcpHost(office.Inside.AddHost("bob", "10.0.0.7")), office);
    }
}
