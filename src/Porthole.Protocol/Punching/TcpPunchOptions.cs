namespace Porthole.Protocol.Punching;

/// <summary>When a puncher attempts, repeats and gives up. The defaults were measured between real NATs (docs/decisions).</summary>
public sealed record TcpPunchOptions
{
    /// <summary>The defaults.</summary>
    public static TcpPunchOptions Default { get; } = new();

    /// <summary>The whole punch.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not positive.</exception>
    public TimeSpan Limit { get; init => field = Positive(value); } = TimeSpan.FromSeconds(8);

    /// <summary>
    /// One attempt. The kernel repeats a SYN after 1 s and 3 s (RFC 6298 section 2): both are in it, and time for the answer to the last. Short attempts do
    /// harm, since the SYN of the next has another sequence number than the one that a NAT has seen.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not positive.</exception>
    public TimeSpan AttemptTimeout { get; init => field = Positive(value); } = TimeSpan.FromMilliseconds(3_500);

    private static TimeSpan Positive(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        return value;
    }
}
