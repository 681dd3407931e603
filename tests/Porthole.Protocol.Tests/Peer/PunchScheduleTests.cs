using Porthole.Protocol.Peer;

namespace Porthole.Protocol.Tests.Peer;

public sealed class PunchScheduleTests
{
    private readonly PunchSchedule _schedule = new();

    [Fact]
    public void What_never_worked_is_tried_after_ever_longer_pauses()
    {
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], Pauses(7, _schedule.HandleFailure));
    }

    [Fact]
    public void What_worked_is_tried_again_soon()
    {
        _schedule.HandleDirect();

        Assert.Equal([1, 2, 4, 7, 7], Pauses(5, _schedule.HandleFailure));
    }

    [Fact]
    public void The_better_transport_is_looked_for_seldom_and_at_once_on_a_change_of_the_network()
    {
        Assert.Equal([30, 60, 120, 240, 300, 300], Pauses(6, _schedule.HandleSecondBest));

        _schedule.HandleNetworkChange(Instant.Zero);
        Assert.True(_schedule.TryTake(Instant.Zero));
        Assert.Equal([30, 60], Pauses(2, _schedule.HandleSecondBest));
    }

    [Fact]
    public void The_best_path_needs_no_other()
    {
        _schedule.HandleSecondBest(Instant.Zero);
        _schedule.HandleDirect();

        Assert.Null(_schedule.Next);
        Assert.Null(_schedule.NextMeasure);
    }

    [Fact]
    public void What_looked_worse_is_measured_again_soon_and_then_ever_more_seldom()
    {
        var now = Instant.Zero;
        _schedule.HandleSecondBest(now);
        foreach (int pause in new[] { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 })
        {
            var due = now + TimeSpan.FromSeconds(pause);
            Assert.Equal(due, _schedule.NextMeasure);
            Assert.False(_schedule.TryTakeMeasure(due - TimeSpan.FromTicks(1)));
            Assert.True(_schedule.TryTakeMeasure(due));
            _schedule.HandleSecondBest(due); // another look that began meanwhile changes nothing
            now = due;
        }

        _schedule.HandleNetworkChange(now);
        _schedule.HandleDirect();
        _schedule.HandleSecondBest(now);
        Assert.Equal(now + PunchSchedule.First, _schedule.NextMeasure);
    }

    private List<double> Pauses(int count, Action<Instant> plan)
    {
        var pauses = new List<double>();
        var now = Instant.Zero;
        for (int i = 0; i < count; i++)
        {
            plan(now);
            pauses.Add((_schedule.Next!.Value - now).TotalSeconds);
            now = _schedule.Next.Value;
            Assert.True(_schedule.TryTake(now));
        }

        return pauses;
    }
}
