using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Stun;

public sealed class StunTransactionTests
{
    private static readonly TransactionId s_id = new("transaction!"u8);

    [Fact]
    public void The_default_schedule_is_the_RFCs()
    {
        Assert.Equal([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500], Run(RetransmissionSchedule.Default, out double end));
        Assert.Equal(39_500, end);
        Assert.Equal(TimeSpan.FromMilliseconds(39_500), RetransmissionSchedule.Default.Total);
    }

    [Fact]
    public void A_reliable_transport_carries_a_request_once()
    {
        Assert.Equal([0], Run(RetransmissionSchedule.Reliable, out double end));
        Assert.Equal(39_500, end);
    }

    [Fact]
    public void Values_change_the_schedule()
    {
        Assert.Equal([0, 100, 300], Run(new RetransmissionSchedule(TimeSpan.FromMilliseconds(100), attempts: 3, lastWait: 2), out double end));
        Assert.Equal(500, end);
    }

    [Theory]
    [InlineData(0, 7, 16)]
    [InlineData(60_001, 7, 16)]
    [InlineData(100, 0, 16)]
    [InlineData(100, RetransmissionSchedule.MaxAttempts + 1, 16)]
    [InlineData(100, 7, 0)]
    [InlineData(100, 7, 1_001)]
    public void A_schedule_out_of_range_is_refused(int rto, int attempts, int lastWait) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RetransmissionSchedule(TimeSpan.FromMilliseconds(rto), attempts, lastWait));

    [Fact]
    public void The_longest_schedule_does_not_overflow() =>
        Assert.True(new RetransmissionSchedule(TimeSpan.FromMinutes(1), RetransmissionSchedule.MaxAttempts, 1_000).Total > TimeSpan.FromDays(300));

    [Fact]
    public void The_answer_to_the_only_attempt_measures_the_round_trip()
    {
        var transaction = new StunTransaction(s_id, RetransmissionSchedule.Default, Instant.FromMilliseconds(10));
        Assert.False(transaction.TryBeginAttempt(Instant.FromMilliseconds(9)));
        Assert.False(transaction.TryComplete(Instant.FromMilliseconds(9), s_id)); // an answer to what was never asked
        Assert.True(transaction.TryBeginAttempt(Instant.FromMilliseconds(12)));
        Assert.False(transaction.TryComplete(Instant.FromMilliseconds(30), new TransactionId("another one!"u8)));
        Assert.True(transaction.TryComplete(Instant.FromMilliseconds(52), s_id));

        Assert.Equal(TimeSpan.FromMilliseconds(40), transaction.RoundTripTime);
        Assert.Equal(StunTransactionState.Answered, transaction.State);
        Assert.Null(transaction.NextDeadline);
        Assert.False(transaction.TryComplete(Instant.FromMilliseconds(53), s_id)); // a duplicate
        Assert.False(transaction.TryBeginAttempt(Instant.FromMilliseconds(9_000)));
    }

    [Fact]
    public void The_answer_to_one_of_two_attempts_measures_nothing()
    {
        var transaction = new StunTransaction(s_id, RetransmissionSchedule.Default, Instant.Zero);
        Assert.True(transaction.TryBeginAttempt(Instant.Zero));
        Assert.True(transaction.TryBeginAttempt(Instant.FromMilliseconds(500)));
        Assert.True(transaction.TryComplete(Instant.FromMilliseconds(510), s_id));
        Assert.Null(transaction.RoundTripTime);
    }

    [Fact]
    public void An_answer_counts_up_to_the_end_and_not_after()
    {
        var transaction = new StunTransaction(s_id, RetransmissionSchedule.Reliable, Instant.Zero);
        Assert.True(transaction.TryBeginAttempt(Instant.Zero));
        Assert.False(transaction.TryBeginAttempt(Instant.FromMilliseconds(39_500)));
        Assert.Equal(StunTransactionState.TimedOut, transaction.State);
        Assert.False(transaction.TryComplete(Instant.FromMilliseconds(39_500), s_id));
    }

    [Fact]
    public void A_cancelled_transaction_sends_no_more_and_still_takes_an_answer()
    {
        var transaction = new StunTransaction(s_id, RetransmissionSchedule.Default, Instant.Zero);
        Assert.True(transaction.TryBeginAttempt(Instant.Zero));
        transaction.Cancel();
        transaction.Cancel();
        Assert.Equal(Instant.FromMilliseconds(39_500), transaction.NextDeadline);
        Assert.False(transaction.TryBeginAttempt(Instant.FromMilliseconds(500)));
        Assert.True(transaction.TryComplete(Instant.FromMilliseconds(39_499), s_id));
    }

    [Fact]
    public void A_cancelled_transaction_ends_with_its_schedule()
    {
        var transaction = new StunTransaction(s_id, RetransmissionSchedule.Default, Instant.Zero);
        Assert.True(transaction.TryBeginAttempt(Instant.Zero));
        transaction.Cancel();
        Assert.False(transaction.TryBeginAttempt(Instant.FromMilliseconds(39_500)));
        Assert.Equal(StunTransactionState.TimedOut, transaction.State);
    }

    private static List<double> Run(RetransmissionSchedule schedule, out double end)
    {
        var transaction = new StunTransaction(s_id, schedule, Instant.Zero);
        var sent = new List<double>();
        var now = Instant.Zero;
        while (transaction.NextDeadline is { } next)
        {
            now = next;
            if (transaction.TryBeginAttempt(now)) sent.Add((now - Instant.Zero).TotalMilliseconds);
        }

        Assert.Equal(StunTransactionState.TimedOut, transaction.State);
        end = (now - Instant.Zero).TotalMilliseconds;
        return sent;
    }
}
