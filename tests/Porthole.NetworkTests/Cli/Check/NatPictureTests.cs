using Porthole.Cli.Check;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.PortMapping;

namespace Porthole.NetworkTests.Cli.Check;

/// <summary>The picture that <c>porthole check</c> draws of what it has found.</summary>
public sealed class NatPictureTests
{
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:8900");
    private static readonly TransportAddress s_mapped = TransportAddress.Parse("203.0.113.7:40000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");

    private static readonly NatReport s_known = new()
    {
        Mapping = NatMapping.EndpointIndependent,
        Allocation = NatAllocation.Preserve,
        Filtering = NatFiltering.AddressAndPortDependent,
        Hairpins = true,
        IsSpoiledByStrangers = false,
        KeepsParity = true,
        IsOverloading = false,
        OuterHops = 2,
        MaxDatagram = 1_472,
        Lifetime = TimeSpan.FromSeconds(120),
        IsUdpReachable = true,
        IsComplete = true,
        PublicHosts = 1,
        Mappings = [Mapping(s_local, s_mapped)],
    };

    [Fact]
    public void A_home_router_is_drawn_between_the_host_and_the_server() => AssertDrawn(
        s_known,
        """
          this host   192.168.1.10:8900
              |
           [NAT]      seen from outside as 203.0.113.7:40000
              | UDP   mapping    EIM: one public port for all destinations: easy to
              |                  reach directly
              |       ports      preserve: the public port is the local one where that
              |                  is free
              |       filtering  APDF: lets in only addresses and ports it has sent to
              |       lifetime   120 s at least without traffic
              |       hairpin    yes: hosts behind it reach each other by its public
              |                  address too
              |       strangers  packets that nobody asked for do no harm
              |       hops       a packet with hop limit 2 opens it, and goes no further
              |       size       datagrams of 1472 bytes pass
              |
          the server  example.org, 12.0 ms there and back
        """);

    [Fact]
    public void A_host_without_a_NAT_has_none_in_the_picture()
    {
        string[] lines = Draw(s_known with { Mappings = [Mapping(s_local, s_local)] });
        Assert.Equal("  (no NAT)    a firewall may stand here", lines[2]);
        Assert.Equal("      | UDP   mapping    EIM: there is no NAT on the way to the server", lines[3]);
    }

    [Fact]
    public void What_the_gateway_maps_is_told_and_two_NATs_are_two_boxes()
    {
        var port = new MappedPort(s_local, Transports.Udp, s_mapped, TimeSpan.FromHours(1), PortMappingProtocol.Pcp, TransportAddress.Parse("192.168.1.1:0"));
        var findings = new CheckFindings(s_known, "example.org") { Ports = [port] };
        Assert.True(findings.HasPortMapping);
        Assert.Contains("      |       gateway    192.168.1.1 maps UDP 203.0.113.7:40000 (PCP, 3600 s)", NatPicture.Draw(findings));

        var twice = findings with { Ports = [port with { External = TransportAddress.Parse("100.64.0.9:8900") }] };
        string[] lines = [.. NatPicture.Draw(twice)];
        Assert.False(twice.HasPortMapping);
        Assert.Equal("   [NAT]      192.168.1.1; its outside, 100.64.0.9, is a private address: there", lines[2]);
        Assert.Equal(2, lines.Count(static line => line.StartsWith("   [NAT]", StringComparison.Ordinal)));

        var none = findings with { Ports = [], PortProblem = "The gateway 192.168.1.1 maps no ports." };
        Assert.Contains("      |       gateway    The gateway 192.168.1.1 maps no ports.", NatPicture.Draw(none));
    }

    [Fact]
    public void Where_UDP_is_blocked_the_line_is_cut_and_TCP_is_told_of()
    {
        string[] lines = Draw(new NatReport
        {
            Mapping = NatMapping.Blocked,
            Tcp = new TcpNatReport { Mapping = NatMapping.EndpointIndependent, Allocation = NatAllocation.Preserve, IsReachable = true, IsComplete = true, Mappings = [Mapping(s_local, s_mapped)] },
        });
        Assert.Equal("   [NAT]      seen from outside as 203.0.113.7:40000", lines[2]);
        Assert.StartsWith("      X UDP   blocked    no answer came", lines[3], StringComparison.Ordinal);
        Assert.Contains("      | TCP   mapping    EIM: one public port for all destinations: easy to", lines);
    }

