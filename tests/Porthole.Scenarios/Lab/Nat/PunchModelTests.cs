using Porthole.Lab;
using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>The exhaustive model against the published table, and against the NAT itself.</summary>
public sealed class PunchModelTests
{
    // The table known from the field, for filter state per mapping and answers by new mappings: P0, p, 1 and 2 unknown ports.
    private static readonly string[] s_table =
    [
        "P0 P0 P0 P0 P0 P0 P0 P0 P0",
        "P0 P0 P0 P0 P0 P0 P0 P0 P0",
        "P0 P0 P0 1  1  1  1  1  1",
        "P0 P0 1  P0 P0 1  P0 P0 1",
        "P0 P0 1  P0 1  1  P0 1  1",
        "P0 P0 1  1  1  2  1  1  2",
        "P0 P0 1  P0 P0 1  p  p  2",
        "P0 P0 1  P0 1  1  p  2  2",
        "P0 P0 1  1  1  2  2  2  2",
    ];

    [Fact]
    public void It_reproduces_the_table_of_connection_trackers_that_open_new_mappings()
    {
        var sides = PunchSide.All(FilterScope.PerMapping, AnswerRoute.NewMapping);
        for (int row = 0; row < 9; row++)
        {
            var found = sides.Select(column => PunchModel.Symbol(PunchModel.Decide(sides[row], column)));
            Assert.Equal(s_table[row].Split(' ', StringSplitOptions.RemoveEmptyEntries), found);
        }
    }

    [Theory]
    [InlineData(FilterScope.PerMapping, AnswerRoute.NewMapping, 42)]
    [InlineData(FilterScope.PerEndpoint, AnswerRoute.NewMapping, 45)]
    [InlineData(FilterScope.PerMapping, AnswerRoute.SameSession, 57)]
    [InlineData(FilterScope.PerEndpoint, AnswerRoute.SameSession, 77)]
    public void Kinder_state_models_make_more_pairs_plain(FilterScope scope, AnswerRoute answers, int plain)
    {
        var sides = PunchSide.All(scope, answers);
        var outcomes = sides.SelectMany(first => sides.Select(second => PunchModel.Decide(first, second))).ToList();
        Assert.Equal(plain, outcomes.Count(outcome => outcome == PunchOutcome.Plain));
        Assert.DoesNotContain(PunchOutcome.Sometimes, outcomes);
    }

    [Fact]
    public void Sessions_that_keep_their_mapping_make_every_open_filter_plain()
    {
        foreach (var first in PunchSide.All(FilterScope.PerMapping, AnswerRoute.SameSession))
        {
            foreach (var second in PunchSide.All(FilterScope.PerMapping, AnswerRoute.SameSession))
            {
                Assert.Equal(PunchModel.Decide(first, second), PunchModel.Decide(second, first));
                if (first.Filtering == NatFiltering.EndpointIndependent) Assert.Equal(PunchOutcome.Plain, PunchModel.Decide(first, second));
            }
        }
    }

    [Fact]
    public void Mixed_state_models_are_decided_too()
    {
        PunchSide[] all =
        [
            .. from scope in Enum.GetValues<FilterScope>()
               from answers in Enum.GetValues<AnswerRoute>()
               from side in PunchSide.All(scope, answers)
               select side,
        ];
        foreach (var first in all)
        {
            foreach (var second in all) Assert.Equal(PunchModel.Decide(first, second), PunchModel.Decide(second, first));
        }
    }

    [Theory]
    [InlineData(FilterScope.PerMapping, AnswerRoute.SameSession)]
    [InlineData(FilterScope.PerMapping, AnswerRoute.NewMapping)]
    [InlineData(FilterScope.PerEndpoint, AnswerRoute.SameSession)]
    [InlineData(FilterScope.PerEndpoint, AnswerRoute.NewMapping)]
    public void It_agrees_with_the_nat_in_every_pair_whatever_is_lost_and_whoever_is_first(FilterScope scope, AnswerRoute answers)
    {
        var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Jitter = TimeSpan.FromMilliseconds(30), Loss = 0.1 };
        var sides = PunchSide.All(scope, answers);
        foreach (var first in sides)
        {
            foreach (var second in sides)
            {
                bool plain = PunchModel.Decide(first, second) == PunchOutcome.Plain;
                for (ulong seed = 1; seed <= 5; seed++)
                {
                    var punch = new PlainPunch(seed, first.ToProfile(), second.ToProfile(), link);
                    bool direct = punch.Run(plain ? TimeSpan.FromSeconds(5) : TimeSpan.FromMilliseconds(500));
                    Assert.True(
                        plain ? direct : !punch.AnySuccess,
                        $"{first} x {second}, {scope}, {answers}, seed {seed}: the model says {(plain ? "plain" : "not plain")}");
                }
            }
        }
    }

    [Fact]
    public void A_peer_that_sends_too_early_spoils_the_punch_where_unsolicited_packets_are_tracked()
    {
        var link = LinkOptions.WithDelay(10);
        int spoiled = 0;
        for (ulong seed = 1; seed <= 40; seed++)
        {
            Assert.True(new PlainPunch(seed, NatProfile.Masquerade, NatProfile.Masquerade, link).Run(TimeSpan.FromSeconds(2)));
            var punch = new PlainPunch(seed, NatProfile.PoisonedMasquerade, NatProfile.PoisonedMasquerade, link);
            // The first packet is there before the other side's own has left.
            bool early = (punch.Starts[0] - punch.Starts[1]).Duration() > 2 * link.Delay;
            Assert.Equal(!early, punch.Run(TimeSpan.FromSeconds(2)));
            if (early) spoiled++;
        }

        Assert.InRange(spoiled, 5, 35);
    }

    [Fact]
    public void The_table_can_be_printed()
    {
        string table = PunchModel.RenderTable(FilterScope.PerMapping, AnswerRoute.SameSession);
        Assert.StartsWith("| A \\ B | E/EIF | E/ADF | E/APDF |", table, StringComparison.Ordinal);
        Assert.Contains("| P/APDF | P0 | P0 | 1 | P0 | 1 | 2 | P0 | 1 | 2 |\n", table, StringComparison.Ordinal);
    }
}
