namespace Porthole.Punching;

/// <summary>How a bare UDP punch goes. Every instance is valid.</summary>
public sealed record UdpHoleOptions
{
    /// <summary>How often to send while nothing comes back, 1 to 10,000. Once the peer is heard, both go on faster until both know.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public int Tries { get; init => field = PunchLimits.CheckTries(value); } = 40;

    /// <summary>From one try to the next, 20 ms to a minute.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer.</exception>
    public TimeSpan Interval { get; init => field = PunchLimits.CheckInterval(value); } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the punch may take in all, from the (common) start; null for <see cref="Tries"/> × <see cref="Interval"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive, or more than a day.</exception>
    public TimeSpan? Timeout { get; init => field = PunchLimits.CheckTimeout(value); }

    /// <summary>When both sides begin; null to begin at once. Neither needs it: who comes first keeps on sending. It spares the first packets.</summary>
    public DateTimeOffset? StartAt { get; init; }

    /// <summary>
    /// What both sides know, 1 to 256 bytes: only who knows it is taken for the peer. It is the key of a MAC and does not travel. Default:
    /// <see cref="HolePuncher.DefaultCookie"/>, which is no secret and only tells a punch from other packets.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty or longer.</exception>
    public ReadOnlyMemory<byte> Cookie { get; init => field = PunchLimits.CheckCookie(value); } = HolePuncher.DefaultCookie;

    /// <summary>
    /// The IP time to live, 1 to 255, of one packet ahead of the first try: enough hops to leave the own NAT, too few to reach the other. For NATs that take a
    /// packet amiss which comes before their own host has sent. Null for no such packet.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public int? OpenerTimeToLive
    {
        get;
        init => field = value is null or (>= 1 and <= byte.MaxValue) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A time to live is 1 to 255.");
    }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal TimeSpan Limit => Timeout ?? Tries * Interval;
}
