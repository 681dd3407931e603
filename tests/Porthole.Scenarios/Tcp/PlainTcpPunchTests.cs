using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Tcp;

/// <summary>
/// Punchers and agents alone between all pairs of NATs: mapping × filtering × answer to a SYN that nobody asked for. What the exhaustive model calls plain
/// goes direct. PORTHOLE_FULL=1 runs all seeds.
/// </summary>
public sealed class PlainTcpPunchTests
{
    [Fact]
    public void Every_plain_pair_goes_direct_at_any_distance_with_loss_and_start_error()
    {
        TcpPunchCell[] cells = [.. TcpPunchCell.All.Where(cell => cell.Outcome == TcpPunchOutcome.Plain).Select(cell => cell.Cell)];
        Assert.InRange(cells.Length, 178, 200);

        var runs = TcpPunchCell.RunAll(cells, TcpPunch.Seeds, TcpPunchConditions.Draw);

        Report(runs);
        int direct = runs.Count(run => run.Result.IsDirect);
        Assert.True(direct >= 0.99 * runs.Count, $"{direct} of {runs.Count}: {Failures(runs)}");
        Assert.All(runs.GroupBy(run => run.Cell), cell => Assert.True(cell.Count(run => run.Result.IsDirect) >= 0.97 * cell.Count(), $"{cell.Key}: {Failures(cell)}"));
    }

    [Fact]
    public void Without_loss_a_plain_punch_takes_a_few_round_trips()
    {
        TcpPunchCell[] cells = [.. TcpPunchCell.All.Where(cell => cell.Outcome == TcpPunchOutcome.Plain).Select(cell => cell.Cell)];
        var runs = TcpPunchCell.RunAll(cells, seeds: 10, static seed => TcpPunchConditions.Draw(seed) with { OneWay = TimeSpan.FromMilliseconds(20), Loss = 0 });
        Report(runs);
        Assert.Empty(runs.Where(run => !(run.Result.Connected < TimeSpan.FromSeconds(1.5))).Select(run => $"{run.Cell}, seed {run.Seed}: {run.Result}"));
        Assert.True(runs.Average(run => run.Result.Connected!.Value.TotalMilliseconds) < 250);
    }

    [Fact]
    public void A_pair_that_cannot_says_so_in_time()
    {
        TcpPunchCell[] cells = [.. TcpPunchCell.All.Where(cell => cell.Outcome != TcpPunchOutcome.Plain).Select(cell => cell.Cell)];
        var runs = TcpPunchCell.RunAll(cells, TcpPunch.Seeds / 50, static seed => TcpPunchConditions.Draw(seed * 7) with { Limit = TimeSpan.FromSeconds(12) });
        Assert.Empty(runs.Where(run => run.Result.IsDirect).Select(run => $"{run.Cell}, seed {run.Seed}"));
        Assert.Empty(runs.Where(run => !(run.Result.Exhausted <= TimeSpan.FromSeconds(8.06))).Select(run => $"{run.Cell}, seed {run.Seed}: {run.Result}"));
        Assert.InRange(runs.Max(run => run.Result.Attempts), 1, 2_000);
    }

    [Theory]
    [InlineData(0.05, 0)]
    [InlineData(0.1, 0)]
    [InlineData(0.1, 0.05)]
    [InlineData(1, 0)]
    [InlineData(20, 0)]
    [InlineData(200, 0)]
    [InlineData(200, 0.05)]
    public void Two_NATs_that_answer_with_RST_meet_at_any_distance(double roundTripMilliseconds, double loss)
    {
        var side = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, UnsolicitedSyn.Reset);
        var runs = TcpPunchCell.RunAll(
            [new TcpPunchCell(side, side)], TcpPunch.Seeds, seed => TcpPunchConditions.Draw(seed) with { OneWay = TimeSpan.FromMilliseconds(roundTripMilliseconds / 2), Loss = loss });
        Report(runs);
        Assert.True(runs.Count(run => run.Result.IsDirect) >= 0.97 * runs.Count, Failures(runs));
    }

    private static void Report(IReadOnlyList<(TcpPunchCell Cell, ulong Seed, TcpPunchResult Result)> runs)
    {
        double[] times = [.. runs.Where(run => run.Result.IsDirect).Select(run => run.Result.Connected!.Value.TotalMilliseconds).Order()];
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{runs.Count} punches in {runs.Select(run => run.Cell).Distinct().Count()} cells: {100.0 * times.Length / runs.Count:0.00} % direct, p50 {At(0.5):0} ms, "
            + $"p95 {At(0.95):0} ms, p99 {At(0.99):0} ms, most {At(1):0} ms; {runs.Average(run => run.Result.Attempts):0.0} attempts, most {runs.Max(run => run.Result.Attempts)}, "
            + $"{runs.Average(run => run.Result.FreshPorts):0.00} fresh ports; worst cell {runs.GroupBy(run => run.Cell).Min(cell => 100.0 * cell.Count(run => run.Result.IsDirect) / cell.Count()):0.0} %");
        double At(double share) => times.Length == 0 ? double.NaN : times[(int)((times.Length - 1) * share)];
    }

    private static string Failures(IEnumerable<(TcpPunchCell Cell, ulong Seed, TcpPunchResult Result)> runs) =>
        string.Join("; ", runs.Where(run => !run.Result.IsDirect).Take(20).Select(run => $"{run.Cell}, seed {run.Seed}: {run.Result}"));
}
