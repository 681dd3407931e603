using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>One session as the server knows it: which two peers, which of their connections, which generation.</summary>
internal sealed class ServerSession(SessionId id, PeerId firstPeer, PeerId secondPeer)
{
    public SessionId Id { get; } = id;

    /// <summary>The side that asked for the session.</summary>
    public SessionSide First { get; } = new(firstPeer);

    public SessionSide Second { get; } = new(secondPeer);

    /// <summary>What the initiator dialled, and its first message; kept while the other side is being asked.</summary>
    public string Dialled { get; set; } = "";

    public HandshakeOffer? Offer { get; set; }

    public bool IsRinging { get; set; }

    /// <summary>Whether both connections are there and the relay carries it.</summary>
    public bool IsOpen { get; set; }

    public int Generation { get; set; }

    /// <summary>The meeting that it came of; null where one side dialled the other.</summary>
    public Meeting? Meeting { get; set; }

    /// <summary>The moment at which the bucket of restarts would be full again.</summary>
    public Instant RestartsFullAt { get; set; }

    /// <summary>The networks that the current generation punches between; null when they are not known.</summary>
    public NetworkPair? Networks { get; set; }

    /// <summary>Whether what the current generation came to is settled.</summary>
    public bool IsSettled { get; set; }

    /// <summary>What the last settled generation came to.</summary>
    public PunchOutcome? LastOutcome { get; set; }

    /// <summary>The side of a connection that holds the session.</summary>
    public SessionSide SideOf(ServerConnection connection) => First.Connection == connection ? First : Second;

    public SessionSide Other(SessionSide side) => side == First ? Second : First;
}

/// <summary>One side of a session.</summary>
internal sealed class SessionSide(PeerId peer)
{
    private int _candidates;
    private int _guided;
    private LocalCandidateCount _local;

    public PeerId Peer { get; } = peer;

    /// <summary>The connection; null while that side is away.</summary>
    public ServerConnection? Connection { get; set; }

    /// <summary>The number of the message that told this side about the session: what the client says it has seen is compared with it.</summary>
    public long ToldAt { get; set; }

    /// <summary>What this side says the current generation came to; null before it says anything.</summary>
    public PunchOutcome? Outcome { get; set; }

    /// <summary>A generation begins with these candidates, handed to the other side.</summary>
    public void BeginCandidates(ImmutableArray<CandidateInfo> candidates)
    {
        (_candidates, _guided, _local) = (0, 0, default);
        foreach (var candidate in candidates) TryTakeCandidate(candidate);
    }

    /// <summary>Counts one more candidate for the other side.</summary>
    /// <returns>False when it had as many as one generation allows.</returns>
    public bool TryTakeCandidate(CandidateInfo candidate)
    {
        if (candidate.Purpose != CandidatePurpose.Check) return _guided < RendezvousLimits.MaxGuidedCandidates && ++_guided > 0;
        if (_candidates == RendezvousLimits.MaxCandidates || (CandidateRules.IsLocal(candidate) && !_local.TryTake(candidate))) return false;
        _candidates++;
        return true;
    }
}
