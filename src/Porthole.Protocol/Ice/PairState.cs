namespace Porthole.Protocol.Ice;

/// <summary>
/// How far a candidate pair is (RFC 8445 section 6.1.2.6). There is no Frozen: one checklist and one component leave nothing to wait for.
/// </summary>
public enum PairState
{
    /// <summary>Its next check is not sent yet.</summary>
    Waiting,

    /// <summary>A check was sent and its transaction is open.</summary>
    InProgress,

    /// <summary>A check was answered: the pair is valid.</summary>
    Succeeded,

    /// <summary>No answer in time, a refusal, an answer from elsewhere, or consent expired.</summary>
    Failed,
}
