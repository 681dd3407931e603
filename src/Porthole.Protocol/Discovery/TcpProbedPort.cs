using System.Collections.Immutable;

namespace Porthole.Protocol.Discovery;

/// <summary>One punching port under probe: its questions, and what was found.</summary>
/// <param name="listener">The listener on the port.</param>
/// <param name="local">The port's address.</param>
internal sealed class TcpProbedPort(SocketId listener, TransportAddress local)
{
    private readonly Dictionary<TransportAddress, ServerUse> _uses = [];
    private Instant _startedAt;
    private Instant? _heardAt;
    private int _keptRank;

    public SocketId Listener { get; } = listener;

    public TransportAddress Local { get; } = local;

    /// <summary>The questions of the round that runs, or ran last, in the order of their SYNs; and what else is open.</summary>
    public List<TcpQuestion> Questions { get; } = [];

    /// <summary>Whether one connection is to stay open, so that the mapping lives.</summary>
    public bool IsHolding { get; set; }

    /// <summary>The last question over the connection that stays open.</summary>
    public TcpQuestion? Held { get; set; }

    /// <summary>What the report says of the port: the answers of the last round that brought some.</summary>
    public ImmutableArray<NatObservation> Found { get; private set; } = [];

    /// <summary>What fresh ports showed after that round.</summary>
    public ImmutableArray<NatObservation> FoundFresh { get; private set; } = [];

    /// <summary>Whether some questions of the round are open.</summary>
    public bool IsRoundOpen { get; private set; }

    /// <summary>Whether the round that ran last brought nothing, or the one that runs has not in time.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>How many rounds in a row were only repeated because the one before brought no mapping.</summary>
    public int SilentRounds { get; private set; }

    /// <summary>Whether any answer came, a refusal by STUN too: TCP passes.</summary>
    public bool WasHeard { get; private set; }

    /// <summary>The sample that is under way, if there is one.</summary>
    public TcpQuestion? Sample => Questions.Find(static question => question is { Purpose: TcpQuestionPurpose.Sample, HasEnded: false });

    /// <summary>Whether fresh ports are asked from.</summary>
    public bool IsAskingFresh => Questions.Exists(static question => question is { Purpose: TcpQuestionPurpose.FreshPort, HasEnded: false });

    /// <summary>Whether all that can be found out was.</summary>
    public bool IsDecided { get; private set; }

    /// <summary>When a fresh proof is needed, or the mapping, or a silent round is to be repeated.</summary>
    public Instant? RefreshAt { get; set; }

    /// <summary>What is registered: the first in the servers' order that was answered, with its newest proof.</summary>
    public LocalMapping? Kept { get; private set; }

    /// <summary>The lowest public port that was seen since the round began.</summary>
    public ushort LowestPort { get; private set; }

    public ushort HighestPort { get; private set; }

    /// <summary>How the NAT maps, as far as the round shows.</summary>
    public NatMapping Mapping => NatClassifier.JudgeMapping(Found);

    /// <summary>Whether every connection has another public port: then no answer foretells the next but by allocation.</summary>
    public bool IsDependent => Mapping is NatMapping.AddressDependent or NatMapping.AddressAndPortDependent;

    /// <summary>How ports are chosen. Fresh ports speak where the punching port's own connections were too few; what it got itself counts more.</summary>
    public (NatAllocation Allocation, int Step) Allocation =>
        NatClassifier.JudgeAllocation(Found) is var own && own.Allocation != NatAllocation.Unknown ? own : NatClassifier.JudgeAllocation(FoundFresh);

    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Earlier(RefreshAt, RoundDeadline);
            foreach (var question in Questions)
            {
                if (!question.HasEnded) next = Instant.Earlier(next, question.GiveUpAt);
            }

