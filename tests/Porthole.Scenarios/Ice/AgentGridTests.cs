using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;

namespace Porthole.Scenarios.Ice;

/// <summary>ICE agents alone behind every pair of NATs, against what the exhaustive model says is possible.</summary>
public sealed class AgentGridTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    // A tenth by default; PORTHOLE_SEEDS=1000 runs all of them (./test.sh --full).
    private static readonly int s_seeds = int.TryParse(Environment.GetEnvironmentVariable("PORTHOLE_SEEDS"), out int seeds) ? seeds : 100;

    [Theory]
    [MemberData(nameof(StateModels))]
    public void Every_plain_pair_goes_direct_and_no_other_does(FilterScope scope, AnswerRoute answers)
    {
        foreach (var (first, second, plain) in Pairs(scope, answers))
        {
            for (int seed = 1; seed <= (plain ? s_seeds : 2); seed++)
            {
                var punch = new AgentPunch((ulong)seed, Options(first, second));
                Assert.True(punch.Run(plain ? s_limit : TimeSpan.FromSeconds(12)) == plain, $"{first} x {second} ({scope}, {answers}), seed {seed}: the model says plain = {plain}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(StateModels))]
    public void Loss_and_jitter_cost_time_and_hardly_ever_the_pair(FilterScope scope, AnswerRoute answers)
    {
        var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(50), Loss = 0.1 };
        int runs = 0, failures = 0;
        foreach (var (first, second, _) in Pairs(scope, answers).Where(pair => pair.Plain))
        {
            int failuresOfCell = 0;
            for (int seed = 1; seed <= s_seeds; seed++)
            {
                if (!new AgentPunch((ulong)seed, Options(first, second) with { Link = link }).Run(s_limit)) failuresOfCell++;
            }

            Assert.True(failuresOfCell <= s_seeds * 5 / 1000, $"{first} x {second} ({scope}, {answers}): {failuresOfCell} of {s_seeds} failed");
            runs += s_seeds;
            failures += failuresOfCell;
        }

        Assert.True(failures * 1000 <= runs, $"{failures} of {runs} failed");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(500)]
    public void A_push_that_comes_late_costs_no_more_than_it_was_late(int milliseconds)
    {
        var skew = TimeSpan.FromMilliseconds(milliseconds);
        foreach (var (first, second, _) in Pairs(FilterScope.PerMapping, AnswerRoute.SameSession).Where(pair => pair.Plain))
        {
            for (int seed = 1; seed <= Math.Max(1, s_seeds / 10); seed++)
            {
                var together = new AgentPunch((ulong)seed, Options(first, second));
                var apart = new AgentPunch((ulong)seed, Options(first, second) with { Skew = skew });
                Assert.True(together.Run(s_limit) && apart.Run(s_limit));
                Assert.True(apart.PairAfter <= together.PairAfter + skew, $"{first} x {second}, seed {seed}: {together.PairAfter} together, {apart.PairAfter} with {skew} skew");
            }
        }
    }

    [Fact]
    public void Port_restricted_against_port_restricted_takes_one_round_trip()
    {
        var punch = new AgentPunch(1, new AgentPunchOptions { First = NatProfile.PortRestricted, Second = NatProfile.PortRestricted });
        Assert.True(punch.Run(s_limit));
        Assert.InRange(punch.PairAfter!.Value, TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(50));
    }

    public static TheoryData<FilterScope, AnswerRoute> StateModels()
    {
        var data = new TheoryData<FilterScope, AnswerRoute>();
        foreach (var scope in Enum.GetValues<FilterScope>())
        {
            foreach (var answers in Enum.GetValues<AnswerRoute>()) data.Add(scope, answers);
        }

        return data;
    }

    private static IEnumerable<(PunchSide First, PunchSide Second, bool Plain)> Pairs(FilterScope scope, AnswerRoute answers) =>
        from first in PunchSide.All(scope, answers)
        from second in PunchSide.All(scope, answers)
        select (first, second, PunchModel.Decide(first, second) == PunchOutcome.Plain);

    private static AgentPunchOptions Options(PunchSide first, PunchSide second) => new() { First = first.ToProfile(), Second = second.ToProfile() };
}
