using System.Collections.Immutable;
using Porthole.Cli.Check;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;

namespace Porthole.NetworkTests.Cli.Check;

/// <summary>What a check says of each kind of peer.</summary>
public sealed class NatOutlookTests
{
    private static readonly NatReport s_home = new()
    {
        Mapping = NatMapping.EndpointIndependent, Allocation = NatAllocation.Preserve, Filtering = NatFiltering.AddressAndPortDependent, IsUdpReachable = true, IsComplete = true,
    };

    private static readonly NatReport s_random = s_home with { Mapping = NatMapping.AddressAndPortDependent, Allocation = NatAllocation.Random };

    [Fact]
    public void A_home_router_meets_everybody_who_has_UDP() =>
        Assert.Equal(["plain", "plain", "plain", "predict", "spray", "relay"], Of(s_home).Select(static one => one.Best.Method.Code));

    [Fact]
    public void Random_ports_are_sprayed_from_but_not_at_random_ports()
    {
        var outlooks = Of(s_random).ToDictionary(static one => one.Peer);
        Assert.Equal(PunchMethod.Spray, outlooks["strict"].Best.Method);
        Assert.Equal(PunchMethod.Relay, outlooks["udp-blocked"].Best.Method);
        Assert.InRange(outlooks["symmetric-random"].Chance, 0, 0.5);
        Assert.True(outlooks["open"].Chance >= outlooks["symmetric-random"].Chance);
    }

    [Fact]
    public void Without_UDP_it_is_TCP_or_the_relay()
    {
        var blocked = new NatReport { Mapping = NatMapping.Blocked, Tcp = new TcpNatReport { Mapping = NatMapping.EndpointIndependent, Allocation = NatAllocation.Preserve, IsReachable = true, IsComplete = true } };
        Assert.All(Of(blocked), static one => Assert.True(one.Best.Method is PunchMethod.Tcp or PunchMethod.TcpPredict or PunchMethod.TcpSpray or PunchMethod.Relay));
        Assert.All(Of(blocked with { Tcp = null }), static one => Assert.Equal(PunchMethod.Relay, one.Best.Method));
    }

    [Fact]
    public void The_table_fits_a_terminal() => Assert.All(NatOutlook.Draw(new CheckFindings(s_random, "example.org")), static line => Assert.InRange(line.Length, 1, NatPicture.Width));

    private static ImmutableArray<NatOutlook> Of(NatReport report) => NatOutlook.Of(new CheckFindings(report, "example.org"));
}
