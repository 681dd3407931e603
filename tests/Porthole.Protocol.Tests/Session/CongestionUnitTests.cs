using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>The formulas: round trip (RFC 9002 section 5.3), CUBIC (RFC 9438), pacing (RFC 9002 section 7.7).</summary>
public sealed class CongestionUnitTests
{
    private const int Packet = 1_200;

    [Fact]
    public void The_round_trip_follows_the_formulas_of_RFC_9002()
    {
        var estimator = new RttEstimator();
        estimator.Add(Milliseconds(100), Milliseconds(10));
        Assert.Equal((100, 100), (estimator.Smoothed.TotalMilliseconds, estimator.Minimum.TotalMilliseconds)); // the first ignores the delay
        Assert.Equal(100 + 4 * 50 + 25, estimator.ProbeTimeout.TotalMilliseconds);
        estimator.Add(Milliseconds(140), Milliseconds(20));
        Assert.Equal((7 * 100 + 120) / 8.0, estimator.Smoothed.TotalMilliseconds);
        Assert.Equal(102.5 + 4 * (3 * 50 + 20) / 4.0 + 25, estimator.ProbeTimeout.TotalMilliseconds);
        estimator.Add(Milliseconds(110), Milliseconds(20)); // taking the delay off would go below the minimum
        Assert.Equal((7 * 102.5 + 110) / 8, estimator.Smoothed.TotalMilliseconds, 0.001);
        estimator.Add(Milliseconds(300), Milliseconds(100)); // no delay beyond 25 ms is believed
        Assert.Equal(300, estimator.Latest.TotalMilliseconds);
        Assert.Equal(300 * 9 / 8.0, estimator.LossDelay.TotalMilliseconds);
    }

    [Theory]
    [InlineData(1_200, 12_000)]
    [InlineData(1_100, 11_000)]
    [InlineData(16_000, 32_000)]
    public void The_first_window_is_ten_packets_or_14720_bytes_or_two_packets(int packet, int window) => Assert.Equal(window, new Cubic(packet).Window);

    [Fact]
    public void Slow_start_grows_by_what_is_acknowledged_and_only_if_the_window_was_used()
    {
        var cubic = new Cubic(Packet);
        Ack(cubic, At(10), 6_000);
        Assert.Equal(18_000, cubic.Window);
        cubic.HandleAck(At(20), 6_000, At(15), 20, 30, null, Milliseconds(40), windowWasUsed: false);
        Assert.Equal(18_000, cubic.Window);
    }

    [Fact]
    public void A_loss_takes_three_tenths_once_a_round_trip_and_never_below_two_packets()
    {
        var cubic = new Cubic(Packet);
        cubic.HandleLoss(At(100), At(50));
        Assert.Equal(8_400, cubic.Window);
        cubic.HandleLoss(At(110), At(99)); // sent before the reduction
        Assert.Equal(8_400, cubic.Window);
        for (int i = 0; i < 20; i++) cubic.HandleLoss(At(200 + 10 * i), At(199 + 10 * i));
        Assert.Equal(2 * Packet, cubic.Window);
    }

    [Fact]
    public void After_a_loss_the_window_is_back_at_its_maximum_at_the_time_that_RFC_9438_says()
    {
        var cubic = new Cubic(Packet);
        Ack(cubic, At(1), 1_188_000); // slow start to 1,000 packets
        double maximum = cubic.Window;
        Assert.Equal(1_200_000, maximum);
        cubic.HandleLoss(At(10), At(5));
        double expected = Math.Cbrt(1_000 * (1 - 0.7) / 0.4); // K = 9.09 s
        double time = 0.010;
        while (cubic.Window < maximum * 0.999 && time < 60)
        {
            time += 0.010; // four acknowledgements a round trip
            Ack(cubic, At(time * 1_000), cubic.Window / 4);
        }

        Assert.InRange(time, expected - 1.5, expected + 0.5); // flat around the maximum
        double plateau = cubic.Window;
        for (int i = 0; i < 600; i++) Ack(cubic, At((time += 0.010) * 1_000), cubic.Window / 4);
        Assert.True(cubic.Window > plateau * 1.005); // and beyond it grows again
    }

