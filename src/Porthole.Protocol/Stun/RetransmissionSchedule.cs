namespace Porthole.Protocol.Stun;

/// <summary>
/// When a request over UDP is sent again and when it is given up (RFC 8489 section 6.2.1): <see cref="Attempts"/> times, the pause doubling from
/// <see cref="Rto"/>; after the last, <see cref="LastWait"/> × RTO more.
/// </summary>
public readonly record struct RetransmissionSchedule
{
    /// <summary>Rc, unless said otherwise (RFC 8489 section 6.2.1).</summary>
    public const int DefaultAttempts = 7;

    /// <summary>Rm, unless said otherwise (RFC 8489 section 6.2.1).</summary>
    public const int DefaultLastWait = 16;

    /// <summary>The most attempts: the pause has doubled to more than an hour of the least RTO by then, and arithmetic stays far from overflow.</summary>
    public const int MaxAttempts = 20;

    /// <summary>RTO, unless the path's is known (RFC 8489 section 6.2.1).</summary>
    public static readonly TimeSpan DefaultRto = TimeSpan.FromMilliseconds(500);

    /// <summary>Creates a schedule.</summary>
    /// <param name="rto">RTO: the first pause; more than zero, at most a minute.</param>
    /// <param name="attempts">Rc: how often the request is sent; 1 to <see cref="MaxAttempts"/>.</param>
    /// <param name="lastWait">Rm: how many RTO to wait after the last attempt; 1 to 1,000.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public RetransmissionSchedule(TimeSpan rto, int attempts = DefaultAttempts, int lastWait = DefaultLastWait)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(rto, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rto, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(attempts, MaxAttempts);
        ArgumentOutOfRangeException.ThrowIfLessThan(lastWait, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lastWait, 1_000);
        (Rto, Attempts, LastWait) = (rto, attempts, lastWait);
    }

    /// <summary>The RFC's own: 7 attempts at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s, given up after 39.5 s.</summary>
    public static RetransmissionSchedule Default { get; } = new(DefaultRto);

    /// <summary>For a reliable transport (RFC 8489 section 6.2.2): sent once, given up after Ti = 39.5 s.</summary>
    public static RetransmissionSchedule Reliable { get; } = new(TimeSpan.FromMilliseconds(39_500), attempts: 1, lastWait: 1);

    /// <summary>RTO: the pause after the first attempt.</summary>
    public TimeSpan Rto { get; }

    /// <summary>Rc: how often the request is sent.</summary>
    public int Attempts { get; }

    /// <summary>Rm: how many RTO to wait for an answer after the last attempt.</summary>
    public int LastWait { get; }

    /// <summary>From the first attempt until the request is given up.</summary>
    public TimeSpan Total => Rto * ((1 << (Attempts - 1)) - 1 + LastWait);

    /// <summary>How long to wait after an attempt, before the next one or, after the last, before giving up.</summary>
    /// <param name="attempt">1 to <see cref="Attempts"/>.</param>
    public TimeSpan PauseAfter(int attempt)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);
        return attempt < Attempts ? Rto * (1 << (attempt - 1)) : Rto * LastWait;
    }
}
