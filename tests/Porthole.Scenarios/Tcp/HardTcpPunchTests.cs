using System.Collections.Concurrent;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Punching;

namespace Porthole.Scenarios.Tcp;

/// <summary>
/// A symmetric NAT on one side, a port-restricted one on the other: sequential ports are predicted, random ones guessed by sockets that are held, within
/// the budget. PORTHOLE_FULL=1 runs all seeds.
/// </summary>
public sealed class HardTcpPunchTests
{
    /// <summary>Candidates that one side may name (ICE's limit is 20, and its plain ones are among them).</summary>
    private const int Predicted = 15;

    /// <summary>Connections that show the band of a NAT that chooses at random.</summary>
    private const int BandSamples = 8;

    [Theory]
    [InlineData(1, UnsolicitedSyn.Drop, UnsolicitedSyn.Drop)]
    [InlineData(1, UnsolicitedSyn.Reset, UnsolicitedSyn.Drop)]
    [InlineData(1, UnsolicitedSyn.Drop, UnsolicitedSyn.Reset)]
    [InlineData(1, UnsolicitedSyn.Reset, UnsolicitedSyn.Reset)]
    [InlineData(2, UnsolicitedSyn.Drop, UnsolicitedSyn.Drop)]
    [InlineData(-1, UnsolicitedSyn.Drop, UnsolicitedSyn.Reset)]
    public void Sequential_ports_are_predicted(int step, UnsolicitedSyn hardAnswer, UnsolicitedSyn easyAnswer)
    {
        var hard = Symmetric(hardAnswer) with { Allocation = new PortAllocation.Sequential(step) };
        var runs = RunAll(seed =>
        {
            var punch = new TcpPunch(hard, Easy(easyAnswer), seed, TcpPunchConditions.Draw(seed), serverPorts: 2);
            punch.A.Sample(1);
            if (!punch.Lab.RunUntil(() => punch.A.Samples.Count == 1, TimeSpan.FromSeconds(1))) throw new InvalidOperationException("No sample.");

            // Others behind the same NAT open connections between the sample and the punch.
            int foreign = (int)(seed % 6);
            OpenForeign(punch, foreign);
            int last = punch.A.Samples[0];
            ushort[] ports = [.. Enumerable.Range(1, Predicted).Select(i => (ushort)(last + i * step))];
            return (punch, punch.Fire(secondDoes: now =>
            {
                foreach (ushort port in ports) punch.B.Puncher.AddRemote(now, punch.A.Mapping!.Value.Mapped.WithPort(port), TcpCandidateType.SimultaneousOpen);
            }));
        });

        AssertDirect(runs, 0.97);
        Assert.InRange(runs.Max(run => run.Result.Attempts), 1, 2 * 1_600);
    }

    [Theory]
    [InlineData(251, 32, 0.99)] // what a carrier was measured to do
    [InlineData(512, 48, 0.97)]
    [InlineData(4_096, 128, 0.97)]
    [InlineData(64_512, 256, 0.95)] // all unprivileged ports
    public void Random_ports_are_hit_by_sockets_that_are_held(int band, int sockets, double wanted)
    {
        const ushort First = 1_024;
        var hard = Symmetric(UnsolicitedSyn.Drop) with { Ports = new PortRange(First, (ushort)(First + band - 1)) };
        var runs = RunAll(seed =>
        {
            var chance = SeededEntropy.ForStream(seed, stream: 2_000);
            var punch = new TcpPunch(hard, Easy(UnsolicitedSyn.Drop), seed, TcpPunchConditions.Draw(seed), serverPorts: BandSamples);
            for (int i = 1; i < BandSamples; i++) punch.A.Sample(i);
            if (!punch.Lab.RunUntil(() => punch.A.Samples.Count == BandSamples - 1, TimeSpan.FromSeconds(1))) throw new InvalidOperationException("No samples.");

            ushort[] ports = Candidates([.. punch.A.Samples, punch.A.Mapping!.Value.Mapped.Port], chance);
            punch.Lab.Trace = new PacketTrace(capacity: 0) { Watcher = Watch(punch, out var syns) };
            var result = punch.Fire(
                now => Assert.True(punch.A.Puncher.SprayFrom(now, punch.A.Mapping!.Value.Local, punch.B.Mapping!.Value.Mapped, sockets)),
                now => Assert.True(punch.B.Puncher.SprayTo(now, punch.B.Mapping!.Value.Listener, punch.A.Mapping!.Value.Mapped, ports)));
            AssertBudget(punch, syns);
            return (punch, result);
        });

        AssertDirect(runs, wanted);
    }

    [Fact]
    public void A_spray_that_finds_nothing_stays_within_its_budget_and_says_so_in_time()
    {
        // Two symmetric NATs with random ports: there is no one right address to hold sockets to.
        var hard = Symmetric(UnsolicitedSyn.Drop);
        var runs = RunAll(seed =>
        {
            var chance = SeededEntropy.ForStream(seed, stream: 2_000);
            var punch = new TcpPunch(hard, hard, seed, TcpPunchConditions.Draw(seed) with { Limit = TimeSpan.FromSeconds(12) });
            punch.Lab.Trace = new PacketTrace(capacity: 0) { Watcher = Watch(punch, out var syns) };
            var result = punch.Fire(
                now => punch.A.Puncher.SprayFrom(now, punch.A.Mapping!.Value.Local, punch.B.Mapping!.Value.Mapped, SprayBudget.MaxSockets),
                now => punch.B.Puncher.SprayTo(now, punch.B.Mapping!.Value.Listener, punch.A.Mapping!.Value.Mapped, Shuffle(1_024, ushort.MaxValue, chance)));
            AssertBudget(punch, syns);
            return (punch, result);
        }, TcpPunch.Seeds / 10);
        Assert.DoesNotContain(runs, run => run.Result.IsDirect || !(run.Result.Exhausted <= TimeSpan.FromSeconds(8.06)));
    }

