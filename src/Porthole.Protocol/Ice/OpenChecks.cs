using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>The checks whose answers are awaited.</summary>
internal sealed class OpenChecks
{
    /// <summary>
    /// The most open checks. A pair has one that counts; the rest are cancelled ones and consent, of which the oldest can be forgotten.
    /// </summary>
    public const int Limit = 3 * IceOptions.PairLimit;

    private readonly List<ConnectivityCheck> _checks = new(Limit);

    public int Count => _checks.Count;

    /// <summary>The next retransmission or expiry.</summary>
    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Never;
            foreach (var check in _checks) next = Instant.Min(next, Instant.Min(check.NextTransmission, check.Expiry));
            return next == Instant.Never ? null : next;
        }
    }

    public void Add(ConnectivityCheck check)
    {
        if (_checks.Count == Limit) _checks.RemoveAt(Math.Max(0, _checks.FindIndex(static open => open.Pair.OpenCheck != open)));
        _checks.Add(check);
    }

    public ConnectivityCheck? Find(TransactionId id)
    {
        foreach (var check in _checks)
        {
            if (check.Id == id) return check;
        }

        return null;
    }

    public void Remove(ConnectivityCheck check) => _checks.Remove(check);

    public void RemoveAll(CandidatePair pair)
    {
        for (int i = _checks.Count - 1; i >= 0; i--)
        {
            if (_checks[i].Pair == pair) _checks.RemoveAt(i);
        }
    }

    /// <summary>A pair is nominated: the other checks are no longer worth every effort.</summary>
    public void Curb(Instant now)
    {
        foreach (var check in _checks) check.Curb(now);
    }

    public void Clear() => _checks.Clear();

    /// <summary>The check whose retransmission has been due the longest; null when none is.</summary>
    public ConnectivityCheck? DueForRetransmission(Instant now)
    {
        ConnectivityCheck? due = null;
        foreach (var check in _checks)
        {
            if (check.NextTransmission <= now && (due is null || check.NextTransmission < due.NextTransmission)) due = check;
        }

        return due;
    }

    /// <summary>Takes a check that nobody answered in time.</summary>
    public bool TryTakeExpired(Instant now, [NotNullWhen(true)] out ConnectivityCheck? expired)
    {
        for (int i = 0; i < _checks.Count; i++)
        {
            if (_checks[i].Expiry > now) continue;
            expired = _checks[i];
            _checks.RemoveAt(i);
            return true;
        }

        expired = null;
        return false;
    }
}
