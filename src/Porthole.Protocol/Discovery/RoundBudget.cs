namespace Porthole.Protocol.Discovery;

/// <summary>Limits how often a probe asks everything anew: <see cref="NatProbe.MaxRounds"/> at once, then one each <see cref="NatProbe.RoundPause"/>.</summary>
internal struct RoundBudget
{
    private Instant _used;

    /// <summary>Takes one round.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="freeAt">When the next may start, if there have been too many.</param>
    public bool TryTake(Instant now, out Instant freeAt)
    {
        var used = Instant.Max(_used, now) + NatProbe.RoundPause;
        freeAt = used - NatProbe.RoundPause * NatProbe.MaxRounds;
        if (freeAt > now) return false;
        _used = used;
        return true;
    }
}
