namespace Porthole.Punching;

/// <summary>How a bare TCP punch goes. Every instance is valid.</summary>
public sealed record TcpHoleOptions
{
    /// <summary>How many connects may go unanswered, 1 to 10,000. One that is refused is repeated within milliseconds, and is no try of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public int Tries { get; init => field = PunchLimits.CheckTries(value); } = 3;

    /// <summary>
    /// How long a connect waits for an answer before the next takes its place, 20 ms to a minute. Long ones do better: the system repeats its SYN after 1 and 3
    /// seconds, and NATs do not like another one from the same port.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is shorter or longer.</exception>
    public TimeSpan Interval { get; init => field = PunchLimits.CheckInterval(value); } = TimeSpan.FromMilliseconds(3_500);

    /// <summary>How long the punch may take in all, from the (common) start; null for <see cref="Tries"/> × <see cref="Interval"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive, or more than a day.</exception>
    public TimeSpan? Timeout { get; init => field = PunchLimits.CheckTimeout(value); }

    /// <summary>When both sides begin; null to begin at once. NATs that refuse what they do not know want both SYNs under way within one round trip.</summary>
    public DateTimeOffset? StartAt { get; init; }

    /// <summary>
    /// What both sides know, 1 to 256 bytes: a short exchange at the start of the connection, which the program never sees, shows that they mean each other, and
    /// makes both take the same one of several. Null for no such exchange, and then not a byte that is not the program's: toward another program than this one.
    /// Default: <see cref="HolePuncher.DefaultCookie"/>, which is no secret. Both sides need the same.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty or longer.</exception>
    public ReadOnlyMemory<byte>? Cookie { get; init => field = value is { } cookie ? PunchLimits.CheckCookie(cookie) : default(ReadOnlyMemory<byte>?); } = HolePuncher.DefaultCookie;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal TimeSpan Limit => Timeout ?? Tries * Interval;
}
