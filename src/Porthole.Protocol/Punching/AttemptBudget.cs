namespace Porthole.Protocol.Punching;

/// <summary>
/// How many attempts one punch makes, over all its pairs. Two NATs that answer with RST want a retry every few milliseconds for a second or two; a server that
/// lies about addresses must not turn that into a flood.
/// </summary>
internal sealed class AttemptBudget
{
    /// <summary>Attempts a second: what one pair needs that retries every 1–8 ms. More pairs share it.</summary>
    public const int PerSecond = 200;

    /// <summary>How many may start at once: one for every candidate that a peer may have.</summary>
    public const int Burst = 20;

    /// <summary>Attempts in all: five seconds at full pace. Nothing that refuses for so long gives way later.</summary>
    public const int Total = 1_000;

    private static readonly TimeSpan s_cost = TimeSpan.FromSeconds(1) / PerSecond;
    private static readonly TimeSpan s_burst = s_cost * Burst;

    private Instant _fullAt;

    public int Used { get; private set; }

    public bool IsUsedUp => Used == Total;

    /// <summary>When the next may start; long past while there is plenty, never when all are used up.</summary>
    public Instant NextAt => IsUsedUp ? Instant.Never : _fullAt <= Instant.Zero + s_burst ? Instant.Zero : _fullAt + s_cost - s_burst;

    public void Take(Instant now)
    {
        Used++;
        _fullAt = Instant.Max(_fullAt, now) + s_cost;
    }
}