    [Fact]
    public void On_a_short_path_CUBIC_is_at_least_as_fast_as_Reno()
    {
        var cubic = new Cubic(Packet);
        Ack(cubic, At(1), 108_000); // 100 packets
        cubic.HandleLoss(At(10), At(5));
        for (int i = 1; i <= 30; i++)
        {
            Ack(cubic, At(10 + i), cubic.Window / 2, Milliseconds(2));
            Ack(cubic, At(10.5 + i), cubic.Window / 2, Milliseconds(2));
        }

        // 30 round trips at 0.53 packets each; CUBIC's own curve would be at 0.1 of that after 60 ms.
        Assert.InRange(cubic.Window / (double)Packet, 70 + 30 * 0.53 - 2, 70 + 30 * 0.53 + 2);
    }

    [Fact]
    public void Growing_round_trips_end_slow_start_after_five_gentle_rounds()
    {
        var exit = new SlowStartExit();
        long packet = 0;
        bool Round(double roundTrip)
        {
            bool ended = false;
            for (int i = 0; i < 10; i++) ended |= exit.HandleAck(packet += 10, packet + 100, Milliseconds(roundTrip));
            return ended;
        }

        for (int i = 0; i < 20; i++) Assert.False(Round(40));
        Assert.Equal(1, exit.Divisor);
        for (int i = 0; exit.Divisor == 1; i++)
        {
            Assert.True(i < 20);
            Assert.False(Round(46));
        }

        Assert.Equal(4, exit.Divisor);
        int rounds = 0;
        while (!Round(46)) Assert.True(++rounds < 100);
        Assert.InRange(rounds, 3, 5);
    }

    [Fact]
    public void The_pacer_gives_a_quarter_more_than_the_window_per_round_trip()
    {
        var (pacer, roundTrip) = Paced();
        long sent = Drain(pacer, roundTrip, At(0));
        Assert.InRange(sent, 10 * Packet, 11 * Packet); // a burst of the initial window
        sent = 0;
        var now = At(0);
        int wakes = 0;
        while (now < At(1_000))
        {
            now = pacer.NextBurst;
            sent += Drain(pacer, roundTrip, now);
            wakes++;
        }

        Assert.InRange(sent, 1.25 * 100_000 / 0.040 * 0.99, 1.25 * 100_000 / 0.040 * 1.01);
        Assert.InRange(wakes, 500, 1_500); // about one a millisecond, not one a packet
    }

    [Fact]
    public void A_timer_that_comes_late_is_made_up_for_up_to_the_bucket()
    {
        var (pacer, roundTrip) = Paced();
        Drain(pacer, roundTrip, At(0));
        Assert.InRange(Drain(pacer, roundTrip, At(2)), 0.9 * 6_250, 6_250 + 2 * Packet); // 3,125 bytes a millisecond
        Assert.InRange(Drain(pacer, roundTrip, At(1_000)), 10 * Packet, 11 * Packet);
    }

    [Fact]
    public void Without_a_round_trip_nothing_is_paced()
    {
        var pacer = new Pacer();
        pacer.Refill(At(0), 12_000, true, new RttEstimator(), Packet);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(pacer.CanSend);
            pacer.Take(Packet);
        }
    }

    private static (Pacer Pacer, RttEstimator RoundTrip) Paced()
    {
        var roundTrip = new RttEstimator();
        roundTrip.Add(Milliseconds(40), default);
        return (new Pacer(), roundTrip);
    }

    private static long Drain(Pacer pacer, RttEstimator roundTrip, Instant now)
    {
        long sent = 0;
        pacer.Refill(now, 100_000, false, roundTrip, Packet);
        while (pacer.CanSend)
        {
            pacer.Take(Packet);
            sent += Packet;
        }

        return sent;
    }

    private static void Ack(Cubic cubic, Instant now, long bytes, TimeSpan? smoothed = null) =>
        cubic.HandleAck(now, (int)bytes, now, 10, 20, null, smoothed ?? Milliseconds(40), windowWasUsed: true);

    private static Instant At(double milliseconds) => Instant.FromMilliseconds(milliseconds);

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
