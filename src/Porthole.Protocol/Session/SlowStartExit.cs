namespace Porthole.Protocol.Session;

/// <summary>
/// HyStart++ (RFC 9406): leaves slow start when the round trip grows, before the bottleneck's queue overflows. After the first sign it grows gently for a few
/// rounds (conservative slow start) and returns if the sign was false.
/// </summary>
internal sealed class SlowStartExit
{
    /// <summary>RFC 9406 section 4.2: samples of a round before its round trip means something.</summary>
    private const int MinSamples = 8;

    /// <summary>RFC 9406 section 4.2: rounds of conservative slow start.</summary>
    private const int ConservativeRounds = 5;

    /// <summary>RFC 9406 section 4.2: how much slower the window grows in conservative slow start.</summary>
    private const int ConservativeDivisor = 4;

    private static readonly TimeSpan s_minThreshold = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan s_maxThreshold = TimeSpan.FromMilliseconds(16);

    private TimeSpan _lastRound = TimeSpan.MaxValue;
    private TimeSpan _thisRound = TimeSpan.MaxValue;
    private TimeSpan _baseline = TimeSpan.MaxValue;
    private int _samples;
    private int _conservativeRounds;
    private long _roundEnd;

    /// <summary>What the growth of the window is divided by.</summary>
    public int Divisor => _baseline == TimeSpan.MaxValue ? 1 : ConservativeDivisor;

    /// <summary>Takes an acknowledgement during slow start.</summary>
    /// <param name="packet">The largest number that was acknowledged.</param>
    /// <param name="nextPacket">The next number to be sent: a round lasts until it is acknowledged.</param>
    /// <param name="sample">The round trip, if this acknowledgement gave one.</param>
    /// <returns>True when slow start is over.</returns>
    public bool HandleAck(long packet, long nextPacket, TimeSpan? sample)
    {
        bool exit = false;
        if (packet >= _roundEnd)
        {
            exit = Divisor > 1 && ++_conservativeRounds >= ConservativeRounds;
            _roundEnd = nextPacket;
            (_lastRound, _thisRound, _samples) = (_thisRound, TimeSpan.MaxValue, 0);
        }

        if (sample is not { } roundTrip) return exit;
        if (roundTrip < _thisRound) _thisRound = roundTrip;
        if (++_samples < MinSamples || _lastRound == TimeSpan.MaxValue) return exit;
        if (Divisor > 1)
        {
            if (_thisRound < _baseline) (_baseline, _conservativeRounds) = (TimeSpan.MaxValue, 0); // it was jitter
        }
        else if (_thisRound >= _lastRound + Threshold)
        {
            (_baseline, _conservativeRounds) = (_thisRound, 0);
        }

        return exit;
    }

    private TimeSpan Threshold => _lastRound / 8 is var eighth && eighth < s_minThreshold ? s_minThreshold
        : eighth > s_maxThreshold ? s_maxThreshold
        : eighth;
}
