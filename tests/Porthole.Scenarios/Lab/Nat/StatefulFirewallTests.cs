using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>RFC 6092: what a firewall without translation lets in.</summary>
public sealed class StatefulFirewallTests
{
    private static readonly TransportAddress s_host = TransportAddress.Parse("[2001:db8:1::10]:5000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("[2001:db8:2::1]:3478");
    private static readonly TransportAddress s_serverOtherPort = TransportAddress.Parse("[2001:db8:2::1]:3479");
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("[2001:db8:3::1]:3478");

    [Theory]
    [InlineData(NatFiltering.EndpointIndependent, true, true)]
    [InlineData(NatFiltering.AddressDependent, true, false)]
    [InlineData(NatFiltering.AddressAndPortDependent, false, false)]
    public void It_lets_in_what_answers(NatFiltering filtering, bool otherPort, bool otherHost)
    {
        var firewall = new StatefulFirewall(filtering);
        Assert.False(Enters(firewall, 0, s_server));
        Assert.Equal(NatVerdict.Forward(new NatPacket(s_host, s_server)), firewall.TranslateOutbound(default, new NatPacket(s_host, s_server)));
        Assert.True(Enters(firewall, 0, s_server));
        Assert.Equal(otherPort, Enters(firewall, 0, s_serverOtherPort));
        Assert.Equal(otherHost, Enters(firewall, 0, s_stranger));
    }

    [Fact]
    public void A_flow_ends_when_it_is_idle()
    {
        var firewall = new StatefulFirewall();
        firewall.TranslateOutbound(default, new NatPacket(s_host, s_server));
        Assert.True(Enters(firewall, 29_999, s_server));
        Assert.True(Enters(firewall, 29_999 + 119_999, s_server));
        Assert.False(Enters(firewall, 29_999 + 119_999 + 120_000, s_server));
    }

    [Fact]
    public void It_is_bounded()
    {
        var firewall = new StatefulFirewall(NatFiltering.AddressAndPortDependent, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), maxFlows: 10);
        for (ushort i = 1; i <= 10; i++) Assert.True(firewall.TranslateOutbound(default, new NatPacket(s_host, s_server.WithPort(i))).IsTranslated);
        Assert.Equal(NatDropReason.TableFull, firewall.TranslateOutbound(default, new NatPacket(s_host, s_stranger)).Reason);
        Assert.True(firewall.TranslateOutbound(Instant.FromMilliseconds(1000), new NatPacket(s_host, s_stranger)).IsTranslated);
        Assert.Equal(1, firewall.FlowCount);
    }

    private static bool Enters(StatefulFirewall firewall, double at, TransportAddress from) =>
        firewall.TranslateInbound(Instant.FromMilliseconds(at), new NatPacket(from, s_host)).IsTranslated;
}
