using System.Globalization;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>
/// Pairs of NATs that plain punching does not pass, on real sockets and kernels, by whole processes. The goals are for an idle machine (the benchmark
/// <c>hard-nat</c> measures them); here a multiple of them is demanded, or of what a plain pair takes, and what was measured is told. Alone, because it measures time.
/// </summary>
[Collection<Alone>]
public sealed class HardNatTests
{
    /// <summary>How much longer than the goal, or than a plain pair, it may take here: the machine may have other things to do.</summary>
    private const int Patience = 3;

    /// <summary>Enough for the exchange that proves the path.</summary>
    private const int Bytes = 10_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_search = TimeSpan.FromSeconds(12);
    private static readonly KernelLinkOptions s_roundTripOf40 = new() { Delay = TimeSpan.FromMilliseconds(20) };

    [RootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_NAT_with_a_random_port_for_each_destination_is_passed_nine_times_of_ten(bool modelled)
    {
        const int runs = 10;
        using var lab = new KernelLab(s_roundTripOf40, ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        var called = PeerProcess.StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), server, "bob", Transports.Udp);
        var callers = await StartAsync(() => modelled ? AddModelledSite(lab, NatProfile.Symmetric) : lab.AddSite(KernelNatKind.Symmetric), server, runs);
        var took = await ConnectAsync(callers, await called);
        Tell($"symmetric-random ({(modelled ? "model" : "kernel")}) × port-restricted", took);
        Assert.InRange(took.Count, 9, runs);
        Assert.InRange(Median(took), 0, Patience * 2_500);
    }

    [RootFact]
    public async Task A_NAT_that_counts_its_ports_is_foreseen()
    {
        const int runs = 5;
        using var lab = new KernelLab(s_roundTripOf40, ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        var easy = PeerProcess.StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("easy"), server, "easy", Transports.Udp);
        var hard = PeerProcess.StartAsync(AddModelledSite(lab, NatProfile.SymmetricSequential).AddHost("hard"), server, "hard", Transports.Udp);
        var callers = await StartAsync(() => AddModelledSite(lab, NatProfile.SymmetricSequential), server, 2 * runs);
        var plainCallers = await StartAsync(() => lab.AddSite(KernelNatKind.PortRestricted), server, runs, "plain");
        var plain = await ConnectAsync(plainCallers, await easy);
        var one = await ConnectAsync(callers[..runs], await easy);
        var both = await ConnectAsync(callers[runs..], await hard);
        Tell("port-restricted × port-restricted, plain", plain);
        Tell("sequential × port-restricted", one);
        Tell("sequential × sequential", both);
        Assert.Equal((runs, runs, runs), (plain.Count, one.Count, both.Count));
        Assert.InRange(Median(one), 0, Patience * Math.Max(250, Median(plain)));
        Assert.InRange(Median(both), 0, Patience * Math.Max(400, Median(plain)));
    }

    // The side whose router takes the early packet for its own is the one that begins late.
    [RootTheory]
    [InlineData(0)]
    [InlineData(40)]
    public async Task A_router_that_takes_early_packets_for_its_own_is_passed_whoever_begins_first(int roundTripMilliseconds)
    {
        using var lab = new KernelLab(roundTripMilliseconds == 0 ? null : s_roundTripOf40, ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        var failed = new List<string>();
        foreach (var other in new[] { KernelNatKind.Poisonable, KernelNatKind.PortRestricted })
        {
            foreach (int skew in new[] { 0, 100 })
            {
                string suffix = string.Create(CultureInfo.InvariantCulture, $"{other}{skew}").ToLowerInvariant();
                var starting = PeerProcess.StartAsync(lab.AddSite(other).AddHost("alice"), server, "alice" + suffix, Transports.Udp);
                var bob = await PeerProcess.StartAsync(lab.AddSite(KernelNatKind.Poisonable).AddHost("bob"), server, "bob" + suffix, Transports.Udp);
                var alice = await starting;
                if (skew > 0) await bob.DelayPushesAsync(TimeSpan.FromMilliseconds(skew));
                var took = await ConnectAsync([alice], bob);
                Tell($"{other} × Poisonable, {roundTripMilliseconds} ms round trip, {skew} ms apart", took);
                if (took.Count == 0) failed.Add($"{other}, {skew} ms apart\n{alice.Transcript}\n{bob.Transcript}");
            }
        }

        Assert.Empty(failed);
    }

    private static KernelSite AddModelledSite(KernelLab lab, NatProfile profile) =>
        lab.AddModelledSite(external => new NatTable(profile, new SeededEntropy(1), external));

    /// <summary>
    /// Starts callers, each behind a router of its own, for their questions would disturb each other's; each a process of its own, for one that has connected before would
    /// know too much. A few at a time: a machine that is busy with starting them finds out less about its NAT.
    /// </summary>
    private static async Task<List<PeerProcess>> StartAsync(Func<KernelSite> addSite, ServerProcess server, int count, string kind = "caller")
    {
        const int atOnce = 2;
        var started = new List<PeerProcess>();
        foreach (int[] numbers in Enumerable.Range(1, count).Chunk(atOnce))
        {
            started.AddRange(await Task.WhenAll(numbers.Select(number =>
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"{kind}{number}");
                return PeerProcess.StartAsync(addSite().AddHost(name), server, name, Transports.Udp);
            })));
        }

        return started;
    }

    /// <summary>Lets one after the other call.</summary>
    /// <returns>How long those took that came to a direct path and carried bytes over it, in milliseconds from the call.</returns>
    private static async Task<List<double>> ConnectAsync(IEnumerable<PeerProcess> callers, PeerProcess called)
    {
        var took = new List<double>();
        foreach (var caller in callers)
        {
            await caller.CallAsync(called, Bytes, directWithin: s_search);
            var reached = await caller.WaitForAsync("session", s_patience);
            var happened = await caller.WaitForAnyAsync(["direct", "done"], s_patience);
            bool direct = (string)happened["event"]! == "direct";
            var done = direct ? await caller.WaitForAsync("done", s_patience) : happened;
            Assert.True((bool)done["intact"]!);
            if (direct) took.Add((double)happened["elapsedMs"]!);
            else TestContext.Current.SendDiagnosticMessage($"{caller.Name}: session after {reached["elapsedMs"]} ms, then {done["verdict"]}");
        }

        return took;
    }

    private static void Tell(string pair, List<double> took) => TestContext.Current.SendDiagnosticMessage(string.Create(
        CultureInfo.InvariantCulture, $"{pair}: {took.Count} direct, median {(took.Count == 0 ? double.NaN : Median(took)):0} ms ({string.Join(", ", took.Select(one => $"{one:0}"))})"));

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
