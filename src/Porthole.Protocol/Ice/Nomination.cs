namespace Porthole.Protocol.Ice;

/// <summary>
/// Decides which valid pair is nominated, and when: at once if nothing better can come, else when the patience is over (RFC 8445 section 8.1.1). One
/// pair at a time, and none after it succeeded.
/// </summary>
internal sealed class Nomination(IceOptions options)
{
    private CandidatePair? _pair;

    /// <summary>When to ask again; null while a nomination is under way, or nothing is valid.</summary>
    public Instant? NextDeadline { get; private set; }

    /// <summary>Decides.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="valid">The valid pairs.</param>
    /// <param name="checklist">All pairs.</param>
    /// <param name="remoteIsComplete">Whether the other agent said that it has no more candidates.</param>
    /// <returns>The pair to nominate now; null when it is under way, or to wait.</returns>
    public CandidatePair? Decide(Instant now, IReadOnlyList<CandidatePair> valid, Checklist checklist, bool remoteIsComplete)
    {
        if (_pair is not null) return null;
        CandidatePair? best = null;
        foreach (var pair in valid)
        {
            if (best is null || pair.Priority > best.Priority) best = pair;
        }

        if (best is null) return null;
        NextDeadline ??= now + options.NominationPatience;
        if (now < NextDeadline && !(remoteIsComplete && IsBestOf(checklist, best))) return null;
        NextDeadline = null;
        return _pair = best;
    }

    public void HandleFailed(CandidatePair pair)
    {
        if (_pair == pair) _pair = null;
    }

    private static bool IsBestOf(Checklist checklist, CandidatePair best)
    {
        foreach (var pair in checklist.Pairs)
        {
            if (pair.Priority > best.Priority && pair.State is PairState.Waiting or PairState.InProgress) return false;
        }

        return true;
    }
}
