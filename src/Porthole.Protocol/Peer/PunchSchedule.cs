namespace Porthole.Protocol.Peer;

/// <summary>
/// When to try again for a direct path: at once, then after 1, 2, 4 … 30 s. While a direct path was there before, the pause stays at
/// <see cref="LongestAfterLoss"/>, because a network that heals must be used again within 10 s.
/// </summary>
internal sealed class PunchSchedule
{
    /// <summary>The pause after the first failure.</summary>
    public static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause: a pair that never worked is tried no more than twice a minute.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>The longest pause where a direct path was lost: with the time of the punch itself it stays below 10 s.</summary>
    public static readonly TimeSpan LongestAfterLoss = TimeSpan.FromSeconds(7);

    /// <summary>
    /// The longest pause while a direct path carries the session, only not by the preferred transport. It is no hurry, and what blocks UDP (an office's
    /// firewall) does so for hours; a change of the network is heard of at once.
    /// </summary>
    public static readonly TimeSpan LongestOnSecondBest = TimeSpan.FromMinutes(5);

    private TimeSpan _pause = First;
    private TimeSpan _slowPause = Longest;
    private TimeSpan _measurePause = First;

    /// <summary>Whether a direct path was there before.</summary>
    public bool HadDirectPath { get; private set; }

    /// <summary>The moment of the next try; null when none is due.</summary>
    public Instant? Next { get; private set; }

    /// <summary>
    /// When to measure again what the preferred transport has, while another carries the session; null when there is no need. A machine that had much to do when the
    /// proof came took it for slow, and a proof costs less than a punch: so it follows soon, then ever more seldom.
    /// </summary>
    public Instant? NextMeasure { get; private set; }

    /// <summary>A direct path of the preferred transport is up.</summary>
    public void HandleDirect() => (HadDirectPath, Next, NextMeasure, _pause, _slowPause) = (true, null, null, First, Longest);

    /// <summary>
    /// A direct path is up, but the preferred transport has none, or a worse one: another look follows after the longest pause, then ever more seldom.
    /// </summary>
    public void HandleSecondBest(Instant now)
    {
        NextMeasure ??= now + _measurePause;
        (HadDirectPath, Next, _pause) = (true, now + _slowPause, First);
        _slowPause = _slowPause * 2 > LongestOnSecondBest ? LongestOnSecondBest : _slowPause * 2;
    }

    /// <summary>A try failed, or the direct path is gone: the next try follows after the pause, which doubles.</summary>
    public void HandleFailure(Instant now)
    {
        if (Next is not null) return;
        Next = now + _pause;
        var longest = HadDirectPath ? LongestAfterLoss : Longest;
        _pause = _pause * 2 > longest ? longest : _pause * 2;
    }

    /// <summary>The network changed: what failed before may work now.</summary>
    public void HandleNetworkChange(Instant now) => (Next, _pause, _slowPause, _measurePause) = (now, First, Longest, First);

    /// <summary>Takes the measurement that is due; the pause doubles.</summary>
    public bool TryTakeMeasure(Instant now)
    {
        if (NextMeasure is not { } next || next > now) return false;
        _measurePause = _measurePause * 2 > LongestOnSecondBest ? LongestOnSecondBest : _measurePause * 2;
        NextMeasure = now + _measurePause;
        return true;
    }

    /// <summary>Takes the try that is due.</summary>
    public bool TryTake(Instant now)
    {
        if (Next is not { } next || next > now) return false;
        Next = null;
        return true;
    }
}
