using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Ice;

/// <summary>
/// The valid pairs that consent is kept on (RFC 8445 section 6.1.3, RFC 7675): at most <see cref="IceOptions.KeptPairs"/>, the best of those that
/// worked.
/// </summary>
internal sealed class ValidList(AgentCore agent)
{
    private readonly List<CandidatePair> _pairs = new(IceOptions.KeptPairs + 1);
    private TimeSpan? _idlePause;

    public IReadOnlyList<CandidatePair> Pairs => _pairs;

    /// <summary>Whether one of them is UDP.</summary>
    public bool HasUdp
    {
        get
        {
            foreach (var pair in _pairs)
            {
                if (pair.Transport == Transports.Udp) return true;
            }

            return false;
        }
    }

    /// <summary>The pair that the owner uses; never given up for another.</summary>
    public CandidatePair? InUse { get; set; }

    /// <summary>The next consent check or expiry.</summary>
    public Instant? NextDeadline
    {
        get
        {
            Instant? next = null;
            foreach (var pair in _pairs) next = Instant.Earlier(next, Instant.Min(pair.Consent!.NextCheck, pair.Consent.Expiry));
            return next;
        }
    }

    /// <summary>How often consent is asked for while the pairs carry nothing; null while they do.</summary>
    public void SetIdle(Instant now, TimeSpan? pause)
    {
        _idlePause = pause;
        foreach (var pair in _pairs) pair.Consent!.SetIdle(now, pause);
    }

    /// <summary>A pair works: it is kept if it is among the best, or <paramref name="must"/> be.</summary>
    public void Add(Instant now, CandidatePair pair, bool must)
    {
        if (pair.Consent is not null) return;
        pair.Consent = new ConsentFreshness(now, agent.Options, agent.Entropy, _idlePause);
        _pairs.Add(pair);
        var least = _pairs.Count <= IceOptions.KeptPairs ? null : Least(must ? pair : null);
        if (least == pair)
        {
            Drop(pair);
            return;
        }

        agent.Report(new IceEvent.PairValid(pair, pair.RoundTrip));
        if (least is not null) Release(least);
    }

    /// <summary>Consent is over, or the socket is gone.</summary>
    public void Lose(CandidatePair pair)
    {
        pair.State = PairState.Failed;
        pair.RetryAt = Instant.Never;
        pair.IsNominated = false;
        if (pair.Consent is null) return;
        Drop(pair);
        agent.Report(new IceEvent.ConsentLost(pair));
    }

    /// <summary>Gives up every other pair (RFC 8445 section 8.3).</summary>
    public void KeepOnly(CandidatePair kept)
    {
        for (int i = _pairs.Count - 1; i >= 0; i--)
        {
            if (_pairs[i] != kept) Release(_pairs[i]);
        }
    }

    public void Clear()
    {
        foreach (var pair in _pairs) pair.Consent = null;
        _pairs.Clear();
    }

    public bool TryFindExpired(Instant now, [NotNullWhen(true)] out CandidatePair? expired)
    {
        expired = null;
        foreach (var pair in _pairs)
        {
            if (pair.Consent!.Expiry <= now) expired ??= pair;
        }

        return expired is not null;
    }

    public bool TryFindDue(Instant now, [NotNullWhen(true)] out CandidatePair? due)
    {
        due = null;
        foreach (var pair in _pairs)
        {
            if (pair.Consent!.NextCheck <= now) due ??= pair;
        }

        return due is not null;
    }

    private void Release(CandidatePair pair)
    {
        Drop(pair);
        agent.Report(new IceEvent.PairReleased(pair));
    }

    private void Drop(CandidatePair pair)
    {
        _pairs.Remove(pair);
        pair.Consent = null;
        if (InUse == pair) InUse = null;
    }

    private CandidatePair? Least(CandidatePair? wanted)
    {
        CandidatePair? least = null;
        foreach (var pair in _pairs)
        {
            if (pair == wanted || pair == InUse || pair == agent.Selected) continue;
            if (least is null || pair.Priority < least.Priority) least = pair;
        }

        return least;
    }
}
