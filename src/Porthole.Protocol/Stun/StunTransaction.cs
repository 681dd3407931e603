namespace Porthole.Protocol.Stun;

/// <summary>
/// One request until it is answered or given up (RFC 8489 section 6.2): says when to send and when to stop. It keeps no bytes; the owner builds the
/// same request under the same <see cref="Id"/> for every attempt, and judges the answer.
/// </summary>
/// <remarks>
/// Use: <see cref="TryBeginAttempt"/> whenever the owner may write, send if it says so, wake at <see cref="NextDeadline"/>;
/// <see cref="TryComplete"/> for an answer that was found genuine.
/// </remarks>
/// <param name="id">The id of all attempts.</param>
/// <param name="schedule">When to send again and when to stop.</param>
/// <param name="notBefore">When the first attempt may be sent.</param>
public sealed class StunTransaction(TransactionId id, RetransmissionSchedule schedule, Instant notBefore)
{
    private Instant _next = notBefore;
    private bool _cancelled;

    /// <summary>The id of all attempts.</summary>
    public TransactionId Id { get; } = id;

    /// <summary>The schedule.</summary>
    public RetransmissionSchedule Schedule { get; } = schedule;

    /// <summary>How far it has come.</summary>
    public StunTransactionState State { get; private set; }

    /// <summary>How often the request was sent.</summary>
    public int Attempts { get; private set; }

    /// <summary>When the last attempt was sent; the start time before the first.</summary>
    public Instant LastSentAt { get; private set; } = notBefore;

    /// <summary>
    /// The round trip time, when the answer is known to belong to the only attempt (Karn's rule, RFC 6298 section 3); null before the answer and when
    /// the request had been sent more than once.
    /// </summary>
    public TimeSpan? RoundTripTime { get; private set; }

    /// <summary>When to call <see cref="TryBeginAttempt"/> next; null when the transaction has ended.</summary>
    public Instant? NextDeadline => State == StunTransactionState.Active ? _next : null;

    /// <summary>Counts an attempt if one is due. Gives up, when the wait after the last one is over. A call that comes too early does nothing.</summary>
    /// <returns>True when the request is to be sent now.</returns>
    public bool TryBeginAttempt(Instant now)
    {
        if (State != StunTransactionState.Active || now < _next) return false;
        if (_cancelled || Attempts == Schedule.Attempts)
        {
            State = StunTransactionState.TimedOut;
            return false;
        }

        Attempts++;
        LastSentAt = now;
        _next = now + Schedule.PauseAfter(Attempts);
        return true;
    }

    /// <summary>Ends the transaction with an answer that the owner found genuine.</summary>
    /// <returns>False when the answer is not for this transaction, or comes after its end: ignore it.</returns>
    public bool TryComplete(Instant now, TransactionId answer)
    {
        if (State != StunTransactionState.Active || Attempts == 0 || answer != Id) return false;
        State = StunTransactionState.Answered;
        if (Attempts == 1) RoundTripTime = now - LastSentAt;
        return true;
    }

    /// <summary>
    /// Stops sending, but still takes an answer until the whole schedule has passed (RFC 8445 section 7.2.5.1.3 asks this of a check whose pair got
    /// a triggered one).
    /// </summary>
    public void Cancel()
    {
        if (State != StunTransactionState.Active || _cancelled) return;
        _cancelled = true;
        if (Attempts == 0) return; // never sent: over at its start time
        for (int attempt = Attempts + 1; attempt <= Schedule.Attempts; attempt++) _next += Schedule.PauseAfter(attempt);
    }
}