    private static NatProfile Easy(UnsolicitedSyn answer) => NatProfile.PortRestricted with { Tcp = new NatTcpProfile { UnsolicitedSyn = answer } };

    private static NatProfile Symmetric(UnsolicitedSyn answer) => NatProfile.Symmetric with { Tcp = new NatTcpProfile { UnsolicitedSyn = answer } };

    private static void OpenForeign(TcpPunch punch, int count)
    {
        var server = punch.Lab.Internet.AddHost("elsewhere", "198.51.100.99").Addresses[0];
        punch.HostBesideA.Run(new ForeignConnections(server, count));
    }

    // What was seen, and a quarter of that on either side, since a few samples seldom touch the ends; in random order.
    private static ushort[] Candidates(ushort[] samples, EntropySource chance)
    {
        int margin = (samples.Max() - samples.Min()) / 4;
        return Shuffle(Math.Max(1_024, samples.Min() - margin), Math.Min(ushort.MaxValue, samples.Max() + margin), chance);
    }

    private static ushort[] Shuffle(int first, int last, EntropySource chance)
    {
        ushort[] ports = [.. Enumerable.Range(first, last - first + 1).Select(port => (ushort)port)];
        for (int i = ports.Length - 1; i > 0; i--)
        {
            int j = chance.NextInt32(0, i + 1);
            (ports[i], ports[j]) = (ports[j], ports[i]);
        }

        return ports;
    }

    private static Action<PacketTraceEntry> Watch(TcpPunch punch, out List<(string Host, Instant At)> syns)
    {
        var seen = new List<(string Host, Instant At)>();
        syns = seen;
        return entry =>
        {
            if (entry.Step == TraceStep.Sent && entry.Flow.IsSyn && (entry.Place == punch.A.Host.Name || entry.Place == punch.B.Host.Name)) seen.Add((entry.Place, entry.At));
        };
    }

    private static void AssertBudget(TcpPunch punch, List<(string Host, Instant At)> syns)
    {
        Assert.NotEmpty(syns);
        foreach (var peer in new[] { punch.A, punch.B })
        {
            // The plain attempts beside it have a budget of their own; toward a NAT that is silent they are three, of three SYNs each.
            const int Plain = 9;
            Instant[] moments = [.. syns.Where(syn => syn.Host == peer.Host.Name).Select(syn => syn.At)];
            Assert.InRange(moments.Length, 0, SprayBudget.MaxProbes + Plain);
            for (int i = SprayBudget.MaxPacketsPerSecond + 3; i < moments.Length; i++)
            {
                Assert.True(moments[i] - moments[i - SprayBudget.MaxPacketsPerSecond - 3] >= TimeSpan.FromSeconds(1), $"{peer.Host.Name}: too many in the second to {moments[i]}");
            }

            Assert.InRange(peer.Budget.Sockets, 0, SprayBudget.MaxSockets);
            Assert.InRange(peer.Budget.Probes, 0, SprayBudget.MaxProbes);
        }
    }

    private static IReadOnlyList<(ulong Seed, TcpPunchResult Result, int Sprayed)> RunAll(Func<ulong, (TcpPunch Punch, TcpPunchResult Result)> run, int? seeds = null)
    {
        var results = new ConcurrentBag<(ulong Seed, TcpPunchResult Result, int Sprayed)>();
        Parallel.For(1, (seeds ?? TcpPunch.Seeds) + 1, seed =>
        {
            var (punch, result) = run((ulong)seed);
            results.Add(((ulong)seed, result, punch.A.Puncher.SprayAttempts + punch.B.Puncher.SprayAttempts));
        });
        return [.. results.OrderBy(run => run.Seed)];
    }

    private static void AssertDirect(IReadOnlyList<(ulong Seed, TcpPunchResult Result, int Sprayed)> runs, double share)
    {
        double[] times = [.. runs.Where(run => run.Result.IsDirect).Select(run => run.Result.Connected!.Value.TotalMilliseconds).Order()];
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{runs.Count} punches: {100.0 * times.Length / runs.Count:0.0} % direct, p50 {times.ElementAtOrDefault(times.Length / 2):0} ms, p95 {times.ElementAtOrDefault(times.Length * 95 / 100):0} ms; "
            + $"{runs.Average(run => run.Result.Attempts):0.0} attempts, {runs.Average(run => run.Sprayed):0} of sprays, most {runs.Max(run => run.Sprayed)}");
        Assert.True(times.Length >= share * runs.Count, string.Join("; ", runs.Where(run => !run.Result.IsDirect).Take(20).Select(run => $"seed {run.Seed}: {run.Result}")));
    }

    /// <summary>Somebody else behind the NAT, who opens connections that nobody answers.</summary>
    private sealed class ForeignConnections(TransportAddress server, int count) : ISocketUser
    {
        private int _opened;

        public Instant? NextDeadline => null;

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
        }

        public bool TryTakeSocketRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request)
        {
            request = _opened < count ? new SocketRequest.TcpConnect(new SocketId(++_opened), TransportAddress.Parse("0.0.0.0:0"), server.WithPort(80), Instant.Zero) : null;
            return request is not null;
        }

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
        }

        public void HandleDeadline(Instant now)
        {
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => false;
    }
}
