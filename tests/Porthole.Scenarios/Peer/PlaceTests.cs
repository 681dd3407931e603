using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Where two peers may stand to each other, and which way they should find.</summary>
public sealed class PlaceTests
{
    private static readonly LinkOptions s_link = LinkOptions.WithDelay(10);

    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, PeerPair.Seeds).Select(seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(SeedList))]
    public void On_one_LAN_the_way_stays_inside(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var nat = net.Simulation.Internet.AddNat("the NAT", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var pair = PeerPair.Warm(net, net.AddPeer("alice", nat.Inside, "192.168.1.10"), net.AddPeer("bob", nat.Inside, "192.168.1.20")).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 2));

        Assert.Equal(TransportAddress.Parse("192.168.1.20:8900"), pair.Alice.PathOf(pair.Connection)!.Remote);
        Assert.Equal(TransportAddress.Parse("192.168.1.10:8900"), pair.Bob.PathOf(pair.Bob.Opened)!.Remote);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Two_homes_of_one_carrier_meet_by_its_hairpin(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var carrier = net.Simulation.Internet.AddNat("carrier", NatProfile.Carrier, "203.0.113.1", inside: "100.64.0.0/16", link: s_link);
        var one = carrier.Inside.AddNat("home of alice", NatProfile.PortRestricted, "100.64.0.1");
        var other = carrier.Inside.AddNat("home of bob", NatProfile.PortRestricted, "100.64.0.2");
        var pair = PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10"), net.AddPeer("bob", other.Inside, "192.168.1.10")).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 3));
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_public_host_is_reached_from_behind_any_NAT(ulong seed)
    {
        foreach (var profile in NatProfile.Presets)
        {
            var net = new PeerInternet(seed, s_link);
            var nat = net.Simulation.Internet.AddNat("the NAT", profile, "203.0.113.1", link: s_link);
            var pair = PeerPair.Warm(net, net.AddPeer("alice", nat.Inside, "192.168.1.10"), net.AddPeer("bob", net.Simulation.Internet, "203.0.113.9", s_link)).Call();

            Assert.True(pair.Until(() => pair.IsDirect, 3), profile.Name);
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void IPv6_hosts_behind_stateful_firewalls_meet(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var one = net.Simulation.Internet.AddFirewall("firewall of alice", new StatefulFirewall(), "2001:db8:1::/64", s_link);
        var other = net.Simulation.Internet.AddFirewall("firewall of bob", new StatefulFirewall(), "2001:db8:2::/64", s_link);
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", one.Inside, "2001:db8:1::10", change: ReachByIPv6),
            net.AddPeer("bob", other.Inside, "2001:db8:2::20", change: ReachByIPv6)).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 3));
        Assert.True(pair.Alice.PathOf(pair.Connection)!.Remote!.Value.IsIPv6);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void The_same_prefix_on_both_LANs_does_not_mislead(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: s_link);

        // A stranger holds bob's private address on alice's LAN.
        var stranger = net.AddPeer("carol", one.Inside, "192.168.1.20");
        var pair = PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10"), net.AddPeer("bob", other.Inside, "192.168.1.20")).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 3));
        Assert.Equal(TransportAddress.Parse("203.0.113.2:8900"), pair.Alice.PathOf(pair.Connection)!.Remote);
        Assert.DoesNotContain(stranger.Events, entry => entry.Event is PeerEvent.Opened);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Where_UDP_is_blocked_the_relay_carries_and_the_verdict_says_so(ulong seed)
    {
        var net = new PeerInternet(seed, s_link);
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        one.Link.BlocksUdp = true;
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: s_link);
        var pair = PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10"), net.AddPeer("bob", other.Inside, "192.168.1.20")).Call();

        Assert.True(pair.Until(() => pair.IsOpen, 2));
        Assert.True(pair.Until(() => pair.Alice.Machine.GetVerdict(pair.Connection).Reason == VerdictReason.UdpBlockedHere, 60));
        Assert.True(pair.Until(() => pair.Bob.Machine.GetVerdict(pair.Bob.Opened).Reason == VerdictReason.UdpBlockedThere, 60));
        pair.Alice.Send(pair.Connection, PeerPair.Payload(100_000));
        Assert.True(pair.Until(() => pair.Bob.BytesReceived == 100_000, 10));
    }

    [Fact]
    public void Who_hides_the_LAN_shows_its_addresses_to_nobody()
    {
        var net = new PeerInternet(1, s_link);
        var nat = net.Simulation.Internet.AddNat("the NAT", NatProfile.PortRestricted, "203.0.113.1", link: s_link);
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", nat.Inside, "192.168.1.10", change: static options => options with { HideLan = true }),
            net.AddPeer("bob", nat.Inside, "192.168.1.20", change: static options => options with { HideLan = true })).Call();

        Assert.True(pair.Until(() => pair.IsOpen, 2));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(20));

        Assert.DoesNotContain(pair.Alice.Events.Concat(pair.Bob.Events), static entry => entry.Event is PeerEvent.CheckTraced check && check.Remote.IsPrivate);
        Assert.Contains(pair.Alice.Events, static entry => entry.Event is PeerEvent.CheckTraced check && check.Remote.SameHost(TransportAddress.Parse("203.0.113.1:0")));
    }

    private static PeerMachineOptions ReachByIPv6(PeerMachineOptions options) =>
        options with { Server = options.Server with { Server = new Uri($"http://[{PeerInternet.ServerAddressIPv6}]:8848") } };
}
