using System.Collections.Concurrent;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Peer;

/// <summary>
/// What two whole peers say of the path between them, behind every pair of NATs: the right method where it is direct; where it is not, the right reason, the right
/// side to blame, and what would help. The server has two addresses, so that everything that can be found out about the NATs is.
/// </summary>
public sealed class VerdictTests
{
    /// <summary>After this the methods are through, or there is no hope: TCP is not in it.</summary>
    private const double Decided = 20;

    private static readonly NatProfile[] s_grid =
        [.. Enum.GetValues<NatMapping>().SelectMany(static mapping => Enum.GetValues<NatFiltering>().Select(filtering => NatProfile.Of(mapping, filtering)))];

    private static readonly NatProfile[] s_presets =
    [
        .. NatProfile.Presets, NatProfile.SymmetricSkipping, NatProfile.SymmetricPreserving, NatProfile.SymmetricBand,
    ];

    /// <summary>How the port of a NAT's next mapping is found: what it is, whatever is known of it.</summary>
    private enum Ports { Known, Same, Next, Any }

    public static TheoryData<string> GridRows => [.. s_grid.Select(static nat => nat.Name)];

    public static TheoryData<string> PresetRows => [.. s_presets.Select(static nat => nat.Name)];

    [Theory]
    [MemberData(nameof(GridRows))]
    public void Every_cell_of_the_grid_is_explained(string alice) => ReadRow(s_grid, alice);

    [Theory]
    [MemberData(nameof(PresetRows))]
    public void Every_pair_of_presets_is_explained(string alice) => ReadRow(s_presets, alice);

