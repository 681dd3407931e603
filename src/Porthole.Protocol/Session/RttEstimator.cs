namespace Porthole.Protocol.Session;

/// <summary>The round-trip time of one path (RFC 9002 section 5).</summary>
internal sealed class RttEstimator
{
    /// <summary>
    /// The round trip assumed before the first sample. RFC 9002 section 6.2.2 has 333 ms for paths that nothing is known of; here only a relay is used unmeasured, where
    /// the probes of a time-out that comes too early are single PINGs, and one that comes too late delays the whole session.
    /// </summary>
    public static readonly TimeSpan InitialRoundTrip = TimeSpan.FromMilliseconds(100);

    private TimeSpan _variation = InitialRoundTrip / 2;

    /// <summary>Whether there was a sample.</summary>
    public bool HasSample { get; private set; }

    /// <summary>The newest sample, as it was measured.</summary>
    public TimeSpan Latest { get; private set; }

    /// <summary>The smallest sample.</summary>
    public TimeSpan Minimum { get; private set; }

    /// <summary>The smoothed round trip.</summary>
    public TimeSpan Smoothed { get; private set; } = InitialRoundTrip;

    /// <summary>The probe time-out without back-off (RFC 9002 section 6.2.1).</summary>
    public TimeSpan ProbeTimeout => Smoothed + Max(4 * _variation, SessionLimits.Granularity) + SessionLimits.MaxAckDelay;

    /// <summary>How long a packet may stay behind one that was acknowledged (RFC 9002 section 6.1.2): 9/8 of the round trip.</summary>
    public TimeSpan LossDelay => Max(Max(Smoothed, Latest) * 9 / 8, SessionLimits.Granularity);

    /// <summary>Takes a sample (RFC 9002 section 5.3).</summary>
    /// <param name="sample">From sending to the acknowledgement.</param>
    /// <param name="ackDelay">How long the peer says it held the acknowledgement back.</param>
    public void Add(TimeSpan sample, TimeSpan ackDelay)
    {
        Latest = sample;
        if (!HasSample)
        {
            HasSample = true;
            (Minimum, Smoothed, _variation) = (sample, sample, sample / 2);
            return;
        }

        if (sample < Minimum) Minimum = sample;
        if (ackDelay > SessionLimits.MaxAckDelay) ackDelay = SessionLimits.MaxAckDelay;
        var adjusted = sample >= Minimum + ackDelay ? sample - ackDelay : sample;
        _variation = (3 * _variation + (Smoothed - adjusted).Duration()) / 4;
        Smoothed = (7 * Smoothed + adjusted) / 8;
    }

    /// <summary>Forgets the samples, except that the smoothed value stands until the next: for a path that is used again after it was dead.</summary>
    public void Reset() => (HasSample, _variation) = (false, Smoothed / 2);

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
