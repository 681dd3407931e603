using System.Collections.Concurrent;
using System.Globalization;
using Porthole.Lab;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Hard;

/// <summary>
/// Many meetings of two whole peers behind the same two NATs, UDP only: how many become direct, how soon, and that none of them spends more than is allowed.
/// PORTHOLE_FULL=1 runs all seeds.
/// </summary>
internal sealed class HardRuns
{
    /// <summary>The budget of one attempt and side: STUN messages to the other side's addresses, those within any second, their length, and sockets.</summary>
    public const int MaxChecks = 2_000, MaxInASecond = 200, MaxCheck = 128, MaxSockets = 256;

    private HardRuns(IReadOnlyList<(ulong Seed, MeetingResult Result)> runs) => Runs = runs;

    /// <summary>How many seeds each pair of NATs gets.</summary>
    public static int Seeds { get; } = Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 1_000 : 100;

    public IReadOnlyList<(ulong Seed, MeetingResult Result)> Runs { get; }

    public double Share => (double)Runs.Count(static run => run.Result.ToDirect is not null) / Runs.Count;

    /// <summary>Lets two peers meet under every seed. Distance, a little loss and jitter, and the time since they registered are drawn.</summary>
    /// <param name="caller">What stands before the caller.</param>
    /// <param name="called">What stands before the called peer.</param>
    /// <param name="within">How long a run may take to become direct.</param>
    /// <param name="seeds">How many seeds; null for the usual number.</param>
    /// <param name="change">Changes the conditions; null for those drawn.</param>
    public static HardRuns Run(
        MeetingSide caller, MeetingSide called, TimeSpan within, int? seeds = null, Func<MeetingOptions, MeetingOptions>? change = null)
    {
        var runs = new ConcurrentBag<(ulong, MeetingResult)>();
        Parallel.For(1, (seeds ?? Seeds) + 1, index =>
        {
            ulong seed = (ulong)index;
            var options = Draw(seed, new MeetingOptions(caller, called) { Patience = within, FollowsPackets = true });
            runs.Add((seed, Meeting.Run(seed, change is null ? options : change(options))));
        });
        return new HardRuns([.. runs.OrderBy(static run => run.Item1)]);
    }

    /// <summary>At least this share became direct in time, and nobody overspent.</summary>
    public void AssertDirect(double share, int callerSockets = MaxSockets, int calledSockets = MaxSockets)
    {
        AssertBudget(callerSockets, calledSockets);
        Assert.True(Share >= share, Describe());
    }

    /// <summary>Nobody overspent.</summary>
    public void AssertBudget(int callerSockets = MaxSockets, int calledSockets = MaxSockets)
    {
        var problems = Runs
            .SelectMany(run => Overspent(run.Result.CallerCost, callerSockets).Select(what => $"seed {run.Seed}, caller: {what}")
                .Concat(Overspent(run.Result.CalledCost, calledSockets).Select(what => $"seed {run.Seed}, called: {what}")))
            .Take(10);
        Assert.Empty(problems);
    }

    /// <summary>The whole in a few lines: the share, times, costs, methods, and the seeds that failed.</summary>
    public string Describe()
    {
        TimeSpan[] times = [.. Runs.Select(static run => run.Result.ToDirect).OfType<TimeSpan>().Order()];
        var costs = Runs.SelectMany(static run => new[] { run.Result.CallerCost, run.Result.CalledCost }).ToList();
        string methods = string.Join(", ", Runs.GroupBy(static run => run.Result.Method).OrderByDescending(static group => group.Count()).Select(static group => $"{group.Key?.Code ?? "none"} {group.Count()}"));
        var failed = Runs.Where(static run => run.Result.ToDirect is null).Select(static run => run.Seed).ToList();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Share:P1} of {Runs.Count} direct, p50 {At(0.5):0} ms, p95 {At(0.95):0} ms, by {methods}; at most {costs.Max(static cost => cost.Checks)} checks, ")
            + string.Create(
                CultureInfo.InvariantCulture,
                $"{costs.Max(static cost => cost.MostInASecond)} in a second, {costs.Max(static cost => cost.Sockets)} sockets, the longest of {costs.Max(static cost => cost.LongestCheck)} bytes")
            + (failed.Count == 0 ? "" : $"; failed: seeds {string.Join(", ", failed.Take(8))}");

        double At(double share) => GridCell.Percentile(times, share)?.TotalMilliseconds ?? double.NaN;
    }

    private static MeetingOptions Draw(ulong seed, MeetingOptions options)
    {
        var chance = SeededEntropy.ForStream(seed, stream: 3_000);
        return options with
        {
            OneWay = TimeSpan.FromMilliseconds(chance.NextDouble(5, 50)),
            Jitter = TimeSpan.FromMilliseconds(chance.NextDouble(0, 3)),
            Loss = chance.NextDouble(0, 0.01),
            WarmUp = TimeSpan.FromSeconds(chance.NextDouble(3, 25)),
            Afterwards = seed % 10 == 0 ? TimeSpan.FromSeconds(3) : TimeSpan.Zero,
        };
    }

    private static IEnumerable<string> Overspent(MeetingCost cost, int sockets)
    {
        if (cost.Checks > MaxChecks) yield return $"{cost.Checks} checks";
        if (cost.MostInASecond > MaxInASecond) yield return $"{cost.MostInASecond} checks in a second";
        if (cost.LongestCheck > MaxCheck) yield return $"a check of {cost.LongestCheck} bytes";
        if (cost.Sockets > sockets) yield return $"{cost.Sockets} sockets";
    }
}