    [Theory]
    [InlineData(true, false, VerdictReason.UdpBlockedHere, VerdictBlame.Here, VerdictReason.UdpBlockedThere, VerdictBlame.There)]
    [InlineData(false, true, VerdictReason.UdpBlockedThere, VerdictBlame.There, VerdictReason.UdpBlockedHere, VerdictBlame.Here)]
    [InlineData(true, true, VerdictReason.UdpBlockedBoth, VerdictBlame.Both, VerdictReason.UdpBlockedBoth, VerdictBlame.Both)]
    public void Blocked_UDP_is_told_with_what_to_open(
        bool atAlice, bool atBob, VerdictReason reason, VerdictBlame blame, VerdictReason bobsReason, VerdictBlame bobsBlame)
    {
        var pair = TcpPair.BehindNats(1, atAlice, atBob, UdpOnly).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(60)); // that it is blocked for good is known half a minute later
        AssertVerdict(pair.VerdictOfAlice(), reason, blame, "UDP");
        AssertVerdict(pair.VerdictOfBob(), bobsReason, bobsBlame, "UDP");
        Assert.Contains("3478", pair.VerdictOfAlice().Advice, StringComparison.Ordinal);
        Assert.Contains("TCP", pair.VerdictOfAlice().Advice, StringComparison.Ordinal); // that is not wanted here
    }

    [Fact]
    public void A_firewall_between_them_is_told_though_all_ports_are_known()
    {
        var pair = Pair(1, NatProfile.PortRestricted, NatProfile.PortRestricted);
        foreach (var peer in (SimulatedPeer[])[pair.Alice, pair.Bob]) peer.Host.Network.Gateway!.Link.BlocksUdp = true; // from now on: STUN got through before
        pair.Call().Net.Simulation.RunFor(TimeSpan.FromSeconds(Decided));
        AssertVerdict(pair.VerdictOfAlice(), VerdictReason.NoAnswer, VerdictBlame.Both, "firewall");
        AssertVerdict(pair.VerdictOfBob(), VerdictReason.NoAnswer, VerdictBlame.Both, "firewall");
    }

    [Theory]
    [InlineData(Transports.None, Transports.All, VerdictReason.RelayOnly, VerdictBlame.Here, VerdictBlame.There)]
    [InlineData(Transports.All, Transports.None, VerdictReason.RelayOnly, VerdictBlame.There, VerdictBlame.Here)]
    [InlineData(Transports.None, Transports.None, VerdictReason.RelayOnly, VerdictBlame.Both, VerdictBlame.Both)]
    [InlineData(Transports.Tcp, Transports.Udp, VerdictReason.NoCommonTransport, VerdictBlame.Both, VerdictBlame.Both)]
    [InlineData(Transports.Udp, Transports.Tcp, VerdictReason.NoCommonTransport, VerdictBlame.Both, VerdictBlame.Both)]
    public void What_the_two_want_is_no_networks_fault(Transports atAlice, Transports atBob, VerdictReason reason, VerdictBlame blame, VerdictBlame bobsBlame)
    {
        var pair = TcpPair.BehindNats(1, false, false, options => options with { Transports = options.Name == "alice" ? atAlice : atBob }).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(Decided));
        AssertVerdict(pair.VerdictOfAlice(), reason, blame, "--transport auto");
        AssertVerdict(pair.VerdictOfBob(), reason, bobsBlame, "--transport auto");
    }

    [Fact]
    public void Who_takes_TCP_only_between_NATs_with_random_ports_is_told_of_those()
    {
        var pair = PeerPair.BehindNats(1, NatProfile.Symmetric, NatProfile.Symmetric, change: TcpPair.TcpOnly).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(Decided));
        AssertVerdict(pair.VerdictOfAlice(), VerdictReason.RandomPortsBoth, VerdictBlame.Both, "port mapping");
        Assert.Contains(pair.VerdictOfAlice().Tried, static attempt => attempt.Method.IsTcp);
    }

    [Theory]
    [InlineData("symmetric", VerdictReason.RandomPortsBoth)]
    [InlineData("symmetric-sequential", VerdictReason.RandomAgainstPredictable)]
    [InlineData("symmetric-preserving", VerdictReason.RandomAgainstPredictable)]
    public void Where_there_is_no_hope_it_is_said_within_three_seconds_and_nothing_is_guessed(string bob, VerdictReason reason)
    {
        var pair = Pair(1, NatProfile.Symmetric, s_presets.Single(nat => nat.Name == bob)).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(3));
        foreach (var verdict in (PathVerdict[])[pair.VerdictOfAlice(), pair.VerdictOfBob()])
        {
            AssertVerdict(verdict, reason, VerdictBlame.Both, "port mapping on either side");
            Assert.Equal([PunchMethod.Plain], verdict.Tried.Select(static attempt => attempt.Method));
        }
    }

    private static PeerMachineOptions UdpOnly(PeerMachineOptions options) => options with { Transports = Transports.Udp };

    private static PeerPair Pair(ulong seed, NatProfile alice, NatProfile bob)
    {
        var net = new PeerInternet(seed, LinkOptions.WithDelay(10), secondAddress: true);
        var one = net.Simulation.Internet.AddNat("nat of alice", alice, "203.0.113.1", link: LinkOptions.WithDelay(10));
        var other = net.Simulation.Internet.AddNat("nat of bob", bob, "203.0.113.2", link: LinkOptions.WithDelay(10));
        return PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10", change: UdpOnly), net.AddPeer("bob", other.Inside, "192.168.1.20", change: UdpOnly));
    }

    private static void ReadRow(NatProfile[] nats, string name)
    {
        var alice = nats.Single(nat => nat.Name == name);
        var problems = new ConcurrentBag<string>();
        Parallel.ForEach(nats, bob =>
        {
            var pair = Pair(1, alice, bob).Call();
            pair.Until(() => pair.IsDirect, Decided);
            string? problem = Read(alice, bob, pair.VerdictOfAlice(), pair.IsDirect) ?? Read(bob, alice, pair.VerdictOfBob(), pair.IsDirect);
            if (problem is not null) problems.Add($"{alice} × {bob}: {problem}; {pair.VerdictOfAlice()}; {pair.VerdictOfBob()}");
        });
        Assert.True(problems.IsEmpty, string.Join("\n", problems));
    }

    /// <summary>Reads one side's verdict, knowing what both NATs really do.</summary>
    private static string? Read(NatProfile here, NatProfile there, PathVerdict verdict, bool isDirect)
    {
        if (isDirect)
            return verdict is { Reason: VerdictReason.Direct, Blame: VerdictBlame.Nobody, Advice: "" } && verdict.Method != PunchMethod.Relay && !verdict.Method.IsTcp ? null : "direct, and does not say so";
        if (verdict.Method != PunchMethod.Relay) return "relayed, by a method";
        if (verdict.Advice.Length == 0) return "no advice";
        if (verdict.Sentence.Contains("unknown", StringComparison.OrdinalIgnoreCase)) return "says that it does not know";
        if (verdict.Here.Mapping != Seen(here)) return $"does not know its own NAT, which is {Seen(here)}";
        if (verdict.There.Mapping != Seen(there)) return $"does not know the other NAT, which is {Seen(there)}";
        var (reasons, blame) = Expect(here, there);
        if (!reasons.Contains(verdict.Reason)) return $"not {string.Join(" or ", reasons)}";
        if (verdict.Blame != blame) return $"blames not {blame}";
        return verdict.Advice.Contains("port mapping", StringComparison.Ordinal) || verdict.Advice.Contains("PCP", StringComparison.Ordinal) ? null : "does not advise a port mapping";
    }

    private static (VerdictReason[] Reasons, VerdictBlame Blame) Expect(NatProfile here, NatProfile there) => (PortsOf(here), PortsOf(there)) switch
    {
        (Ports.Known, Ports.Known) => ([VerdictReason.SpoiledByStrangers], Side(here.RecordsUnsolicited, there.RecordsUnsolicited)),
        (Ports.Any, Ports.Any) => ([VerdictReason.RandomPortsBoth], VerdictBlame.Both),
        (Ports.Any, not Ports.Known) or (not Ports.Known, Ports.Any) => ([VerdictReason.RandomAgainstPredictable], VerdictBlame.Both),
        var (one, other) => ([VerdictReason.PortsNotHit, VerdictReason.SprayHeldBack], Side(one != Ports.Known, other != Ports.Known)),
    };

    /// <summary>Masquerading maps by destination, and keeps the port for all of them: nobody can tell it from one mapping.</summary>
    private static bool LooksIndependent(NatProfile nat) => nat.Mapping == NatMapping.EndpointIndependent || nat.Allocation is PortAllocation.PreserveWithOverload;

    private static NatMappingFact Seen(NatProfile nat) => LooksIndependent(nat)
        ? NatMappingFact.EndpointIndependent
        : nat.Mapping == NatMapping.AddressDependent ? NatMappingFact.AddressDependent : NatMappingFact.AddressAndPortDependent;

    private static Ports PortsOf(NatProfile nat) => LooksIndependent(nat) ? Ports.Known : nat.Allocation switch
    {
        PortAllocation.Sequential => Ports.Next,
        PortAllocation.Preserve => Ports.Same,
        _ => Ports.Any,
    };

    private static VerdictBlame Side(bool here, bool there) => (here, there) switch
    {
        (true, true) => VerdictBlame.Both,
        (true, false) => VerdictBlame.Here,
        (false, true) => VerdictBlame.There,
        (false, false) => VerdictBlame.Nobody,
    };

    private static void AssertVerdict(PathVerdict verdict, VerdictReason reason, VerdictBlame blame, string advice)
    {
        Assert.Equal((reason, blame), (verdict.Reason, verdict.Blame));
        Assert.Contains(advice, verdict.Advice, StringComparison.Ordinal);
        Assert.StartsWith("Relayed: ", verdict.Sentence, StringComparison.Ordinal);
    }
}
