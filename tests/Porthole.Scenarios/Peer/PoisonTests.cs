using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>
/// NATs that a stranger's packet spoils: plain checks meet only if both leave before either arrives. And NATs that let everybody in but map every destination
/// anew, where a side that waits needs no guess. UDP alone.
/// </summary>
public sealed class PoisonTests
{
    /// <summary>A thousand seeds a cell; a tenth of them unless all are asked for.</summary>
    private static readonly int s_seeds = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 1_000 : 100;

    public static TheoryData<string, string> Spoiled { get; } = new()
    {
        { "poisoned-masquerade", "poisoned-masquerade" },
        { "poisoned-masquerade", "port-restricted" },
        { "port-restricted", "poisoned-masquerade" },
        { "poisoned-masquerade", "masquerade" },
        { "masquerade", "poisoned-masquerade" },
    };

    public static TheoryData<string, string> Admitting { get; } = new() { { "P/EIF", "E/APDF" }, { "E/APDF", "P/EIF" }, { "A/EIF", "E/APDF" }, { "E/APDF", "A/EIF" } };

    [Theory]
    [MemberData(nameof(Spoiled))]
    public void A_NAT_that_strangers_spoil_is_passed_whoever_is_first(string one, string other)
    {
        foreach (double roundTrip in new double[] { 0, 40 })
        {
            foreach (int skew in new[] { 0, 100 }) AssertMostlyDirect(roundTrip, skew, seed => Behind(seed, Find(one), Find(other), roundTrip / 4), s_seeds);
        }
    }

    [Fact]
    public void Two_NATs_in_a_row_on_both_sides_are_passed_too()
    {
        foreach (int skew in new[] { 0, 100 })
        {
            AssertMostlyDirect(40, skew, static seed =>
            {
                var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
                return PeerPair.Warm(net, AddBehindTwo(net, "alice", "203.0.113.1"), AddBehindTwo(net, "bob", "203.0.113.2"));
            }, s_seeds);
        }
    }

