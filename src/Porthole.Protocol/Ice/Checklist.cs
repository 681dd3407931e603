namespace Porthole.Protocol.Ice;

/// <summary>The candidate pairs, in the order in which they are checked (RFC 8445 section 6.1.2).</summary>
internal sealed class Checklist(int limit)
{
    private readonly List<CandidatePair> _pairs = [];

    public IReadOnlyList<CandidatePair> Pairs => _pairs;

    /// <summary>
    /// Whether two candidates may be a pair: both UDP, one address family, and link-local IPv6 only with its like (RFC 8445 section 6.1.2.2). A TCP pair is
    /// there when its connection is.
    /// </summary>
    public static bool CanPair(Candidate local, Candidate remote) =>
        local.Tcp is null
        && remote.Tcp is null
        && local.Base.IsIPv6 == remote.Address.IsIPv6
        && (!local.Base.IsIPv6 || local.Base.IsLinkLocal == remote.Address.IsLinkLocal);

    public CandidatePair? Find(SocketId socket, TransportAddress remote)
    {
        foreach (var pair in _pairs)
        {
            if (pair.IsBetween(socket, remote)) return pair;
        }

        return null;
    }

    /// <summary>
    /// Adds a pair. A full list gives up its least promising pair that nothing is known of, if the new one is better or an authenticated check
    /// vouches for it (RFC 8445 section 6.1.2.5).
    /// </summary>
    /// <param name="pair">The pair; none with its socket and remote address is on the list.</param>
    /// <param name="vouched">Whether the other agent's check came over it.</param>
    /// <param name="removed">The pair that went; null when there was room.</param>
    public bool TryAdd(CandidatePair pair, bool vouched, out CandidatePair? removed)
    {
        removed = null;
        if (_pairs.Count >= limit)
        {
            removed = _pairs.FindLast(static other => other.State is PairState.Waiting or PairState.Failed && !other.IsTriggered);
            if (removed is null || (!vouched && CandidatePair.CompareForChecking(pair, removed) >= 0)) return false;
            _pairs.Remove(removed);
        }

        _pairs.Add(pair);
        Sort();
        return true;
    }

    public void Remove(CandidatePair pair) => _pairs.Remove(pair);

    /// <summary>The next pair for an ordinary check: the first that waits, else the first that failed and is due again.</summary>
    public CandidatePair? NextOrdinary(Instant now)
    {
        CandidatePair? again = null;
        foreach (var pair in _pairs)
        {
            if (pair.IsTriggered || !pair.HasBudget) continue;
            if (pair.State == PairState.Waiting) return pair;
            if (pair.State == PairState.Failed && pair.RetryAt <= now) again ??= pair;
        }

        return again;
    }

    /// <summary>When the next ordinary check may be wanted: now for a waiting pair, later for one that failed.</summary>
    public Instant NextOrdinaryAt()
    {
        var next = Instant.Never;
        foreach (var pair in _pairs)
        {
            if (pair.IsTriggered || !pair.HasBudget) continue;
            if (pair.State == PairState.Waiting) return Instant.Zero;
            if (pair.State == PairState.Failed) next = Instant.Min(next, pair.RetryAt);
        }

        return next;
    }

    /// <summary>How many pairs are waiting or in progress: N of the RTO formula (RFC 8445 section 14.3).</summary>
    public int CountActive()
    {
        int count = 0;
        foreach (var pair in _pairs)
        {
            if (pair.State is PairState.Waiting or PairState.InProgress) count++;
        }

        return count;
    }

    /// <summary>Puts the pairs in order, after priorities changed.</summary>
    public void Sort() => _pairs.Sort(CandidatePair.CompareForChecking);
}
