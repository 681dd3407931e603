namespace Porthole.Protocol.Ice;

/// <summary>
/// A local and a remote candidate (RFC 8445 section 6.1.2). A pair is known by its socket and its remote address, since that is all the network sees
/// of it; hence the pair that was checked and the valid pair that RFC 8445 section 7.2.5.3.2 makes of it are one object here.
/// </summary>
public sealed class CandidatePair
{
    // What a nomination may take when the checks before it have used up the pair's share.
    private const int NominationChecks = 10;

    private int _checksLeft = IceOptions.CheckLimitPerPair;
    private bool _isLimited;

    internal CandidatePair(Candidate local, Candidate remote, ulong priority)
    {
        (Local, Remote, Priority, ValidLocal) = (local, remote, priority, local);
        IsLikely = Likely(local.Base, remote.Address);
    }

    /// <summary>The local candidate that checks are sent from.</summary>
    public Candidate Local { get; private set; }

    /// <summary>The remote candidate that checks are sent to.</summary>
    public Candidate Remote { get; private set; }

    /// <summary>The local candidate as the other agent sees it: <see cref="Local"/>, or the reflexive one in front of it.</summary>
    public Candidate ValidLocal { get; internal set; }

    /// <summary>The priority (RFC 8445 section 6.1.2.3).</summary>
    public ulong Priority { get; internal set; }

    /// <summary>How far the pair is.</summary>
    public PairState State { get; internal set; }

    /// <summary>Whether it is valid and nominated.</summary>
    public bool IsNominated { get; internal set; }

    /// <summary>The last unambiguous time between a check and its answer; null when there was none.</summary>
    public TimeSpan? RoundTrip { get; internal set; }

    /// <summary>The socket to send from.</summary>
    public SocketId Socket => Local.Socket;

    /// <summary>The address to send to.</summary>
    public TransportAddress RemoteAddress => Remote.Address;

    /// <summary>UDP or TCP; a TCP pair is one connection.</summary>
    public Transports Transport => Local.Transport;

    /// <summary>How many requests were sent on it, consent aside.</summary>
    public int ChecksSent { get; private set; }

    /// <summary>
    /// Whether the pair is worth a try before others of whatever priority: not a private address that this host's network does not hold.
    /// </summary>
    internal bool IsLikely { get; }

    internal bool IsTriggered { get; set; }

    // The controlled agent's note that USE-CANDIDATE came before the pair was valid (RFC 8445 section 7.3.1.5).
    internal bool NominateWhenValid { get; set; }

    internal ConnectivityCheck? OpenCheck { get; set; }

    internal ConsentFreshness? Consent { get; set; }

    internal int Failures { get; set; }

    internal Instant RetryAt { get; set; } = Instant.Never;

    internal bool HasBudget => _checksLeft > 0;

    /// <inheritdoc/>
    public override string ToString() => $"{Local} {Socket} -> {Remote} ({State})";

    internal bool IsBetween(SocketId socket, TransportAddress remote) => Remote.Address == remote && Local.Socket == socket;

    internal void CountCheck()
    {
        ChecksSent++;
        _checksLeft--;
    }

    /// <summary>Limits the checks for a host that nobody vouches for.</summary>
    internal void LimitUnproved() => (_checksLeft, _isLimited) = (IceOptions.CheckLimitUnproved, true);

    /// <summary>Counts a check from the other agent, which allows more in return.</summary>
    internal void CountReceived()
    {
        if (!_isLimited) return;
        int most = Math.Max(_checksLeft, IceOptions.CheckLimitPerPair - ChecksSent);
        _checksLeft = Math.Min(_checksLeft + IceOptions.ChecksPerCheckReceived, most);
    }

    internal void AllowNomination() => _checksLeft = Math.Max(_checksLeft, NominationChecks);

    /// <summary>Takes what signalling says of a candidate that a check had shown first, or a better local candidate with the same base.</summary>
    internal void Replace(Candidate local, Candidate remote, ulong priority)
    {
        (Local, Remote, Priority) = (local, remote, priority);
        if (!_isLimited || remote.Type == CandidateType.PeerReflexive) return;
        (_checksLeft, _isLimited) = (IceOptions.CheckLimitPerPair, false); // signalled after all
    }

    /// <summary>Orders pairs for checking: the likely first, then by priority (RFC 8445 section 6.1.4.2).</summary>
    internal static int CompareForChecking(CandidatePair left, CandidatePair right)
    {
        int order = right.IsLikely.CompareTo(left.IsLikely);
        return order != 0 ? order : right.Priority.CompareTo(left.Priority);
    }

    // Every dead private pair in front costs Ta: a host with a few virtual interfaces would spend more on them than on the punch itself.
    private static bool Likely(TransportAddress local, TransportAddress remote) =>
        remote.IsLoopback ? local.IsLoopback
        : !(remote.IsPrivate || remote.IsLinkLocal) || local.SharesPrefix(remote, remote.IsIPv6 ? 64 : 24);
}
