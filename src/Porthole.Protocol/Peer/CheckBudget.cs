namespace Porthole.Protocol.Peer;

/// <summary>
/// How many checks one peer sends in all, over every punch that is looking for a path. Addresses come from a server that may be lying: neither many
/// sessions nor many restarts make this host flood somebody. A punch that has led to a proved path sends next to nothing and is not counted.
/// </summary>
internal sealed class CheckBudget
{
    /// <summary>Datagrams a second: two punches at full pace, or fifty that wait for answers. A second's worth may go at once.</summary>
    public const int PerSecond = 500;

    private static readonly TimeSpan s_burst = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_cost = s_burst / PerSecond;

    private Instant _fullAt;

    /// <summary>When the next may go; long past while there is plenty.</summary>
    public Instant NextAt => _fullAt <= Instant.Zero + s_burst ? Instant.Zero : _fullAt + s_cost - s_burst;

    /// <summary>Whether none may go now.</summary>
    public bool IsSpent(Instant now) => NextAt > now;

    /// <summary>Counts one.</summary>
    public void Take(Instant now) => _fullAt = Instant.Max(_fullAt, now) + s_cost;
}