    [Fact]
    public void Where_nothing_is_answered_the_picture_says_so()
    {
        string[] lines = Draw(NatReport.Unknown with { Tcp = TcpNatReport.Unknown });
        Assert.Equal("  (no NAT)    what stands here is not known: nothing has answered", lines[2]);
        Assert.Contains(lines, static line => line.StartsWith("      X TCP", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(NatAllocation.Sequential, 2, 0, 0, 0, "sequential, step 2: the next one can be foreseen")]
    [InlineData(NatAllocation.Random, 0, 1_030, 65_012, 0, "random (1030 to 65012 seen): the next one cannot be foreseen")]
    [InlineData(NatAllocation.Random, 0, 1_030, 1_500, 512, "random in a block of 512: the next one cannot be foreseen")]
    [InlineData(NatAllocation.Unknown, 0, 0, 0, 0, "unknown: too few mappings were seen")]
    public void Ports_are_told_with_what_was_seen_of_them(NatAllocation allocation, int step, int lowest, int highest, int block, string text)
    {
        var report = s_known with { Allocation = allocation, Step = step, LowestPort = (ushort)lowest, HighestPort = (ushort)highest, BlockSize = block, KeepsParity = null };
        Assert.Contains(("ports", text), NatWords.Facts(report));
    }

    [Fact]
    public void What_is_judged_by_ports_says_by_how_many()
    {
        var report = s_known with { Allocation = NatAllocation.Sequential, Step = 1, MappingsSeen = 10, KeepsParity = null };
        Assert.Contains(("ports", "sequential, step 1: the next one can be foreseen; judged by 10 mappings"), NatWords.Facts(report));
        Assert.DoesNotContain(NatWords.Facts(report with { Allocation = NatAllocation.Preserve }), static fact => fact.Text.Contains("judged", StringComparison.Ordinal));
    }

    [Fact]
    public void Each_fact_that_is_not_known_says_why()
    {
        var none = NatWords.Why(s_known);
        Assert.Empty(none);
        var all = NatWords.Why(new NatReport { Mapping = NatMapping.EndpointOrAddressDependent });
        Assert.Equal(
            ["mapping", "allocation", "filtering", "lifetimeMs", "keepsParity", "overloading", "hairpins", "spoiledByStrangers", "outerHops", "maxDatagram"],
            all.Keys);
        Assert.Contains("one address", all["mapping"], StringComparison.Ordinal);
    }

    [Fact]
    public void No_line_is_wider_than_a_terminal()
    {
        var six = TransportAddress.Parse("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
        foreach (var mapping in Enum.GetValues<NatMapping>())
        {
            foreach (var filtering in Enum.GetValues<NatFiltering>())
            {
                var report = s_known with
                {
                    Mapping = mapping, Filtering = filtering, IsComplete = false, IsOverloading = true, Hairpins = null, IsSpoiledByStrangers = null, OuterHops = 0, Lifetime = null, MaxDatagram = 0,
                    HasAddressPool = true, PublicHosts = 3, Mappings = [Mapping(s_local, s_mapped), Mapping(six, six.WithPort(1))],
                };
                Assert.All(Draw(report, new string('x', 200)), static line => Assert.InRange(line.Length, 0, NatPicture.Width));
            }
        }
    }

    private static void AssertDrawn(NatReport report, string picture) => Assert.Equal(picture.ReplaceLineEndings("\n"), string.Join('\n', Draw(report)));

    private static string[] Draw(NatReport report, string server = "example.org") => [.. NatPicture.Draw(new CheckFindings(report, server))];

    private static LocalMapping Mapping(TransportAddress local, TransportAddress mapped) =>
        new(new SocketId(1), local, mapped, s_server, default, NatMapping.EndpointIndependent, TimeSpan.FromMilliseconds(12));
}
