namespace Porthole.Protocol.Session;

/// <summary>
/// Spreads a window over its round trip (RFC 9002 section 7.7): a bucket of tokens that fills at the path's rate. It holds a few milliseconds' worth, so that a
/// sender whose timer comes late catches up in small bursts.
/// </summary>
internal sealed class Pacer
{
    /// <summary>The smallest bucket in packets: RFC 9002 section 7.7 allows a burst of the initial window.</summary>
    private const int BurstPackets = 10;

    /// <summary>A little faster than the window per round trip, so that pacing itself is never the limit (RFC 9002 section 7.7, N = 1.25).</summary>
    private const double Gain = 1.25;

    /// <summary>In slow start the window doubles within the round trip that is being paced.</summary>
    private const double SlowStartGain = 2;

    /// <summary>How much time the bucket holds, and so how late a timer may be without loss of rate.</summary>
    private static readonly TimeSpan s_capacity = TimeSpan.FromMilliseconds(2);

    /// <summary>How much time is gathered before the next burst: timers are 1 ms at best.</summary>
    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(1);

    private double _tokens = double.MaxValue;
    private double _bytesPerTick = double.PositiveInfinity;
    private int _packetSize;
    private Instant _filledAt;

    /// <summary>Fills the bucket up to now and takes the rate from the path's state.</summary>
    public void Refill(Instant now, long window, bool inSlowStart, RttEstimator roundTrip, int packetSize)
    {
        _packetSize = packetSize;
        double ticks = Math.Max(roundTrip.Smoothed.Ticks, 1);
        _bytesPerTick = roundTrip.HasSample ? (inSlowStart ? SlowStartGain : Gain) * window / ticks : double.PositiveInfinity;
        double capacity = Math.Max(BurstPackets * packetSize, _bytesPerTick * s_capacity.Ticks);
        double added = now == _filledAt ? 0 : (now - _filledAt).Ticks * _bytesPerTick;
        _tokens = Math.Min(_tokens + added, capacity);
        _filledAt = now;
    }

    /// <summary>Whether another packet may go now.</summary>
    public bool CanSend => _tokens > 0;

    /// <summary>Takes the tokens of a packet. The last one may overdraw: the next then waits longer.</summary>
    public void Take(int bytes) => _tokens -= bytes;

    /// <summary>When the next burst may go.</summary>
    public Instant NextBurst
    {
        get
        {
            if (_tokens > 0) return _filledAt;
            double wanted = Math.Min(BurstPackets * _packetSize, Math.Max(1, _bytesPerTick * s_burst.Ticks - _packetSize)) - _tokens;
            return _filledAt + new TimeSpan((long)Math.Ceiling(wanted / _bytesPerTick));
        }
    }
}