    [Fact]
    public void Loss_costs_time_and_seldom_the_path()
    {
        AssertMostlyDirect(40, 100, static seed =>
        {
            var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
            var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Loss = 0.02 };
            var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PoisonedMasquerade, "203.0.113.1", link: link);
            var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PoisonedMasquerade, "203.0.113.2", link: link);
            return PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10", change: UdpOnly), net.AddPeer("bob", other.Inside, "192.168.1.20", change: UdpOnly));
        }, s_seeds);
    }

    [Theory]
    [MemberData(nameof(Admitting))]
    public void A_NAT_that_lets_everybody_in_is_passed_by_waiting(string one, string other)
    {
        foreach (double roundTrip in new double[] { 0, 40 })
        {
            foreach (int skew in new[] { 0, 100 })
            {
                AssertMostlyDirect(roundTrip, skew, seed => Behind(seed, Find(one), Find(other), roundTrip / 4), s_seeds / 10, static pair =>
                {
                    foreach (var peer in new[] { pair.Alice, pair.Bob }) Assert.DoesNotContain(TriedBy(pair, peer), static method => method != PunchMethod.Plain);
                });
            }
        }
    }

    /// <summary>Where the server has a second address, a side knows that it is let everybody in to, and leaves the first word to the other.</summary>
    [Theory]
    [InlineData("P/EIF")]
    [InlineData("A/EIF")]
    public void A_side_that_everybody_reaches_does_not_speak_first(string name)
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var net = new PeerInternet(seed, LinkOptions.WithDelay(10), secondAddress: true);
            var open = net.Simulation.Internet.AddNat("nat of alice", Find(name), "203.0.113.1", link: LinkOptions.WithDelay(10));
            var other = net.Simulation.Internet.AddNat("nat of bob", Find("E/APDF"), "203.0.113.2", link: LinkOptions.WithDelay(10));
            var pair = PeerPair.Warm(net, net.AddPeer("alice", open.Inside, "192.168.1.10", change: UdpOnly), net.AddPeer("bob", other.Inside, "192.168.1.20", change: UdpOnly));
            Assert.Equal(Protocol.Discovery.NatFiltering.EndpointIndependent, pair.Alice.Machine.Nat!.Filtering);
            pair.Bob.Host.MainConnectionLag = TimeSpan.FromMilliseconds(100);
            pair.Call();
            Assert.True(pair.Until(() => pair.IsDirect, 3));
            var first = pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.CheckTraced>().First();
            Assert.Equal(CheckStep.Received, first.Step);
        }
    }

    [Fact]
    public void What_the_opening_packet_may_pass_is_known_beforehand_and_the_other_side_is_told()
    {
        var pair = Behind(1, NatProfile.PoisonedMasquerade, NatProfile.PoisonedMasquerade, 10);
        Assert.Equal((2, 2), (pair.Alice.Machine.Nat!.OuterHops, pair.Bob.Machine.Nat!.OuterHops));
        pair.Bob.Host.MainConnectionLag = TimeSpan.FromMilliseconds(100);
        pair.Call();
        Assert.True(pair.Until(() => pair.IsDirect, 3));
        var verdict = pair.Alice.Machine.GetVerdict(pair.Connection);
        Assert.Equal((2, 2), (verdict.Here?.OuterHops, verdict.There?.OuterHops));
        Assert.Equal(PunchMethod.Opener, verdict.Method);
    }

    /// <summary>The order itself: whatever comes to a port of a fresh socket from outside was sent to from inside before.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void No_NAT_sees_a_packet_to_a_fresh_port_that_it_does_not_expect(double roundTrip)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var pair = Behind(seed, NatProfile.PoisonedMasquerade, NatProfile.PoisonedMasquerade, roundTrip / 4);
            (seed % 2 == 0 ? pair.Alice : pair.Bob).Host.MainConnectionLag = TimeSpan.FromMilliseconds(100);
            var sent = new HashSet<(TransportAddress Inside, TransportAddress Outside)>();
            var unexpected = new List<string>();
            int opened = 0;
            pair.Net.Simulation.Trace = new PacketTrace(capacity: 0)
            {
                Inspector = (in entry, _) =>
                {
                    bool isMain = entry.Flow.Source.Port == PeerMachineOptions.DefaultPort || entry.Flow.Destination.Port == PeerMachineOptions.DefaultPort;
                    if (isMain || entry.Flow.Protocol != NatProtocol.Udp || !entry.Place.StartsWith("nat of", StringComparison.Ordinal)) return;
                    if (entry.Step == TraceStep.Translated && entry.Before.Source.IsPrivate && sent.Add((entry.Flow.Source, entry.Flow.Destination))) opened++;
                    else if (!entry.Before.Source.IsPrivate && entry.Step == TraceStep.Dropped && entry.Drop == PacketDrop.Filtered) unexpected.Add(entry.ToString());
                },
            };
            pair.Call();
            Assert.True(pair.Until(() => pair.IsDirect, 3), $"seed {seed}");
            Assert.Empty(unexpected);
            Assert.InRange(opened, 4, 10); // from each fresh socket to a server and to the other
        }
    }

    /// <summary>The fresh sockets carry the session: data passes, and a restart finds the path again.</summary>
    [Fact]
    public void A_path_between_fresh_sockets_carries_data_and_lasts()
    {
        var pair = Behind(1, NatProfile.PoisonedMasquerade, NatProfile.PoisonedMasquerade, 10);
        pair.Bob.Host.MainConnectionLag = TimeSpan.FromMilliseconds(100);
        pair.Call();
        Assert.True(pair.Until(() => pair.IsDirect, 3));
        byte[] payload = PeerPair.Payload(500_000);
        pair.Alice.Send(pair.Connection, payload);
        Assert.True(pair.Until(() => pair.Bob.BytesReceived == payload.Length, 10));
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));
        Assert.True(pair.IsDirect);
        Assert.Equal(VerdictReason.Direct, pair.Alice.Machine.GetVerdict(pair.Connection).Reason);
    }

    private static void AssertMostlyDirect(double roundTrip, int skew, Func<ulong, PeerPair> build, int seeds, Action<PeerPair>? check = null)
    {
        int direct = 0;
        string why = "";
        Parallel.For(1, seeds + 1, seed =>
        {
            var pair = build((ulong)seed);
            (seed % 2 == 0 ? pair.Alice : pair.Bob).Host.MainConnectionLag = TimeSpan.FromMilliseconds(skew);
            pair.Call();
            if (pair.Until(() => pair.IsDirect, 3))
            {
                Interlocked.Increment(ref direct);
                check?.Invoke(pair);
            }
            else
            {
                why = $"seed {seed}: {pair.Alice.Machine.GetVerdict(pair.Connection).Sentence}";
            }
        });

        Assert.True(direct >= seeds * 0.99, $"{direct} of {seeds} at {roundTrip} ms, {skew} ms apart; {why}");
    }

    private static PeerPair Behind(ulong seed, NatProfile one, NatProfile other, double delay) => PeerPair.BehindNats(seed, one, other, delay, delay, change: UdpOnly);

    private static SimulatedPeer AddBehindTwo(PeerInternet net, string name, string external)
    {
        var outer = net.Simulation.Internet.AddNat($"provider of {name}", NatProfile.PoisonedMasquerade, external, "100.64.0.0/10", LinkOptions.WithDelay(8));
        var inner = outer.Inside.AddNat($"nat of {name}", NatProfile.PoisonedMasquerade, "100.64.0.9", link: LinkOptions.WithDelay(2));
        return net.AddPeer(name, inner.Inside, "192.168.1.10", change: UdpOnly);
    }

    private static IEnumerable<PunchMethod> TriedBy(PeerPair pair, SimulatedPeer peer) =>
        peer.Machine.GetVerdict(peer == pair.Alice ? pair.Connection : pair.Bob.Opened).Tried.Select(static attempt => attempt.Method);

    private static PeerMachineOptions UdpOnly(PeerMachineOptions options) => options with { Transports = Transports.Udp };

    private static NatProfile Find(string name) => name switch
    {
        "P/EIF" => NatProfile.Of(NatMapping.AddressAndPortDependent, NatFiltering.EndpointIndependent),
        "A/EIF" => NatProfile.Of(NatMapping.AddressDependent, NatFiltering.EndpointIndependent),
        "E/APDF" => NatProfile.Of(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent),
        _ => NatProfile.Presets.Single(preset => preset.Name == name),
    };
}
