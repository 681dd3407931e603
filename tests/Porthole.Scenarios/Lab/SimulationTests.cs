using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>What links do to datagrams, and how packets find their way.</summary>
public sealed class SimulationTests
{
    private static readonly byte[] s_hello = [0x50, 1, 2, 3];

    [Fact]
    public void A_datagram_arrives_after_both_links_to_the_tick()
    {
        var lab = new Simulation(1);
        var alice = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1", LinkOptions.WithDelay(12.5)));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2", LinkOptions.WithDelay(7)));
        bob.Machine.Answer = arrival => arrival.Bytes;
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        alice.Send(bob.Local, s_hello);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(alice.Local, Assert.Single(bob.Received).Remote);
        Assert.Equal(s_hello, bob.Received[0].Bytes);
        Assert.Equal(new Instant(10_000 + 125_000 + 70_000), bob.Received[0].At);
        Assert.Equal(new Instant(10_000 + 2 * (125_000 + 70_000)), Assert.Single(alice.Received).At);
        Assert.Equal(TimeSpan.FromMilliseconds(1001), lab.Elapsed);
        Assert.Equal((1, 1, 4L), (alice.Host.Traffic.SentOf(PacketKind.Session), alice.Host.Traffic.Received, alice.Host.Traffic.BytesSent));
    }

    [Fact]
    public void Deadlines_are_met_to_the_tick()
    {
        var lab = new Simulation(1);
        var host = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1"));
        host.Machine.NextDeadline = Instant.FromMilliseconds(50);
        host.Running.Drain();
        host.Machine.NextDeadline = Instant.FromMilliseconds(20);
        host.Running.Drain();
        lab.RunFor(TimeSpan.FromMilliseconds(30));
        Assert.Equal([Instant.FromMilliseconds(20)], host.Machine.Deadlines);
        host.Machine.NextDeadline = Instant.FromMilliseconds(50);
        host.Running.Drain();
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([Instant.FromMilliseconds(20), Instant.FromMilliseconds(50)], host.Machine.Deadlines);
    }

    [Fact]
    public void Loss_and_duplication_have_their_rates()
    {
        var lab = new Simulation(2);
        var alice = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        alice.Host.Link.Up = new LinkOptions { Loss = 0.1 };
        for (int i = 0; i < 10_000; i++) alice.Send(bob.Local, s_hello);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.InRange(bob.Received.Count, 8_900, 9_100);
        Assert.Equal(10_000 - bob.Received.Count, alice.Host.Traffic.Dropped);

        alice.Host.Link.Up = LinkOptions.Perfect;
        bob.Host.Link.Down = new LinkOptions { Duplication = 0.2 };
        bob.Received.Clear();
        for (int i = 0; i < 10_000; i++) alice.Send(bob.Local, s_hello);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.InRange(bob.Received.Count, 11_880, 12_120);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Jitter_reorders_unless_it_is_told_to_keep_the_order(bool keepOrder)
    {
        var lab = new Simulation(3);
        var alice = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        alice.Host.Link.Up = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Jitter = TimeSpan.FromMilliseconds(50), KeepOrder = keepOrder };
        for (int i = 0; i < 200; i++)
        {
            alice.Send(bob.Local, 0x50, (byte)i);
            lab.RunFor(TimeSpan.FromMilliseconds(1));
        }

        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(200, bob.Received.Count);
        Assert.Equal(keepOrder, bob.Received.Select(arrival => arrival.Bytes[1]).SequenceEqual(Enumerable.Range(0, 200).Select(i => (byte)i)));
        var delays = bob.Received.Select(arrival => (arrival.At - Instant.FromMilliseconds(arrival.Bytes[1])).TotalMilliseconds);
        Assert.All(delays, delay => Assert.InRange(delay, 10, 60));
    }

    [Fact]
    public void A_rate_spreads_packets_and_its_queue_is_bounded()
    {
        var lab = new Simulation(4);
        var alice = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2", new LinkOptions { BitsPerSecond = 8_000_000, QueueBytes = 10_000 }));
        byte[] packet = new byte[1000];
        packet[0] = 0x50;
        for (int i = 0; i < 100; i++) alice.Send(bob.Local, packet);
        lab.RunFor(TimeSpan.FromSeconds(1));
        // 1,000 bytes take 1 ms; the queue takes packets until more than 10,000 bytes wait.
        Assert.Equal(Enumerable.Range(1, 11).Select(ms => Instant.FromMilliseconds(ms)), bob.Received.Select(arrival => arrival.At));
        Assert.Equal(89, alice.Host.Traffic.Dropped);
    }

    [Fact]
    public void A_rate_serves_packets_in_the_order_in_which_they_reach_the_link()
    {
        var lab = new Simulation(4);
        var far = new ScriptedHost(lab.Internet.AddHost("far", "203.0.113.1", LinkOptions.WithDelay(100)));
        var near = new ScriptedHost(lab.Internet.AddHost("near", "203.0.113.3"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2", new LinkOptions { BitsPerSecond = 8_000_000 }));
        far.Send(bob.Local, new byte[1000]);
        near.Send(bob.Local, new byte[1000]);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([Instant.FromMilliseconds(1), Instant.FromMilliseconds(101)], bob.Received.Select(arrival => arrival.At));
    }

    [Fact]
    public void Large_datagrams_die_where_the_link_is_narrow()
    {
        var lab = new Simulation(5);
        var alice = new ScriptedHost(lab.Internet.AddHost("alice", "203.0.113.1", new LinkOptions { MaxDatagram = 1100 }));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        alice.Send(bob.Local, new byte[1100]);
        alice.Send(bob.Local, new byte[1101]);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1100, Assert.Single(bob.Received).Bytes.Length);
    }

    [Fact]
    public void Hosts_on_one_lan_reach_each_other_without_their_nat()
    {
        var lab = new Simulation(6);
        var home = lab.Internet.AddNat("home", NatProfile.Symmetric, "203.0.113.1", link: LinkOptions.WithDelay(20));
        var alice = new ScriptedHost(home.Inside.AddHost("alice", "192.168.1.10"));
        var bob = new ScriptedHost(home.Inside.AddHost("bob", "192.168.1.11"));
        alice.Send(bob.Local, s_hello);
        alice.Send(TransportAddress.Parse("192.168.1.99:1"), s_hello); // nobody: must not leave through the NAT
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((alice.Local, Instant.Zero), (bob.Received[0].Remote, bob.Received[0].At));
        Assert.Equal(0, ((NatTable)home.Nat!).MappingCount);
    }

    [Fact]
    public void Identical_prefixes_on_two_lans_stay_apart()
    {
        var lab = new Simulation(7);
        var one = lab.Internet.AddNat("one", NatProfile.FullCone, "203.0.113.1");
        var two = lab.Internet.AddNat("two", NatProfile.FullCone, "203.0.113.2");
        var alice = new ScriptedHost(one.Inside.AddHost("alice", "192.168.1.10"));
        var printer = new ScriptedHost(one.Inside.AddHost("printer", "192.168.1.11"));
        var bob = new ScriptedHost(two.Inside.AddHost("bob", "192.168.1.11"));
        alice.Send(bob.Local, s_hello);
        bob.Send(TransportAddress.Parse("203.0.113.1:5000"), s_hello);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Single(printer.Received);
        Assert.Empty(bob.Received);
        Assert.Empty(alice.Received); // no mapping yet
    }

    [Fact]
    public void Packets_pass_chained_nats_and_come_back_by_hairpin()
    {
        var lab = new Simulation(8);
        var carrier = lab.Internet.AddNat("carrier", NatProfile.Carrier, "203.0.113.1", "100.64.0.0/10", LinkOptions.WithDelay(10));
        var homeA = carrier.Inside.AddNat("homeA", NatProfile.PortRestricted, "100.64.0.1", link: LinkOptions.WithDelay(5));
        var homeB = carrier.Inside.AddNat("homeB", NatProfile.FullCone, "100.64.0.2", link: LinkOptions.WithDelay(5));
        var alice = new ScriptedHost(homeA.Inside.AddHost("alice", "192.168.1.10"));
        var bob = new ScriptedHost(homeB.Inside.AddHost("bob", "192.168.1.10"));
        var server = new ScriptedHost(lab.Internet.AddHost("server", "198.51.100.1"), 3478);
        bob.Send(server.Local, s_hello);
        alice.Send(server.Local, s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal([15, 15], server.Received.Select(arrival => (int)arrival.At.Ticks / 10_000));
        var bobOutside = server.Received[0].Remote;
        Assert.True(bobOutside.SameHost(TransportAddress.Parse("203.0.113.1:0")));

        alice.Send(bobOutside, s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(server.Received[1].Remote, Assert.Single(bob.Received).Remote);
        Assert.Equal(Instant.FromMilliseconds(110), bob.Received[0].At); // never leaves the carrier: 5 ms up, 5 ms down
    }

    [Fact]
    public void An_ipv6_firewall_opens_from_inside()
    {
        var lab = new Simulation(9);
        var home = lab.Internet.AddNat("home", NatProfile.PortRestricted, "203.0.113.1");
        home.Route("2001:db8:1::/64", new StatefulFirewall());
        var alice = new ScriptedHost(home.Inside.AddHost("alice", "2001:db8:1::10, 192.168.1.10"));
        var office = lab.Internet.AddFirewall("office", new StatefulFirewall(), "2001:db8:2::/64");
        var bob = new ScriptedHost(office.Inside.AddHost("bob", "2001:db8:2::10"));
        bob.Send(alice.Local, s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        Assert.Equal(1, home.DroppedFor(NatDropReason.Filtered));
        alice.Send(bob.Local, s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        Assert.Equal(alice.Local, Assert.Single(bob.Received).Remote); // bob's own packet had opened his side
        bob.Send(alice.Local, s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        Assert.Single(alice.Received);
    }

    [Fact]
    public void A_short_time_to_live_opens_the_own_nat_and_goes_no_further()
    {
        var lab = new Simulation(10);
        var home = lab.Internet.AddNat("home", NatProfile.PortRestricted, "203.0.113.1");
        var alice = new ScriptedMachine();
        var running = home.Inside.AddHost("alice", "192.168.1.10").Run(alice);
        running.Bind(new SocketId(1), TransportAddress.Parse("192.168.1.10:5000"), timeToLive: 3);
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        alice.Send(new SocketId(1), bob.Local, s_hello);
        running.Drain();
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        Assert.Empty(bob.Received);
        bob.Send(TransportAddress.Parse("203.0.113.1:5000"), s_hello);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        Assert.Single(alice.Received);
    }

    [Fact]
    public void Cuts_and_blocks_end_when_they_are_healed()
    {
        var lab = new Simulation(11);
        var home = lab.Internet.AddNat("home", NatProfile.FullCone, "203.0.113.1");
        var alice = new ScriptedHost(home.Inside.AddHost("alice", "192.168.1.10"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        var server = new ScriptedHost(lab.Internet.AddHost("server", "198.51.100.1"));
        int Exchange()
        {
            bob.Received.Clear();
            server.Received.Clear();
            alice.Received.Clear();
            alice.Send(bob.Local, s_hello);
            alice.Send(server.Local, s_hello);
            bob.Send(TransportAddress.Parse("203.0.113.1:5000"), s_hello);
            lab.RunFor(TimeSpan.FromMilliseconds(10));
            return bob.Received.Count + 10 * server.Received.Count + 100 * alice.Received.Count;
        }

        Assert.Equal(111, Exchange());
        var cut = lab.CutDirect(alice.Host, bob.Host);
        Assert.Equal(10, Exchange());
        Assert.Equal(2, cut.Dropped);
        cut.Heal();
        Assert.Equal(111, Exchange());
        var named = lab.Cut((origin, source, destination) => destination.Port == 5000 && origin == alice.Host);
        Assert.Equal(100, Exchange());
        named.Heal();
        home.Link.BlocksUdp = true;
        Assert.Equal(0, Exchange());
        home.Link.BlocksUdp = false;
        home.Link.IsUp = false;
        Assert.Equal(0, Exchange());
        home.Link.IsUp = true;
        Assert.Equal(111, Exchange());
    }

    [Fact]
    public void A_machine_gets_the_sockets_it_asks_for_or_the_reason_why_not()
    {
        var lab = new Simulation(12);
        var host = lab.Internet.AddHost("alice", "203.0.113.1");
        var machine = new ScriptedMachine();
        machine.Request(new SocketRequest.UdpBind(new SocketId(1), TransportAddress.Parse("203.0.113.1:5000")));
        machine.Request(new SocketRequest.UdpBind(new SocketId(2), TransportAddress.Parse("203.0.113.1:5000")));
        machine.Request(new SocketRequest.UdpBind(new SocketId(3), TransportAddress.Parse("203.0.113.9:5000")));
        machine.Request(new SocketRequest.UdpBind(new SocketId(4), TransportAddress.Parse("0.0.0.0:0")));
        host.Run(machine);
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal(new SocketEvent.Opened(new SocketId(1), TransportAddress.Parse("203.0.113.1:5000"), default), machine.Events[0].Event);
        Assert.Equal(SocketFailure.InUse, Assert.IsType<SocketEvent.Failed>(machine.Events[1].Event).Reason);
        Assert.Equal(SocketFailure.AddressGone, Assert.IsType<SocketEvent.Failed>(machine.Events[2].Event).Reason);
        Assert.InRange(Assert.IsType<SocketEvent.Opened>(machine.Events[3].Event).Local.Port, 32_768, 60_999);
    }

    [Fact]
    public void A_host_that_moves_loses_its_sockets_and_hears_of_its_new_addresses()
    {
        var lab = new Simulation(13);
        var home = lab.Internet.AddNat("home", NatProfile.FullCone, "203.0.113.1");
        var alice = new ScriptedHost(home.Inside.AddHost("alice", "192.168.1.10"));
        var bob = new ScriptedHost(lab.Internet.AddHost("bob", "203.0.113.2"));
        alice.Host.SetAddresses("192.168.1.77");
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal(SocketFailure.AddressGone, Assert.IsType<SocketEvent.Failed>(alice.Machine.Events[0].Event).Reason);
        Assert.Equal([TransportAddress.Parse("192.168.1.77:0")], Assert.IsType<SocketEvent.NetworkChanged>(alice.Machine.Events[1].Event).Addresses);
        alice.Send(bob.Local, s_hello); // the socket is gone
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Empty(bob.Received);

        alice.Host.Move(lab.Internet, "203.0.113.9");
        alice.Machine.Request(new SocketRequest.UdpBind(new SocketId(2), TransportAddress.Parse("203.0.113.9:7000")));
        alice.Running.Drain();
        alice.Machine.Send(new SocketId(2), bob.Local, s_hello);
        alice.Running.Drain();
        lab.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal("203.0.113.9:7000", Assert.Single(bob.Received).Remote.ToString());
    }

    [Fact]
    public void A_machine_that_asks_for_the_same_moment_for_ever_is_found_out()
    {
        var lab = new Simulation(14);
        lab.Internet.AddHost("alice", "203.0.113.1").Run(new Sleepless());
        Assert.Throws<InvalidOperationException>(() => lab.RunFor(TimeSpan.FromSeconds(1)));
    }

    private sealed class Sleepless : IProtocolMachine
    {
        public Instant? NextDeadline => Instant.Zero;

        public void HandleDatagrams(Instant now, in DatagramBatch batch) { }

        public void HandleDeadline(Instant now) { }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => false;
    }
}
