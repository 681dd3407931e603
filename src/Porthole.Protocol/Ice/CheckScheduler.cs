using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Ice;

/// <summary>
/// Says which pair is checked next and when (RFC 8445 section 6.1.4.2): triggered checks first, then the checklist in its order. Ordinary checks keep
/// Ta between each other; a triggered one keeps the least pause of RFC 8445 section 14.2 alone, because the other agent's check paced it already.
/// </summary>
internal sealed class CheckScheduler(IceOptions options, Checklist checklist)
{
    private readonly Queue<CandidatePair> _triggered = new(IceOptions.PairLimit);
    private Instant _lastStart;
    private bool _any;
    private bool _ordinaryStopped;

    /// <summary>Whether only triggered checks are sent, for the time being.</summary>
    public bool IsSilent { get; set; }

    /// <summary>How many requests were sent, consent aside.</summary>
    public int ChecksSent { get; private set; }

    private bool MayBegin => !_ordinaryStopped && !IsSilent;

    private bool HasBudget => ChecksSent < IceOptions.CheckLimit;

    /// <summary>Puts a pair into the triggered queue; once is enough.</summary>
    public void Trigger(CandidatePair pair)
    {
        if (pair.IsTriggered || !pair.HasBudget) return;
        pair.IsTriggered = true;
        _triggered.Enqueue(pair);
    }

    public void Forget(CandidatePair pair)
    {
        if (!pair.IsTriggered) return;
        pair.IsTriggered = false;
        for (int i = _triggered.Count; i > 0; i--)
        {
            var queued = _triggered.Dequeue();
            if (queued != pair) _triggered.Enqueue(queued);
        }
    }

    public Instant? NextDeadline
    {
        get
        {
            if (!HasBudget) return null;
            if (_triggered.Count > 0) return Allowed(IceOptions.MinPacing);
            if (!MayBegin) return null;
            var ordinary = checklist.NextOrdinaryAt();
            return ordinary == Instant.Never ? null : Instant.Max(ordinary, Allowed(options.Pacing));
        }
    }

    /// <summary>Takes the pair to check now.</summary>
    public bool TryTake(Instant now, [NotNullWhen(true)] out CandidatePair? pair)
    {
        pair = null;
        if (!HasBudget) return false;
        if (_triggered.Count > 0)
        {
            if (now < Allowed(IceOptions.MinPacing)) return false;
            pair = _triggered.Dequeue();
            pair.IsTriggered = false;
        }
        else if (MayBegin && now >= Allowed(options.Pacing))
        {
            pair = checklist.NextOrdinary(now);
        }

        if (pair is null || !TryCount(pair)) return false;
        (_lastStart, _any) = (now, true);
        return true;
    }

    /// <summary>Counts a request against the agent's and the pair's budget.</summary>
    /// <returns>False when one of them is used up: it may not be sent.</returns>
    public bool TryCount(CandidatePair pair)
    {
        if (!HasBudget || !pair.HasBudget) return false;
        ChecksSent++;
        pair.CountCheck();
        return true;
    }

    /// <summary>From now on only triggered checks are sent.</summary>
    public void StopOrdinary() => _ordinaryStopped = true;

    private Instant Allowed(TimeSpan pause) => _any ? _lastStart + pause : Instant.Zero;
}
