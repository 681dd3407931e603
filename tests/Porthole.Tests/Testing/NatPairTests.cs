using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Testing;

namespace Porthole.Tests.Testing;

/// <summary>Pairs of NATs: what the lab's model says of a plain punch comes about between real nodes.</summary>
public sealed class NatPairTests
{
    public static TheoryData<string, string> Pairs => new()
    {
        { "full-cone", "full-cone" },
        { "full-cone", "symmetric" },
        { "symmetric", "restricted" },
        { "port-restricted", "port-restricted" },
        { "masquerade", "carrier" },
        { "symmetric-carrier", "full-cone" },
        { "symmetric", "symmetric" },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Two_NATs_let_a_direct_path_through_or_leave_the_relay_as_the_model_says(string callers, string calleds)
    {
        var (caller, called) = (Find(callers), Find(calleds));
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", called, UdpAlone, TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", caller, UdpAlone, TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        var outcome = PunchModel.Decide(Side(caller), Side(called));
        if (outcome is PunchOutcome.Plain or PunchOutcome.CrossTuple)
        {
            Assert.Equal(PathKind.Udp, (await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token)).Kind);
        }
        else
        {
            // Two ports at random cannot be guessed at: the verdict says so once it is settled.
            Assert.Equal(PunchOutcome.TwoPorts, outcome);
            await TestPeers.UntilAsync(() => there.Verdict.Reason == VerdictReason.RandomPortsBoth);
            Assert.Equal(PathKind.Relay, there.Path.Kind);
        }

        await TestPeers.ExchangeAsync(there, here);
    }

    [Fact]
    public async Task Ports_that_count_up_are_foreseen()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted, UdpAlone, TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.SymmetricSequential, UdpAlone, TestPeers.Token);
        var (there, _) = await TestPeers.ConnectAsync(alice, bob);
        Assert.Equal(PathKind.Udp, (await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token)).Kind);
    }

    [Fact]
    public async Task TCP_is_punched_too()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted, TcpAlone, TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.PortRestricted, TcpAlone, TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        Assert.Equal(PathKind.Tcp, (await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token)).Kind);
        await TestPeers.ExchangeAsync(there, here, 300_000);

        static PeerOptions TcpAlone(PeerOptions options) => options with { Transports = Transports.Tcp };
    }

    [Fact]
    public async Task A_peer_on_the_internet_is_reached_from_behind_two_NATs()
    {
        await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { ServerHasTwoAddresses = true });
        var carrier = net.AddNat(NatProfile.Carrier, new TestNatOptions { IsCarrier = true });
        var home = net.AddNat(NatProfile.PortRestricted, new TestNatOptions { Behind = carrier });
        var bob = await net.StartPeerAsync("bob", configure: UdpAlone, cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", home, UdpAlone, TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token);
        await TestPeers.UntilAsync(() => here.Path.IsDirect);
        Assert.StartsWith("203.0.113.", here.Path.Remote!.Value.ToString(), StringComparison.Ordinal); // the carrier's outside
        Assert.StartsWith("100.64.", ((NatTable)home.Router.Nat!).ExternalAddresses[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_peers_behind_one_NAT_use_their_own_network()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var office = net.AddNat(NatProfile.Symmetric);
        var bob = await net.StartPeerAsync("bob", office, UdpAlone, TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", office, UdpAlone, TestPeers.Token);
        var (there, _) = await TestPeers.ConnectAsync(alice, bob);
        var path = await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token);
        Assert.StartsWith("192.168.1.", path.Remote!.Value.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_maps_a_port_for_a_peer_that_could_not_be_reached()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var home = net.AddNat(NatProfile.Symmetric, new TestNatOptions { MapsPorts = true });
        var bob = await net.StartPeerAsync("bob", home, UdpAlone, TestPeers.Token);
        await TestPeers.UntilAsync(() => !bob.MappedPorts.IsEmpty);
        var alice = await net.StartPeerAsync("alice", NatProfile.Symmetric, UdpAlone, TestPeers.Token);
        var (there, _) = await TestPeers.ConnectAsync(alice, bob);
        Assert.Equal(PathKind.Udp, (await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token)).Kind);
    }

    private static PeerOptions UdpAlone(PeerOptions options) => options with { Transports = Transports.Udp };

    private static NatProfile Find(string name) => NatProfile.AllPresets.Single(profile => profile.Name == name);

    // A NAT that keeps the port for every 5-tuple that is free is endpoint-independent to all who look at it from outside.
    private static PunchSide Side(NatProfile profile) => new(
        profile.Allocation is PortAllocation.PreserveWithOverload ? NatMapping.EndpointIndependent : profile.Mapping,
        profile.Filtering,
        profile.FilterScope,
        profile.Answers);
}
