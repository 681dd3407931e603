namespace Porthole.Protocol.Stun;

/// <summary>What the wall clock said at one moment: expiry times are dates, protocol time is not. A driver hands it in as data, and anew when the clock was set.</summary>
/// <param name="At">The moment.</param>
/// <param name="Time">The date and time at that moment.</param>
public readonly record struct WallClock(Instant At, DateTimeOffset Time)
{
    /// <summary>The date and time at another moment.</summary>
    public DateTimeOffset TimeAt(Instant now) => Time + (now - At);
}
