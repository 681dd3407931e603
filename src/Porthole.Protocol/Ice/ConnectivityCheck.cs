using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>Why a check is sent.</summary>
internal enum CheckPurpose
{
    /// <summary>To find out whether the pair works (RFC 8445 sections 6.1.4.2, 7.3.1.4).</summary>
    Connectivity,

    /// <summary>To nominate a valid pair (RFC 8445 section 8.1.1).</summary>
    Nomination,

    /// <summary>To keep consent (RFC 7675 section 5.1).</summary>
    Consent,
}

/// <summary>
/// One Binding request until it is answered or given up. Retransmissions are the same request (RFC 8489 section 6.2.1), hence it keeps what it
/// claimed, whatever became of the agent's role since.
/// </summary>
internal sealed class ConnectivityCheck
{
    // Rm: after the last transmission the answer has sixteen RTO (RFC 8489 section 6.2.1).
    private const int AnswerWaitFactor = 16;

    // A full queue somewhere on a home's way out holds packets for seconds: with a short RTO, a late answer still says that the pair works.
    private static readonly TimeSpan s_minAnswerWait = TimeSpan.FromSeconds(5);

    // Three losses of four in a row are one in a few hundred at 10 % each way.
    private const int CurbedTransmissions = 4;

    public required TransactionId Id { get; init; }

    public required CandidatePair Pair { get; init; }

    public required CheckPurpose Purpose { get; init; }

    public required IceRole Role { get; init; }

    public required ulong TieBreaker { get; init; }

    /// <summary>RTO (RFC 8445 section 14.3).</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>PRIORITY: what the candidate would be worth as a peer-reflexive one (RFC 8445 section 7.1.1).</summary>
    public uint Priority => Pair.Transport == Transports.Tcp
        ? CandidatePriority.AsTcpPeerReflexive(Pair.Local.Priority)
        : CandidatePriority.AsPeerReflexive(Pair.Local.Priority);

    /// <summary>USE-CANDIDATE: the controlling agent alone nominates.</summary>
    public bool UseCandidate => Purpose == CheckPurpose.Nomination && Role == IceRole.Controlling;

    public int Transmissions { get; private set; }

    public Instant SentAt { get; private set; }

    /// <summary>When to send it again; never when it was cancelled or sent often enough.</summary>
    public Instant NextTransmission { get; private set; } = Instant.Never;

    /// <summary>When no answer is awaited any more.</summary>
    public Instant Expiry { get; private set; } = Instant.Never;

    /// <summary>Whether a newer check took its place: its answer still counts, its silence does not (RFC 8445 section 7.3.1.4).</summary>
    public bool IsCancelled { get; private set; }

    /// <summary>The round trip, if it was sent once: with more, nobody knows which one was answered (Karn's rule, RFC 8489 section 6.2.1).</summary>
    public TimeSpan? RoundTrip(Instant now) => Transmissions == 1 ? now - SentAt : null;

    /// <summary>Counts a transmission and plans the next.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="options">The agent's numbers.</param>
    /// <param name="curbed">Whether a UDP pair is there and one nominated already, so that this one is no longer worth every effort.</param>
    public void HandleSent(Instant now, IceOptions options, bool curbed)
    {
        if (Transmissions++ == 0) SentAt = now;
        if (Pair.Transport == Transports.Tcp)
        {
            // RFC 8489 section 6.2.2: TCP repeats what is lost, nobody else does.
            (NextTransmission, Expiry) = (Instant.Never, now + options.ConnectionCheckTimeout);
            return;
        }

        NextTransmission = now + options.IntervalAfter(Timeout, Transmissions);
        if (Purpose == CheckPurpose.Consent || Transmissions >= options.MaxTransmissions) Stop(now);
        else if (curbed) Curb(now);
    }

    /// <summary>Stops sending, but for the few times that a pair is worth when another is nominated already. A nomination is never curbed.</summary>
    public void Curb(Instant now)
    {
        if (Purpose == CheckPurpose.Connectivity && Transmissions >= CurbedTransmissions) Stop(now);
    }

    /// <summary>Stops sending; an answer is awaited a while longer.</summary>
    public void Stop(Instant now)
    {
        NextTransmission = Instant.Never;
        if (Pair.Transport == Transports.Tcp) return; // it never goes out again, and expires when it does
        var wait = Timeout * AnswerWaitFactor;
        Expiry = Instant.Min(Expiry, now + (wait > s_minAnswerWait ? wait : s_minAnswerWait));
    }

    /// <summary>A check of the other agent came on the same TCP connection: it is there, and TCP will bring its answer.</summary>
    public void Prolong(Instant now, IceOptions options)
    {
        if (Transmissions > 0) Expiry = now + options.ConnectionCheckTimeout;
    }

    /// <summary>Stops sending, because a newer check takes its place.</summary>
    public void Cancel(Instant now)
    {
        IsCancelled = true;
        Stop(now);
    }
}
