using Porthole.Lab;
using Porthole.Lab.Gateway;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.PortMapping;
using Porthole.Scenarios.Peer;

namespace Porthole.Scenarios.PortMapping;

/// <summary>Peers whose gateway maps a port on request.</summary>
public sealed class MappedPortTests
{
    private static readonly LinkOptions s_link = LinkOptions.WithDelay(10);

    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, PeerPair.Seeds).Select(seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_mapping_makes_a_plain_pair_of_port_restricted_and_symmetric(ulong seed)
    {
        var home = Home.Create(seed, NatProfile.PortRestricted);
        var pair = home.PairWith(NatProfile.Symmetric).Call();

        // The pair is found by the first checks, in the time that two easy NATs take: no guess is ever made.
        Assert.True(pair.Until(() => pair.IsDirect, 0.5));
        Assert.Equal(PortMappingProtocol.Pcp, Assert.Single(home.MappedUdp).Protocol);
        Assert.True(pair.Alice.Machine.GetVerdict(pair.Connection).There.HasPortMapping);
        Assert.Equal("203.0.113.1", pair.Alice.PathOf(pair.Connection)!.Remote!.Value.Address.ToString());
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_mapping_reaches_a_symmetric_NAT_from_another(ulong seed)
    {
        var pair = Home.Create(seed, NatProfile.Symmetric).PairWith(NatProfile.Symmetric).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 1));
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_mapping_of_TCP_is_connected_to_from_a_symmetric_NAT(ulong seed)
    {
        var home = Home.Create(seed, NatProfile.Symmetric, change: options => options with { Transports = Transports.Tcp });
        var pair = home.PairWith(NatProfile.Symmetric, options => options with { Transports = Transports.Tcp }).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 3));
        Assert.Equal(PathKind.Tcp, pair.Alice.PathOf(pair.Connection)!.Kind);
    }

    [Fact]
    public void Where_only_NAT_PMP_is_spoken_it_is_used()
    {
        var home = Home.Create(1, NatProfile.PortRestricted, new GatewayOptions { Pcp = false });
        var pair = home.PairWith(NatProfile.Symmetric).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 0.5));
        Assert.Equal(PortMappingProtocol.NatPmp, Assert.Single(home.MappedUdp).Protocol);
    }

    [Fact]
    public void The_first_registration_does_not_wait_for_the_gateway()
    {
        var with = Home.Create(1, NatProfile.PortRestricted);
        var without = Home.Create(1, NatProfile.PortRestricted, change: options => options with { PortMapping = false });
        foreach (var home in new[] { with, without }) Assert.True(home.Net.Simulation.RunUntil(() => home.Peer.IsRegistered, TimeSpan.FromSeconds(2)));

        Assert.Equal(without.Peer.TimeOf<PeerEvent.Registered>(), with.Peer.TimeOf<PeerEvent.Registered>());
        Assert.Empty(with.MappedUdp);
        Assert.True(with.Net.Simulation.RunUntil(() => with.MappedUdp.Count == 1, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_lease_is_renewed_at_half_its_time()
    {
        var home = Home.Create(1, NatProfile.PortRestricted, new GatewayOptions { LongestLease = TimeSpan.FromMinutes(4) }).Warm();
        var first = Assert.Single(home.Nat.GetPortMappings(home.Now));

        home.Net.Simulation.RunFor(TimeSpan.FromMinutes(30));

        var last = Assert.Single(home.Nat.GetPortMappings(home.Now));
        Assert.Equal(first.External, last.External);
        Assert.InRange(last.Expires - home.Now, TimeSpan.FromMinutes(1.9), TimeSpan.FromMinutes(4));
        Assert.Single(home.Peer.Events, entry => entry.Event is PeerEvent.PortsMapped { Ports.Length: 2 }); // UDP and TCP, told once
        Assert.InRange(home.Control.Requests, 2, 70); // a check every two minutes, and two renewals as often
    }

    [Fact]
    public void Nothing_is_left_at_the_gateway_after_the_end()
    {
        var home = Home.Create(1, NatProfile.PortRestricted).Warm();
        Assert.Single(home.Nat.GetPortMappings(home.Now));
        Assert.Single(home.Nat.GetPortMappings(home.Now, NatProtocol.Tcp));

        home.Peer.Invoke((machine, now) => machine.Stop(now, 0, ""));
        home.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));

        Assert.Empty(home.Nat.GetPortMappings(home.Now));
        Assert.Empty(home.Nat.GetPortMappings(home.Now, NatProtocol.Tcp));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_gateway_that_starts_again_is_asked_again(bool pcp)
    {
        var home = Home.Create(1, NatProfile.PortRestricted, new GatewayOptions { Pcp = pcp, NatPmp = !pcp }).Warm();
        home.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));
        home.Control.Restart(home.Now);
        Assert.Empty(home.Nat.GetPortMappings(home.Now));

        Assert.True(home.Net.Simulation.RunUntil(() => home.Nat.GetPortMappings(home.Now).Count == 1, TimeSpan.FromMinutes(2.1)));
    }

    [Fact]
    public void Another_network_means_another_gateway()
    {
        var home = Home.Create(1, NatProfile.PortRestricted).Warm();
        var other = home.Net.Simulation.Internet.AddNat("another NAT", NatProfile.PortRestricted, "203.0.113.7", "192.168.7.0/24", s_link);
        var control = other.AddPortControl("192.168.7.1");

        home.Peer.Host.Move(other.Inside, "192.168.7.10");

        Assert.True(home.Net.Simulation.RunUntil(() => home.MappedUdp is [var port] && port.External.Address.ToString() == "203.0.113.7", TimeSpan.FromSeconds(5)));
        Assert.Single(((NatTable)other.Nat!).GetPortMappings(home.Now));
        Assert.InRange(control.Requests, 2, 20);
    }

    // Beside each other behind one carrier: the address that the gateway calls its outside is of use to the neighbour alone.
    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_mapping_behind_a_second_NAT_is_for_the_neighbours(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var carrier = net.Simulation.Internet.AddNat("carrier", NatProfile.Symmetric, "203.0.113.1", inside: "100.64.0.0/16", link: s_link);
        var (one, other) = (carrier.Inside.AddNat("home of alice", NatProfile.PortRestricted, "100.64.0.1"), carrier.Inside.AddNat("home of bob", NatProfile.Symmetric, "100.64.0.2"));
        one.AddPortControl("192.168.1.1");
        var alice = net.AddPeer("alice", one.Inside, "192.168.1.10");
        var pair = PeerPair.Warm(net, alice, net.AddPeer("bob", other.Inside, "192.168.1.20")).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 1));
        Assert.True(Assert.Single(alice.Machine.MappedPorts, static port => port.Transport == Transports.Udp).IsBehindAnotherNat);
        Assert.Equal("100.64.0.1", pair.Bob.PathOf(pair.Bob.Opened)!.Remote!.Value.Address.ToString());
    }

    [Fact]
    public void A_gateway_that_lies_about_its_outside_costs_nothing()
    {
        var home = Home.Create(1, NatProfile.PortRestricted, new GatewayOptions { Claims = "198.18.7.7" });
        var pair = home.PairWith(NatProfile.Symmetric).Call();

        // The port is right, and the host is the one that STUN servers see. But nothing is built on it: other plans go on beside it.
        Assert.True(pair.Until(() => pair.IsDirect, 0.5));
        Assert.False(pair.Alice.Machine.GetVerdict(pair.Connection).There.HasPortMapping);
        Assert.DoesNotContain(home.Peer.Events, entry => entry.Event is PeerEvent.Failed);
    }

    [Fact]
    public void A_gateway_that_refuses_is_one_line_and_asked_again_later()
    {
        var home = Home.Create(1, NatProfile.PortRestricted, new GatewayOptions { Refuses = 2 }).Warm();
        home.Net.Simulation.RunFor(TimeSpan.FromSeconds(20));

        var told = Assert.Single(home.Peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.PortsMapped>());
        Assert.Empty(told.Ports);
        Assert.Equal("192.168.1.1 maps no ports: PCP: it is not allowed; NAT-PMP: it is not allowed; UPnP: no answer.", told.Problem);
        int asked = home.Control.Requests;
        home.Net.Simulation.RunFor(TimeSpan.FromMinutes(29));
        Assert.Equal(asked, home.Control.Requests);
        home.Net.Simulation.RunFor(TimeSpan.FromMinutes(2));
        Assert.True(home.Control.Requests > asked);
    }

    [Theory]
    [InlineData(false, "nobody wants it")]
    [InlineData(true, "there is no NAT that keeps anybody out")]
    public void No_gateway_is_asked_for_nothing(bool isWanted, string why)
    {
        var home = isWanted
            ? Home.Create(1, NatProfile.FullCone)
            : Home.Create(1, NatProfile.PortRestricted, change: options => options with { PortMapping = false });
        home.Warm();

        if (isWanted) Assert.Equal(Protocol.Discovery.NatFiltering.EndpointIndependent, home.Peer.Machine.Nat!.Filtering);
        Assert.True(home.Control.Requests == 0, why);
    }

    /// <summary>A peer behind a NAT whose router maps ports.</summary>
    private sealed class Home
    {
        private Home(PeerInternet net, SimulatedRouter router, PortControl control, SimulatedPeer peer) => (Net, Nat, Control, Peer) = (net, (NatTable)router.Nat!, control, peer);

        public PeerInternet Net { get; }

        public NatTable Nat { get; }

        public PortControl Control { get; }

        public SimulatedPeer Peer { get; }

        public Instant Now => Net.Simulation.Now;

        public IReadOnlyList<MappedPort> MappedUdp => [.. Peer.Machine.MappedPorts.Where(static port => port.Transport == Transports.Udp)];

        public static Home Create(ulong seed, NatProfile profile, GatewayOptions? options = null, Func<PeerMachineOptions, PeerMachineOptions>? change = null)
        {
            var net = new PeerInternet(seed, s_link, secondAddress: true);
            var router = net.Simulation.Internet.AddNat("home", profile, "203.0.113.1", link: s_link);
            return new Home(net, router, router.AddPortControl("192.168.1.1", options), net.AddPeer("bob", router.Inside, "192.168.1.10", change: change));
        }

        public Home Warm()
        {
            Net.Simulation.RunFor(TimeSpan.FromSeconds(5));
            Assert.True(Peer.IsRegistered);
            return this;
        }

        /// <summary>The peer is bob, and alice, behind another NAT, will call it.</summary>
        public PeerPair PairWith(NatProfile profile, Func<PeerMachineOptions, PeerMachineOptions>? change = null)
        {
            var other = Net.Simulation.Internet.AddNat("nat of alice", profile, "203.0.113.2", link: s_link);
            return PeerPair.Warm(Net, Net.AddPeer("alice", other.Inside, "192.168.2.10", change: change), Peer);
        }
    }
}
