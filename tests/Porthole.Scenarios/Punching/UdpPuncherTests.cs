using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol.Punching;
using Porthole.Scenarios.Ice;

namespace Porthole.Scenarios.Punching;

/// <summary>The bare UDP puncher alone between NATs: what the exhaustive model calls plain connects on every seed, and the programs' data is their own.</summary>
public sealed class UdpPuncherTests
{
    public static TheoryData<FilterScope, AnswerRoute> StateModels => new MatrixTheoryData<FilterScope, AnswerRoute>(Enum.GetValues<FilterScope>(), Enum.GetValues<AnswerRoute>());

    /// <summary>How many seeds per cell: a tenth of all in the normal run.</summary>
    private static int Seeds => Punch.Seeds / 5;

    [Theory]
    [MemberData(nameof(StateModels))]
    public void Every_plain_pair_connects_on_every_seed_and_nothing_of_the_punch_reaches_the_programs(FilterScope scope, AnswerRoute answers)
    {
        var runs = BarePunch.RunAll(PunchCell.Plain(scope, answers), Seeds, new PunchConditions());

        Assert.Empty(runs.Where(run => !run.Result.IsConnected).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Leaked > 0).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Both > TimeSpan.FromMilliseconds(500)).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Sent > 40).Select(Name));
    }

    [Theory]
    [MemberData(nameof(StateModels))]
    public void A_pair_that_needs_a_guess_fails_in_time(FilterScope scope, AnswerRoute answers)
    {
        var cells = PunchCell.All(scope, answers).Where(cell => cell.Outcome is PunchOutcome.OnePort or PunchOutcome.TwoPorts).Select(cell => cell.Cell);
        var runs = BarePunch.RunAll(cells, seeds: 2, new PunchConditions { Limit = TimeSpan.FromSeconds(12) });
        Assert.Empty(runs.Where(run => run.Result.First is not null).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Sent > 1_000).Select(Name));
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    public void Loss_costs_time_but_not_the_connection(double loss)
    {
        var runs = BarePunch.RunAll(PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession), Seeds, new PunchConditions { Loss = loss, Limit = TimeSpan.FromSeconds(10) });
        double[] times = [.. runs.Where(run => run.Result.IsConnected).Select(run => run.Result.Both!.Value.TotalMilliseconds).Order()];
        int leaked = runs.Count(run => run.Result.Leaked > 0);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{runs.Count} punches at {loss:0%} loss: {times.Length} connected, p50 {times[times.Length / 2]:0} ms, p99 {times[times.Length * 99 / 100]:0} ms, most {times[^1]:0} ms, {leaked} with a late message");
        Assert.True(times.Length >= 0.999 * runs.Count, string.Join('\n', runs.Where(run => !run.Result.IsConnected).Select(Name)));
        Assert.True(leaked <= 0.01 * runs.Count, string.Join('\n', runs.Where(run => run.Result.Leaked > 0).Select(Name)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(3_000)]
    [InlineData(-700)]
    public void Who_comes_later_costs_no_more_than_that(int skewMilliseconds)
    {
        var skew = TimeSpan.FromMilliseconds(skewMilliseconds);
        var runs = BarePunch.RunAll(PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession), 2, new PunchConditions { Skew = skew, Limit = TimeSpan.FromSeconds(10) });
        Assert.Empty(runs.Where(run => !run.Result.IsConnected || run.Result.Leaked > 0).Select(Name));
        Assert.Empty(runs.Where(run => run.Result.Both > skew.Duration() + TimeSpan.FromMilliseconds(700)).Select(Name));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(150)]
    [InlineData(600)]
    public void The_round_trip_does_not_matter(int oneWayMilliseconds)
    {
        var conditions = new PunchConditions { OneWay = TimeSpan.FromMilliseconds(oneWayMilliseconds), Limit = TimeSpan.FromSeconds(10) };
        if (conditions.OneWay > TimeSpan.FromMilliseconds(400)) conditions = conditions with { Limit = TimeSpan.FromSeconds(15) };
        var runs = BarePunch.RunAll(PunchCell.Plain(FilterScope.PerMapping, AnswerRoute.SameSession), 2, conditions);
        string[] failures = [.. runs.Where(run => !run.Result.IsConnected || run.Result.Leaked > 0).Select(Name)];
        Assert.True(failures.Length == 0, string.Join('\n', failures));
    }

    [Fact]
    public void Five_tries_ten_seconds_apart_connect_as_soon_as_the_later_side_sends()
    {
        var options = BarePunch.Options with { Tries = 5, Interval = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(50) };
        var conditions = new PunchConditions { Skew = TimeSpan.FromSeconds(17), Limit = TimeSpan.FromSeconds(60) };
        var result = BarePunch.Run(NatProfile.PortRestricted, NatProfile.PortRestricted, 1, conditions, options);
        Assert.True(result is { IsConnected: true, Leaked: 0 }, result.ToString());
        Assert.True(result.Both < TimeSpan.FromSeconds(18), result.ToString());
    }

    [Fact]
    public void A_symmetric_NAT_shows_another_port_and_the_punch_moves_there()
    {
        var lab = new Simulation(3);
        var (a, b) = BarePunch.Prepare(lab, NatProfile.Symmetric, NatProfile.Restricted, new PunchConditions());
        a.Punch(b.Mapped!.Value, BarePunch.Options);
        b.Punch(a.Mapped!.Value, BarePunch.Options);
        Assert.True(lab.RunUntil(() => a.ConnectedAt is not null && b.ConnectedAt is not null, TimeSpan.FromSeconds(5)));
        Assert.Equal(b.Mapped, a.Puncher!.Chosen);
        Assert.NotEqual(a.Mapped, b.Puncher!.Chosen);
        Assert.True(b.Puncher.Chosen!.Value.SameHost(a.Mapped.Value));
        Assert.Contains(b.Events, one => one is UdpPunchEvent.Heard heard && heard.Remote == b.Puncher.Chosen);
    }

    [Fact]
    public void A_peer_that_never_comes_ends_the_punch_at_its_time_out_after_the_tries()
    {
        var lab = new Simulation(1);
        var (a, b) = BarePunch.Prepare(lab, NatProfile.PortRestricted, NatProfile.PortRestricted, new PunchConditions());
        var start = lab.Now;
        a.Punch(b.Mapped!.Value, BarePunch.Options with { Tries = 10, Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromSeconds(10) });
        Assert.True(lab.RunUntil(() => a.FailedAt is not null, TimeSpan.FromSeconds(20)));
        Assert.Equal(TimeSpan.FromSeconds(10), a.FailedAt - start);
        Assert.Equal(10, a.Puncher!.Sent);
        Assert.Equal(Enumerable.Range(1, 10).Select(number => (UdpPunchEvent)new UdpPunchEvent.Tried(number)).Append(new UdpPunchEvent.Failed(UdpPunchState.Probing)), a.Events);
    }

    [Fact]
    public void Two_with_different_cookies_do_not_meet()
    {
        var lab = new Simulation(1);
        var (a, b) = BarePunch.Prepare(lab, NatProfile.FullCone, NatProfile.FullCone, new PunchConditions());
        a.Punch(b.Mapped!.Value, BarePunch.Options);
        b.Punch(a.Mapped!.Value, BarePunch.Options with { Cookie = "another"u8.ToArray() });
        Assert.True(lab.RunUntil(() => a.FailedAt is not null && b.FailedAt is not null, TimeSpan.FromSeconds(20)));
        Assert.All((BarePeer[])[a, b], peer => Assert.Equal(new UdpPunchEvent.Failed(UdpPunchState.Probing), peer.Events[^1]));
    }

    [Fact]
    public void A_peer_that_begins_anew_is_met_anew()
    {
        var lab = new Simulation(1);
        var (a, b) = BarePunch.Prepare(lab, NatProfile.PortRestricted, NatProfile.PortRestricted, new PunchConditions());
        a.Punch(b.Mapped!.Value, BarePunch.Options);
        b.Punch(a.Mapped!.Value, BarePunch.Options);
        lab.RunUntil(() => a.Puncher!.State == UdpPunchState.Heard || b.Puncher!.State == UdpPunchState.Heard, TimeSpan.FromSeconds(1));
        b.Punch(a.Mapped!.Value, BarePunch.Options); // its program was restarted
        Assert.True(lab.RunUntil(() => a.ConnectedAt is not null && b.ConnectedAt is not null, TimeSpan.FromSeconds(5)));
    }

    private static string Name((PunchCell Cell, ulong Seed, BareResult Result) run) => $"{run.Cell}, seed {run.Seed}: {run.Result}";
}
