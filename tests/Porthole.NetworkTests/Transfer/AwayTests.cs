using Porthole.Cli.Transfer;
using Porthole.Protocol.Peer;

namespace Porthole.NetworkTests.Transfer;

/// <summary>How long a transfer waits for a side that is away.</summary>
public sealed class AwayTests
{
    private static readonly TimeSpan s_wait = TimeSpan.FromMinutes(1);

    [Fact]
    public void A_clock_that_was_about_to_give_up_when_somebody_came_does_not()
    {
        var clock = new ManualClock();
        int given = 0;
        using var away = new AwayTimer(s_wait, () => given++, clock);
        var timer = Assert.Single(clock.Timers);
        Assert.Equal(s_wait, timer.Due);
        away.Came();
        Assert.Equal(Timeout.InfiniteTimeSpan, timer.Due);
        timer.Fire();
        Assert.Equal(0, given);
    }

    [Fact]
    public void A_clock_runs_again_when_the_last_has_gone_and_gives_up_once()
    {
        var clock = new ManualClock();
        int given = 0;
        using var away = new AwayTimer(s_wait, () => given++, clock);
        var timer = Assert.Single(clock.Timers);
        away.Came();
        away.Came();
        away.Went();
        Assert.Equal(Timeout.InfiniteTimeSpan, timer.Due);
        away.Went();
        Assert.Equal(s_wait, timer.Due);
        timer.Fire();
        timer.Fire();
        Assert.Equal(1, given);
    }

    [Fact]
    public async Task That_the_other_side_is_away_is_told_also_where_the_first_attempt_takes_all_the_time()
    {
        var clock = new ManualClock();
        var told = new List<PeerException>();
        var dialer = new TransferDialer(_ =>
        {
            clock.Advance(s_wait);
            return Task.FromException<PeerConnection>(new PeerException(PeerError.PeerOffline, "bob is offline."));
        }, s_wait, waitsAtFirst: true, told.Add, clock);
        var exception = await Assert.ThrowsAsync<GaveUpException>(() => dialer.ConnectAsync(TestContext.Current.CancellationToken));
        Assert.Same(exception.Reason, Assert.Single(told));
    }
}
