using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Ice;

/// <summary>
/// Agents alone between the NATs of the 9 × 9 grid: what the exhaustive model calls plain goes direct, on every seed. PORTHOLE_FULL=1 runs all seeds.
/// </summary>
public sealed class PlainPunchTests
{
    /// <summary>
    /// What a lossless plain punch may cost: the first checks, those they trigger both ways, those to addresses of no use, and the nomination.
    /// </summary>
    private const int MostChecks = 10;

    public static TheoryData<FilterScope, AnswerRoute> StateModels => new MatrixTheoryData<FilterScope, AnswerRoute>(Enum.GetValues<FilterScope>(), Enum.GetValues<AnswerRoute>());

    [Theory]
    [MemberData(nameof(StateModels))]
    public void Every_plain_pair_goes_direct_on_every_seed(FilterScope scope, AnswerRoute answers)
    {
        var cells = PunchCell.Plain(scope, answers);
        Assert.InRange(cells.Length, 41, 81);

        var runs = PunchCell.RunAll(cells, Punch.Seeds, new PunchConditions());

        Assert.Empty(runs.Where(run => !run.Result.IsDirect).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Checks > MostChecks).Select(Name));
        // Without loss, two to five one-way trips until both know, one or two more until both agree.
        Assert.Empty(runs.Where(run => run.Result.BothValid > TimeSpan.FromMilliseconds(100)).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.BothSelected > TimeSpan.FromMilliseconds(140)).Select(Name));
    }

    [Theory]
    [MemberData(nameof(StateModels))]
    public void A_pair_that_needs_a_guess_does_not_go_direct_by_itself(FilterScope scope, AnswerRoute answers)
    {
        var cells = PunchCell.All(scope, answers)
            .Where(cell => cell.Outcome is PunchOutcome.OnePort or PunchOutcome.TwoPorts or PunchOutcome.CrossTuple)
            .Select(cell => cell.Cell);

        var runs = PunchCell.RunAll(cells, seeds: 3, new PunchConditions { Limit = TimeSpan.FromSeconds(30) });

        Assert.Empty(runs.Where(run => run.Result.IsDirect).Select(Name));
        // What the two try is bounded, even where every packet shows the other a new port.
        Assert.Empty(runs.Where(run => run.Result.Checks > 500).Select(Name));
    }

    [Fact]
    public void Two_port_restricted_NATs_are_open_after_two_one_way_trips()
    {
        var side = new PunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent).ToProfile();
        var conditions = new PunchConditions();
        foreach (ulong seed in Enumerable.Range(1, 20).Select(seed => (ulong)seed))
        {
            var result = Punch.Run(side, side, seed, conditions);
            Assert.Equal((2 * conditions.OneWay, 2 * conditions.OneWay, 4 * conditions.OneWay), (result.ControllingValid, result.ControlledValid, result.BothSelected));
            Assert.Equal((5, 10L), (result.Checks, result.Packets));
        }
    }

    [Fact]
    public void Loss_and_jitter_cost_time_but_not_the_path()
    {
        var cells = PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession);
        var runs = PunchCell.RunAll(cells, Punch.Seeds, new PunchConditions { Loss = 0.1, Jitter = TimeSpan.FromMilliseconds(50) });

        double[] times = [.. runs.Where(run => run.Result.IsDirect).Select(run => run.Result.BothSelected!.Value.TotalMilliseconds).Order()];
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{runs.Count} punches at 10 % loss each way and 50 ms jitter: {times.Length} direct, p50 {times[times.Length / 2]:0} ms, "
            + $"p99 {times[times.Length * 99 / 100]:0} ms, most {times[^1]:0} ms, {runs.Average(run => run.Result.Packets):0.0} packets");
        string[] failures = [.. runs.Where(run => !run.Result.IsDirect).Select(Name)];
        Assert.True(times.Length >= 0.999 * runs.Count, $"Less than 99.9 %: {string.Join(", ", failures)}");
        foreach (var cell in runs.GroupBy(run => run.Cell))
        {
            Assert.True(cell.Count(run => run.Result.IsDirect) >= 0.995 * cell.Count(), $"{cell.Key} has less than 99.5 %.");
        }
    }

    [Theory]
    [InlineData(100)]
    [InlineData(500)]
    public void A_late_push_costs_no_more_than_it_is_late(int lateMilliseconds)
    {
        var late = TimeSpan.FromMilliseconds(lateMilliseconds);
        var cells = PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession);
        var together = PunchCell.RunAll(cells, Punch.Seeds, new PunchConditions());
        foreach (var skew in new[] { late, -late })
        {
            var apart = PunchCell.RunAll(cells, Punch.Seeds, new PunchConditions { Skew = skew });
            Assert.Empty(together.Zip(apart).Where(runs => !(runs.Second.Result.BothValid <= runs.First.Result.BothValid + late)).Select(runs => Name(runs.Second)));
            Assert.Empty(together.Zip(apart).Where(runs => !(runs.Second.Result.BothSelected <= runs.First.Result.BothSelected + late)).Select(runs => Name(runs.Second)));
        }
    }

    [Fact]
    public void A_push_that_is_late_by_any_time_costs_one_RTO_more_at_most()
    {
        // What an early check met too soon is sent again 100 ms later; nobody can do it sooner who does not flood.
        var cells = PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession);
        var together = PunchCell.RunAll(cells, 1, new PunchConditions());
        for (int skew = -250; skew <= 250; skew += 17)
        {
            var apart = PunchCell.RunAll(cells, 1, new PunchConditions { Skew = TimeSpan.FromMilliseconds(skew) });
            var most = TimeSpan.FromMilliseconds(Math.Abs(skew) + 100);
            Assert.Empty(together.Zip(apart).Where(runs => !(runs.Second.Result.BothSelected <= runs.First.Result.BothSelected + most)).Select(runs => Name(runs.Second)));
        }
    }

    private static string Name((PunchCell Cell, ulong Seed, PunchResult Result) run) => $"{run.Cell}, seed {run.Seed}: {run.Result}";
}
