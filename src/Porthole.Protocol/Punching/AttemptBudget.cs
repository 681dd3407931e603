namespace Porthole.Protocol.Punching;

/// <summary>
/// How many attempts one punch makes, over all its pairs. Two NATs that answer with RST want a retry every few milliseconds for a second or two; a server that
/// lies about addresses must not turn that into a flood.
/// </summary>
internal sealed class AttemptBudget(EntropySource entropy)
{
    /// <summary>Attempts a second in the long run, as many as a spray sends packets. All pairs share it.</summary>
    public const int PerSecond = 200;

    /// <summary>
    /// How many may go faster than that: the less of a round trip there is, the more retries it takes until two SYNs coincide, and the closer they must
    /// follow each other. A hundred within a fifth of a second do it at 0.1 ms.
    /// </summary>
    public const int Burst = 100;

    /// <summary>Attempts in all: eight seconds at full pace.</summary>
    public const int Total = 1_600;

    private static readonly TimeSpan s_cost = TimeSpan.FromSeconds(1) / PerSecond;
    private static readonly TimeSpan s_burst = s_cost * Burst;

    private Instant _fullAt;

    public int Used { get; private set; }

    public bool IsUsedUp => Used == Total;

    /// <summary>When the next may start; long past while there is plenty, never when all are used up.</summary>
    public Instant NextAt => IsUsedUp ? Instant.Never : _fullAt <= Instant.Zero + s_burst ? Instant.Zero : _fullAt + s_cost - s_burst;

    // At a steady pace two sides that the budget holds up would miss each other by the same time again and again.
    public void Take(Instant now)
    {
        Used++;
        _fullAt = Instant.Max(_fullAt, now) + s_cost * entropy.NextDouble(0.5, 1.5);
    }
}