            return next;
        }
    }

    /// <summary>Begins a round; its questions follow by <see cref="Add"/>.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="isAnew">Whether what was known may be wrong; false when a silent network is only asked again.</param>
    public void StartRound(Instant now, bool isAnew)
    {
        Questions.Clear();
        (_startedAt, _heardAt, _keptRank, IsRoundOpen, RefreshAt) = (now, null, int.MaxValue, true, null);
        (LowestPort, HighestPort, FoundFresh) = (0, 0, []);
        SilentRounds = isAnew ? 0 : SilentRounds + 1;
        if (isAnew) (IsDecided, IsSilent) = (false, false);
    }

    public void Add(TcpQuestion question)
    {
        Questions.RemoveAll(static old => old is { HasEnded: true, Purpose: not TcpQuestionPurpose.Round });
        Questions.Add(question);
    }

    /// <summary>Takes what a server saw.</summary>
    /// <returns>False when the mapping is another than before and should not be: the NAT, or the way to it, has changed.</returns>
    public bool HandleMapped(Instant now, TcpQuestion question, ReadOnlySpan<byte> proof)
    {
        HandleHeard(now);
        Widen(question.Mapped.Port);
        switch (question.Purpose)
        {
            case TcpQuestionPurpose.FreshPort:
                FoundFresh = FoundFresh.Add(question.Observe());
                return true;
            case TcpQuestionPurpose.Round:
                int rank = Questions.IndexOf(question);
                if (rank > _keptRank) return true;
                _keptRank = rank;
                Keep(question, proof);
                return true;
            case TcpQuestionPurpose.Sample or TcpQuestionPurpose.Refresh:
                if (question.Mapped == Kept?.Mapped || (IsDependent && question.Purpose == TcpQuestionPurpose.Refresh)) Keep(question, proof);
                return question.Mapped == Kept?.Mapped || IsDependent || IsRoundOpen;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>Takes that a server said something: TCP passes.</summary>
    public void HandleHeard(Instant now) => (_heardAt, WasHeard, IsSilent) = (_heardAt ?? now, true, false);

    /// <summary>Takes over what this round has brought so far.</summary>
    public void TakeFindings()
    {
        var answered = Questions.Where(static question => question is { Purpose: TcpQuestionPurpose.Round, IsAnswered: true }).ToList();
        if (answered.Count == 0) return;
        Found = [.. answered.Select(static question => question.Observe())];
        if (Kept is not null) Kept = Kept with { Mapping = Mapping };
    }

    /// <summary>Takes the end of the time that the round has for its first answer: it may go on, but nobody waits for it.</summary>
    public void HandleRoundDeadline(Instant now)
    {
        if (_heardAt is null && RoundDeadline <= now) ForgetMapping();
    }

    /// <summary>A question that is to be given up: its time is over, or that of a round in which others were answered.</summary>
    public TcpQuestion? FindLate(Instant now)
    {
        bool isRoundLate = _heardAt is not null && RoundDeadline <= now;
        return Questions.Find(question => !question.HasEnded && (question.GiveUpAt <= now || (isRoundLate && question.Purpose == TcpQuestionPurpose.Round)));
    }

    /// <summary>Ends the round when its last question has ended.</summary>
    /// <returns>False when it goes on, or had ended before.</returns>
    public bool TryEndRound()
    {
        if (!IsRoundOpen || Questions.Exists(static question => question is { Purpose: TcpQuestionPurpose.Round, HasEnded: false })) return false;
        IsRoundOpen = false;
        if (_keptRank == int.MaxValue) ForgetMapping();
        TakeFindings();
        return true;
    }

    /// <summary>Decides, when all that the round asks has ended.</summary>
    public void TryDecide() => IsDecided |= !IsRoundOpen && !IsAskingFresh;

    /// <summary>Remembers that a connection went from this port to a server: it may have left a mapping.</summary>
    public void NoteUse(TransportAddress server, int order) => _uses[server] = new ServerUse(order, HasFailed: false);

    public void NoteFailure(TransportAddress server)
    {
        if (_uses.TryGetValue(server, out var use)) _uses[server] = use with { HasFailed = true };
    }

    /// <summary>Whether a connection from this port to a server is open or on its way: there can be only one.</summary>
    public bool IsConnectedTo(TransportAddress server) =>
        Held?.Server == server || Questions.Exists(question => !question.HasEnded && question.Purpose != TcpQuestionPurpose.FreshPort && question.Server == server);

    /// <summary>The server whose mapping is surely new: one that was never asked from this port, or longest ago; one that failed only as a last resort.</summary>
    public TransportAddress? LeastUsed(ImmutableArray<TransportAddress> servers, bool withFailed)
    {
        TransportAddress? best = null;
        var least = new ServerUse(int.MaxValue, HasFailed: true);
        foreach (var server in servers)
        {
            if (IsConnectedTo(server) || !ProbeMessage.CanReach(Local, server)) continue;
            var use = _uses.GetValueOrDefault(server, new ServerUse(-1, HasFailed: false));
            if (use.HasFailed && !withFailed) continue;
            if (best is not null && (use.HasFailed, use.Order).CompareTo((least.HasFailed, least.Order)) >= 0) continue;
            (best, least) = (server, use);
        }

        return best;
    }

    /// <summary>When the round is to be hurried on; null when its questions are given up by themselves.</summary>
    private Instant? RoundDeadline
    {
        get
        {
            if (!IsRoundOpen || IsSilent) return null;
            var patienceEnds = _startedAt + TcpNatProbe.Patience;
            return _heardAt is { } heard ? Instant.Max(patienceEnds, heard + NatProbeOptions.SettleTime) : patienceEnds;
        }
    }

    /// <summary>Nobody says what the mapping is.</summary>
    private void ForgetMapping()
    {
        WasHeard = _heardAt is not null;
        IsSilent = !WasHeard && Questions.Exists(static question => question.Purpose == TcpQuestionPurpose.Round);
        (Found, FoundFresh, Kept) = ([], [], null);
    }

    private void Keep(TcpQuestion question, ReadOnlySpan<byte> proof)
    {
        Kept = new LocalMapping(Listener, Local, question.Mapped, question.Server, proof.ToArray(), Mapping, question.RoundTripTime);
        SilentRounds = 0;
    }

    private void Widen(ushort port)
    {
        LowestPort = LowestPort == 0 ? port : Math.Min(LowestPort, port);
        HighestPort = Math.Max(HighestPort, port);
    }

    private readonly record struct ServerUse(int Order, bool HasFailed);
}
