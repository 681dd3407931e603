using Porthole.Lab;
using Porthole.Lab.Gateway;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Scenarios.Peer;

namespace Porthole.Scenarios.PortMapping;

/// <summary>What a gateway says, true or false, is a line in the verdict and no more.</summary>
public sealed class GatewayVerdictTests
{
    /// <summary>The longest line that a verdict has of it.</summary>
    private const int LongestLine = 400;

    private static readonly LinkOptions s_link = LinkOptions.WithDelay(10);

    /// <summary>What a gateway may send in place of a right answer.</summary>
    private static readonly Dictionary<string, Func<byte[], byte[]?>> s_lies = new()
    {
        ["nothing"] = static _ => null,
        ["one byte"] = static _ => [0],
        ["half of it"] = static right => right[..(right.Length / 2)],
        ["far too much"] = static right => [.. right.Select(static value => (byte)~value), .. new byte[1_400]],
        ["all ones"] = static right => [.. right.Select(static _ => (byte)0xFF)],
        ["each bit turned"] = static right => [.. right.Select(static value => (byte)~value)],
        ["no version that is known"] = static right => [77, .. right[1..]],
        ["text"] = static _ => [.. "HTTP/1.1 302 Found\r\nLocation: http://203.0.113.99/\r\n\r\n"u8],
    };

    public static TheoryData<string> Lies => [.. s_lies.Keys];

    [Fact]
    public void A_port_that_is_mapped_is_told()
    {
        var pair = Meet(new GatewayOptions());

        Assert.True(pair.IsDirect);
        Assert.Matches(@"^The gateway 192\.168\.1\.1 maps UDP port \d+ by PCP\.$", VerdictOf(pair).Gateway);
        Assert.Empty(pair.Bob.Machine.GetVerdict(pair.Bob.Opened).Gateway); // it has none
    }

    [Fact]
    public void A_refusal_is_told_with_what_each_protocol_said()
    {
        var pair = Meet(new GatewayOptions { Refuses = 2 });

        Assert.Equal("The gateway 192.168.1.1 maps no ports: PCP: it is not allowed; NAT-PMP: it is not allowed; UPnP: no answer.", VerdictOf(pair).Gateway);
        Assert.EndsWith("; the router here was asked for a port and maps none.", VerdictOf(pair).Advice, StringComparison.Ordinal);
        AssertRelayed(pair);
    }

    [Fact]
    public void A_gateway_that_is_silent_is_told_with_what_to_switch_on()
    {
        var pair = Meet(new GatewayOptions { Pcp = false, NatPmp = false });

        Assert.Equal("The gateway 192.168.1.1 maps no ports: it does not answer.", VerdictOf(pair).Gateway);
        Assert.EndsWith(
            "; the router here answers neither PCP nor NAT-PMP nor UPnP, so one of them is to be switched on in it.",
            VerdictOf(pair).Advice,
            StringComparison.Ordinal);
        AssertRelayed(pair);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void Whatever_a_gateway_sends_costs_a_line(string lie)
    {
        var pair = Meet(new GatewayOptions { Spoils = s_lies[lie] });

        var verdict = VerdictOf(pair);
        Assert.StartsWith("The gateway 192.168.1.1 ", verdict.Gateway, StringComparison.Ordinal);
        Assert.InRange(verdict.Gateway.Length, 1, LongestLine);
        Assert.DoesNotContain(verdict.Gateway, char.IsControl);
        Assert.Empty(pair.Alice.Machine.MappedPorts);
        AssertRelayed(pair);
    }

    [Fact]
    public void A_gateway_that_names_a_foreign_address_is_not_believed()
    {
        var pair = Meet(new GatewayOptions { Claims = "198.18.7.7" });

        Assert.Matches(@"maps UDP port \d+ by PCP and says that its outside address is 198\.18\.7\.7, but servers see another, so nothing is built on it\.$", VerdictOf(pair).Gateway);
        Assert.False(VerdictOf(pair).Here.HasPortMapping);
    }

    [Fact]
    public void A_second_NAT_behind_the_router_is_told()
    {
        var net = new PeerInternet(1, s_link, secondAddress: true);
        var carrier = net.Simulation.Internet.AddNat("carrier", NatProfile.Symmetric, "203.0.113.1", inside: "100.64.0.0/16", link: s_link);
        var home = carrier.Inside.AddNat("home", NatProfile.PortRestricted, "100.64.0.1");
        home.AddPortControl("192.168.1.1");
        var pair = Meet(net, net.AddPeer("alice", home.Inside, "192.168.1.10", change: UdpOnly));

        Assert.Matches(
            @"^The gateway 192\.168\.1\.1 maps UDP port \d+ by PCP, but its outside address 100\.64\.0\.1 is a private or shared one: behind this router stands a second NAT, ",
            VerdictOf(pair).Gateway);
        Assert.EndsWith("; the router here maps a port, but behind it stands a second NAT that would have to map one too.", VerdictOf(pair).Advice, StringComparison.Ordinal);
        AssertRelayed(pair);
    }

    private static PathVerdict VerdictOf(PeerPair pair) => pair.Alice.Machine.GetVerdict(pair.Connection);

    /// <summary>Two NATs that draw ports: only a mapping leads to a direct path.</summary>
    private static PeerPair Meet(GatewayOptions options)
    {
        var net = new PeerInternet(1, s_link, secondAddress: true);
        var home = net.Simulation.Internet.AddNat("home", NatProfile.Symmetric, "203.0.113.1", link: s_link);
        home.AddPortControl("192.168.1.1", options);
        return Meet(net, net.AddPeer("alice", home.Inside, "192.168.1.10", change: UdpOnly));
    }

    private static PeerPair Meet(PeerInternet net, SimulatedPeer alice)
    {
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.Symmetric, "203.0.113.2", link: s_link);
        var pair = PeerPair.Warm(net, alice, net.AddPeer("bob", other.Inside, "192.168.2.10", change: UdpOnly)).Call();
        net.Simulation.RunFor(TimeSpan.FromSeconds(15)); // direct, or given up
        return pair;
    }

    /// <summary>The same as where there is no such gateway.</summary>
    private static void AssertRelayed(PeerPair pair)
    {
        Assert.False(pair.IsDirect);
        Assert.Equal(VerdictReason.RandomPortsBoth, VerdictOf(pair).Reason);
        Assert.DoesNotContain(pair.Alice.Events, static entry => entry.Event is PeerEvent.Failed);
        pair.AssertCarries();
    }

    private static PeerMachineOptions UdpOnly(PeerMachineOptions options) => options with { Transports = Transports.Udp };
}
