namespace Porthole.Protocol.Peer;

/// <summary>
/// How many checks, or attempts to connect, one peer makes in all, over every punch that is looking for a path. Addresses come from a server that may be
/// lying: neither many sessions nor many restarts make this host flood somebody. A punch that has led to a proved path sends next to nothing and is not counted.
/// </summary>
/// <param name="perSecond">How many a second. A second's worth may go at once.</param>
internal sealed class CheckBudget(int perSecond)
{
    /// <summary>Datagrams a second: two punches at full pace, or fifty that wait for answers.</summary>
    public const int ChecksPerSecond = 500;

    /// <summary>Connects a second: one punch between NATs that refuse (200), and others that wait for answers.</summary>
    public const int ConnectsPerSecond = 250;

    private static readonly TimeSpan s_burst = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _cost = s_burst / perSecond;
    private Instant _fullAt;

    /// <summary>When the next may go; long past while there is plenty.</summary>
    public Instant NextAt => _fullAt <= Instant.Zero + s_burst ? Instant.Zero : _fullAt + _cost - s_burst;

    /// <summary>Whether none may go now.</summary>
    public bool IsSpent(Instant now) => NextAt > now;

    /// <summary>Counts one.</summary>
    public void Take(Instant now) => _fullAt = Instant.Max(_fullAt, now) + _cost;
}
