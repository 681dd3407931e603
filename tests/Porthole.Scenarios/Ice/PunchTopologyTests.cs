using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol.Ice;

namespace Porthole.Scenarios.Ice;

/// <summary>Two agents alone in places that the 9 × 9 grid does not have.</summary>
public sealed class PunchTopologyTests
{
    private static readonly LinkOptions s_access = LinkOptions.WithDelay(10);
    private static readonly IceOptions s_options = IceOptions.ForPeers(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));

    [Fact]
    public void Two_hosts_of_one_LAN_meet_on_it()
    {
        var lab = new Simulation(1);
        var nat = lab.Internet.AddNat("nat", NatProfile.PortRestricted, "203.0.113.1", link: s_access);
        var a = Add(lab, nat.Inside, "192.168.1.10", IceRole.Controlling);
        var b = Add(lab, nat.Inside, "192.168.1.11", IceRole.Controlled);

        Punch(lab, a, b, withHosts: true);

        Assert.Equal((b.Local, a.Local), (a.Agent.Selected!.RemoteAddress, b.Agent.Selected!.RemoteAddress));
        Assert.Equal(CandidateType.Host, a.Agent.Selected.ValidLocal.Type);
    }

    [Fact]
    public void Two_hosts_with_one_address_on_two_LANs_meet_outside()
    {
        var lab = new Simulation(1);
        var natA = lab.Internet.AddNat("nat a", NatProfile.PortRestricted, "203.0.113.1", link: s_access);
        var natB = lab.Internet.AddNat("nat b", NatProfile.PortRestricted, "203.0.113.2", link: s_access);
        var a = Add(lab, natA.Inside, "192.168.1.10", IceRole.Controlling);
        var b = Add(lab, natB.Inside, "192.168.1.10", IceRole.Controlled);

        // Each is told of an address that is its own as well; its checks come back to itself and mean nothing.
        Punch(lab, a, b, withHosts: true);

        Assert.Equal((b.Mapped, a.Mapped), (a.Agent.Selected!.RemoteAddress, b.Agent.Selected!.RemoteAddress));
        Assert.Equal((IceRole.Controlling, IceRole.Controlled), (a.Agent.Role, b.Agent.Role));
    }

    [Fact]
    public void Two_homes_behind_one_carrier_meet_through_its_hairpin()
    {
        var lab = new Simulation(1);
        var carrier = lab.Internet.AddNat("carrier", NatProfile.Carrier, "203.0.113.1", "100.64.0.0/16", s_access);
        var homeA = carrier.Inside.AddNat("home a", NatProfile.PortRestricted, "100.64.0.2");
        var homeB = carrier.Inside.AddNat("home b", NatProfile.PortRestricted, "100.64.0.3", "192.168.2.0/24");
        var a = Add(lab, homeA.Inside, "192.168.1.10", IceRole.Controlling);
        var b = Add(lab, homeB.Inside, "192.168.2.10", IceRole.Controlled);

        Punch(lab, a, b);

        Assert.Equal(b.Mapped, a.Agent.Selected!.RemoteAddress);
    }

    [Theory]
    [InlineData("symmetric")]
    [InlineData("symmetric-sequential")]
    [InlineData("port-restricted")]
    [InlineData("full-cone")]
    [InlineData("poisoned-masquerade")]
    public void A_public_host_meets_anybody(string profile)
    {
        foreach (var role in Enum.GetValues<IceRole>())
        {
            var lab = new Simulation(1);
            var nat = lab.Internet.AddNat("nat", NatProfile.Presets.Single(preset => preset.Name == profile), "203.0.113.1", link: s_access);
            var a = Add(lab, nat.Inside, "192.168.1.10", role);
            var b = Add(lab, lab.Internet, "203.0.113.77", 1 - role, s_access);

            Punch(lab, a, b);

            Assert.Equal(b.Local, a.Agent.Selected!.RemoteAddress);
        }
    }

    [Fact]
    public void Two_IPv6_hosts_behind_stateful_firewalls_meet()
    {
        var lab = new Simulation(1);
        var siteA = lab.Internet.AddFirewall("firewall a", new StatefulFirewall(), "2001:db8:a::/64", s_access);
        var siteB = lab.Internet.AddFirewall("firewall b", new StatefulFirewall(), "2001:db8:b::/64", s_access);
        var a = Add(lab, siteA.Inside, "2001:db8:a::10", IceRole.Controlling);
        var b = Add(lab, siteB.Inside, "2001:db8:b::10", IceRole.Controlled);

        var took = Punch(lab, a, b, server: "2001:db8:ffff::1");

        Assert.Equal((b.Local, a.Local), (a.Agent.Selected!.RemoteAddress, b.Agent.Selected!.RemoteAddress));
        Assert.Equal(TimeSpan.FromMilliseconds(80), took);
    }

    [Fact]
    public void Two_masquerading_routers_that_remember_strangers_are_passed_when_both_start_together()
    {
        // Whoever is first puts the other's router off its port; together, both flows exist before the first packet arrives.
        foreach (ulong seed in new ulong[] { 1, 2, 3, 4, 5 })
        {
            var lab = new Simulation(seed);
            var natA = lab.Internet.AddNat("nat a", NatProfile.PoisonedMasquerade, "203.0.113.1", link: s_access);
            var natB = lab.Internet.AddNat("nat b", NatProfile.PoisonedMasquerade, "203.0.113.2", "192.168.2.0/24", s_access);
            var a = Add(lab, natA.Inside, "192.168.1.10", IceRole.Controlling);
            var b = Add(lab, natB.Inside, "192.168.2.10", IceRole.Controlled);
            Assert.Equal(TimeSpan.FromMilliseconds(80), Punch(lab, a, b));
        }
    }

    [Fact]
    public void Without_UDP_the_agents_give_up_in_time_and_have_spent_little()
    {
        var lab = new Simulation(1);
        var natA = lab.Internet.AddNat("nat a", NatProfile.PortRestricted, "203.0.113.1", link: s_access);
        var a = Add(lab, natA.Inside, "192.168.1.10", IceRole.Controlling);
        var b = Add(lab, lab.Internet, "203.0.113.77", IceRole.Controlled, s_access);
        Warm(lab, a, b, "198.51.100.10");
        natA.Link.BlocksUdp = true;
        var start = lab.Now;
        a.Push(b);
        b.Push(a);

        Assert.True(lab.RunUntil(() => a.Agent.State == IceState.Failed && b.Agent.State == IceState.Failed, TimeSpan.FromSeconds(15)));
        Assert.Equal(s_options.CheckingTimeout, lab.Now - start);
        Assert.Equal((20, 20), (a.Agent.ChecksSent, b.Agent.ChecksSent));
    }

    private static PunchingPeer Add(Simulation lab, SimulatedNetwork network, string address, IceRole role, LinkOptions? link = null) =>
        new(network.AddHost(address, address, link), role, s_options, lab.CreateEntropy());

    private static void Warm(Simulation lab, PunchingPeer a, PunchingPeer b, string server)
    {
        var address = MappingServer.Run(lab, server);
        a.Ask(address);
        b.Ask(address);
        Assert.True(lab.RunUntil(() => a.Mapped is not null && b.Mapped is not null, TimeSpan.FromSeconds(1)));
    }

    private static TimeSpan Punch(Simulation lab, PunchingPeer a, PunchingPeer b, bool withHosts = false, string server = "198.51.100.10")
    {
        Warm(lab, a, b, server);
        var start = lab.Now;
        a.Push(b, withHosts);
        b.Push(a, withHosts);
        Assert.True(lab.RunUntil(() => a.SelectedAt is not null && b.SelectedAt is not null, TimeSpan.FromSeconds(5)));
        return lab.Now - start;
    }
}
