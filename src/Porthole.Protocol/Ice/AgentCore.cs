using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>What the parts of an agent share, and the steps that concern more than one of them.</summary>
internal sealed class AgentCore
{
    // A failed pair is checked again after 1, 2, 4 … s, while no UDP pair works and the agent's time is not over.
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(1);
    private const int MaxRetryDoublings = 4;

    private readonly Queue<IceEvent> _events = new();
    private RoleStrategy _role;
    private bool _isHeldOver;

    public AgentCore(IceOptions options, IceRole role, IceCredentials local, EntropySource entropy)
    {
        (Options, Entropy) = (options, entropy);
        Messages = new CheckMessage(local);
        // Each connection may show an address of its own on top of its base.
        Locals = new CandidateSet(options.MaxCandidates, 2 * IceOptions.ConnectionLimit);
        Remotes = new CandidateSet(options.MaxCandidates, options.MaxCandidates);
        Checklist = new Checklist(options.MaxPairs);
        Scheduler = new CheckScheduler(options, Checklist);
        Valid = new ValidList(this);
        _role = RoleStrategy.Create(role, this);
        TieBreaker = entropy.NextUInt64();
    }

    public IceOptions Options { get; }

    public EntropySource Entropy { get; }

    public CheckMessage Messages { get; }

    public CandidateSet Locals { get; }

    public CandidateSet Remotes { get; }

    public SilentSockets Silent { get; } = new();

    public Checklist Checklist { get; }

    public CheckScheduler Scheduler { get; }

    public OpenChecks Open { get; } = new();

    public ValidList Valid { get; }

    public AnswerQueue Answers { get; } = new();

    public RoleStrategy Role => _role;

    /// <summary>Decides role conflicts (RFC 8445 section 7.3.1.1).</summary>
    public ulong TieBreaker { get; private set; }

    public IceState State { get; private set; }

    public CandidatePair? Selected { get; private set; }

    /// <summary>Whether the other agent has no more candidates (RFC 8838 section 14).</summary>
    public bool RemoteIsComplete { get; set; }

    /// <summary>Whether a check was written that no answer is awaited to; one may come all the same.</summary>
    public bool HasProbed { get; set; }

    /// <summary>When the agent gives up; null before the start.</summary>
    public Instant? GiveUpAt { get; private set; }

    /// <summary>Whether something else than checks may still bring a pair, so that the agent does not give up.</summary>
    public bool HoldOpen { get; set; }

    /// <summary>When <see cref="GiveUp"/> is due; null while it is held off.</summary>
    public Instant? GiveUpDue => HoldOpen && _isHeldOver ? null : GiveUpAt;

    /// <summary>
    /// Whether other pairs are no longer worth every effort: one is nominated, and UDP works. A TCP pair alone leaves much to be wished for.
    /// </summary>
    public bool IsCurbed => Selected is not null && Valid.HasUdp;

    /// <summary>Whether checks may be sent: started, not failed, and the other agent's password is known.</summary>
    public bool CanCheck => State is not (IceState.New or IceState.Failed) && Messages.Remote is not null;

    public void Start(Instant now)
    {
        if (State != IceState.New) return;
        GiveUpAt = now + Options.CheckingTimeout;
        SetState(IceState.Checking);
    }

    /// <summary>Finds what a socket's checks are sent from: one of the local candidates, or a silent socket.</summary>
    public bool TryFindSender(SocketId socket, [NotNullWhen(true)] out Candidate? sender) =>
        Locals.TryFindSender(socket, out sender) || Silent.TryFind(socket, out sender);

    /// <summary>Adds the pair of two candidates, or finds it.</summary>
    /// <param name="local">The local candidate.</param>
    /// <param name="remote">The remote candidate.</param>
    /// <param name="vouched">Whether an authenticated check came over it.</param>
    /// <returns>Null when they cannot be a pair, or there is no room.</returns>
    public CandidatePair? AddPair(Candidate local, Candidate remote, bool vouched)
    {
        if (!Checklist.CanPair(local, remote)) return null;
        ulong priority = _role.PairPriority(local, remote);
        if (Checklist.Find(local.Socket, remote.Address) is { } known)
        {
            // Two local candidates with one base make one pair, the better one's (RFC 8445 section 6.1.2.4).
            if (local.Priority > known.Local.Priority) Replace(known, local, known.Remote);
            return known;
        }

        var pair = new CandidatePair(local, remote, priority);
        if (!Checklist.TryAdd(pair, vouched, out var removed)) return null;
        if (removed is not null) Drop(removed);
        return pair;
    }

    /// <summary>Adds the pair that a TCP connection is (RFC 6544 section 7).</summary>
    /// <returns>Null when it is known, or there is no room.</returns>
    public CandidatePair? AddConnection(SocketId socket, TransportAddress localAddress, TransportAddress remoteAddress, TcpCandidateType type)
    {
        if (TryFindSender(socket, out _) || CountConnections() == IceOptions.ConnectionLimit) return null;
        var local = Candidate.Connection(socket, localAddress, type);
        if (!local.IsReachable || !Locals.TryAdd(local)) return null;
        var remoteType = type == TcpCandidateType.Passive ? TcpCandidateType.Active : TcpCandidateType.SimultaneousOpen;
        if (!Remotes.TryFind(Transports.Tcp, default, remoteAddress, out var remote))
        {
            // RFC 8445 section 7.3.1.3. What it is worth the other agent's check will say.
            uint priority = CandidatePriority.ComputeTcp(CandidateType.PeerReflexive, remoteType);
            remote = Candidate.Remote(CandidateType.PeerReflexive, remoteAddress, priority, string.Empty, remoteType);
        }

        var pair = new CandidatePair(local, remote, _role.PairPriority(local, remote));
        if (!Checklist.TryAdd(pair, vouched: true, out var removed))
        {
            Locals.RemoveSocket(socket);
            return null;
        }

        if (removed is not null) Drop(removed);
        return pair;
    }

    /// <summary>Takes the priority that a check on a connection gives its sender, unless signalling has said it.</summary>
    public void TakePriority(CandidatePair pair, uint priority)
    {
        if (pair.Remote.Type != CandidateType.PeerReflexive || pair.Remote.Priority == priority) return;
        Replace(pair, pair.Local, pair.Remote with { Priority = priority });
    }

    public void Replace(CandidatePair pair, Candidate local, Candidate remote)
    {
        pair.Replace(local, remote, _role.PairPriority(local, remote));
        Checklist.Sort();
    }

    /// <summary>Removes everything known of a pair.</summary>
    public void Forget(CandidatePair pair)
    {
        Scheduler.Forget(pair);
        Open.RemoveAll(pair);
        pair.OpenCheck = null;
        Checklist.Remove(pair);
    }

    /// <summary>Starts the next check of a pair.</summary>
    public ConnectivityCheck BeginCheck(CandidatePair pair, CheckPurpose purpose)
    {
        // RFC 8445 section 14.3: RTO = max(RTO, Ta * N), N being the checks that are under way or wait to be.
        var paced = Options.Pacing * Checklist.CountActive();
        var check = new ConnectivityCheck
        {
            Id = TransactionId.Create(Entropy),
            Pair = pair,
            Purpose = purpose,
            Role = _role.Role,
            TieBreaker = TieBreaker,
            Timeout = paced > Options.RetransmissionTimeout ? paced : Options.RetransmissionTimeout,
        };
        Open.Add(check);
        if (purpose == CheckPurpose.Consent) return check;
        pair.OpenCheck = check;
        if (purpose == CheckPurpose.Connectivity) pair.State = PairState.InProgress;
        return check;
    }

    /// <summary>Queues a triggered check, in the place of the one that may be under way (RFC 8445 section 7.3.1.4).</summary>
    public void Recheck(Instant now, CandidatePair pair)
    {
        if (!pair.HasBudget || pair.State == PairState.Succeeded) return;
        pair.OpenCheck?.Cancel(now);
        pair.OpenCheck = null;
        pair.State = PairState.Waiting;
        Scheduler.Trigger(pair);
    }

    /// <summary>A check was answered: both directions work (RFC 8445 section 7.2.5.3).</summary>
    public void HandleValid(Instant now, ConnectivityCheck check, Candidate validLocal)
    {
        var pair = check.Pair;
        Open.Remove(check);
        if (check.RoundTrip(now) is { } roundTrip) pair.RoundTrip = roundTrip;
        if (pair.Consent is not null) pair.Consent.HandleAnswer(now);
        // A late answer to a consent check says that the pair works, but nobody keeps it any more.
        else if (check.Purpose == CheckPurpose.Consent) return;

        if (pair.OpenCheck == check) pair.OpenCheck = null;
        if (pair.State != PairState.Succeeded)
        {
            pair.OpenCheck?.Cancel(now);
            pair.OpenCheck = null;
            Scheduler.Forget(pair);
            pair.State = PairState.Succeeded;
            pair.ValidLocal = validLocal;
            pair.Failures = 0;
            pair.AllowNomination();
            Valid.Add(now, pair, must: false);
            if (State == IceState.Checking && Valid.Pairs.Count > 0) SetState(IceState.Connected);
            if (IsCurbed) Open.Curb(now);
        }

        _role.HandleAnswered(now, check);
    }

    /// <summary>A check was refused, or not answered in time, or answered from elsewhere.</summary>
    public void HandleFailed(Instant now, ConnectivityCheck check, CheckStep step)
    {
        var pair = check.Pair;
        Open.Remove(check);
        if (pair.OpenCheck != check) return;
        pair.OpenCheck = null;
        Trace(step, pair, check.Transmissions);
        if (check.Purpose == CheckPurpose.Nomination)
        {
            Lose(now, pair);
            _role.HandleNominationFailed(now, pair);
        }

        if (pair.Transport == Transports.Tcp)
        {
            // What TCP did not carry in time it will not carry better the next time.
            pair.State = PairState.Failed;
            Report(new IceEvent.ConnectionFailed(pair));
            return;
        }

        pair.State = PairState.Failed;
        pair.RetryAt = Valid.HasUdp ? Instant.Never : now + s_firstRetry * (1 << Math.Min(pair.Failures, MaxRetryDoublings));
        pair.Failures++;
    }

    /// <summary>
    /// Takes the other role (RFC 8445 sections 7.2.5.1, 7.3.1.1). Checks that claimed the old one are sent anew, since they would be refused.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="refused">Whether a 487 told so; then the tie-breaker changes too (RFC 8445 section 7.1.3).</param>
    public void SwitchRole(Instant now, bool refused)
    {
        if (refused) TieBreaker = Entropy.NextUInt64();
        _role = RoleStrategy.Create(_role.Role == IceRole.Controlling ? IceRole.Controlled : IceRole.Controlling, this);
        foreach (var pair in Checklist.Pairs)
        {
            pair.Priority = _role.PairPriority(pair.Local, pair.Remote);
            if (pair.State == PairState.InProgress) Recheck(now, pair);
            if (pair.State != PairState.Succeeded) continue;
            pair.OpenCheck?.Cancel(now);
            pair.OpenCheck = null;
            Scheduler.Forget(pair);
        }

        Checklist.Sort();
        _role.HandleDeadline(now);
    }

    /// <summary>
    /// A valid pair is nominated. Of several, which an agent after RFC 5245 may nominate, the one with the highest priority counts.
    /// </summary>
    public void Select(Instant now, CandidatePair pair)
    {
        if (Selected is { } before)
        {
            if (before == pair || before.Priority >= pair.Priority) return;
            before.IsNominated = false;
        }

        pair.IsNominated = true;
        Valid.Add(now, pair, must: true);
        Selected = pair;
        Report(new IceEvent.PairSelected(pair));
        if (!Options.KeepValidPairs) Conclude(pair);
        else if (IsCurbed) Open.Curb(now);
        SetState(IceState.Completed);
    }

    /// <summary>
    /// Consent for a pair is over. Without any valid pair the agent tries on, if it is held open, or has time left and never completed; else it has failed.
    /// </summary>
    public void Lose(Instant now, CandidatePair pair)
    {
        Scheduler.Forget(pair);
        pair.OpenCheck?.Cancel(now);
        pair.OpenCheck = null;
        Valid.Lose(pair);
        if (Selected == pair) Selected = null;
        _role.HandleNominationFailed(now, pair); // done or under way: another may be nominated, should the agent go on
        if (Valid.Pairs.Count > 0 || State is not (IceState.Connected or IceState.Completed)) return;
        if (!HoldOpen && (State == IceState.Completed || !(now < GiveUpAt)))
        {
            Fail();
            return;
        }

        GiveUpAt ??= now; // the time was over when there still was a pair
        SetState(IceState.Checking);
    }

    /// <summary>The time for checking is over.</summary>
    public void GiveUp()
    {
        if (Valid.Pairs.Count == 0 && !HoldOpen)
        {
            Fail();
            return;
        }

        Scheduler.StopOrdinary();
        if (Valid.Pairs.Count > 0) GiveUpAt = null;
        else _isHeldOver = true;
    }

    public void Report(IceEvent iceEvent) => _events.Enqueue(iceEvent);

    public void Trace(CheckStep step, CandidatePair pair, int attempt) => Trace(step, pair.Socket, pair.Local.Base, pair.RemoteAddress, attempt);

    public void Trace(CheckStep step, SocketId socket, TransportAddress local, TransportAddress remote, int attempt)
    {
        if (Options.TraceChecks) Report(new IceEvent.CheckTraced(step, socket, local, remote, attempt));
    }

    public bool TryTakeEvent([NotNullWhen(true)] out IceEvent? iceEvent) => _events.TryDequeue(out iceEvent);

    /// <summary>Gives up a pair for others. Nobody else knows of a connection that is still asked who is there: its owner is told to close it.</summary>
    private void Drop(CandidatePair pair)
    {
        Forget(pair);
        if (pair.Transport == Transports.Tcp && pair.State is PairState.Waiting or PairState.InProgress) Report(new IceEvent.ConnectionFailed(pair));
    }

    private int CountConnections()
    {
        int count = 0;
        foreach (var pair in Checklist.Pairs)
        {
            if (pair.Transport == Transports.Tcp) count++;
        }

        return count;
    }

    // RFC 8445 section 8.1.2: the other pairs are dropped, and what is under way for them.
    private void Conclude(CandidatePair selected)
    {
        Valid.KeepOnly(selected);
        for (int i = Checklist.Pairs.Count - 1; i >= 0; i--)
        {
            if (Checklist.Pairs[i] != selected) Drop(Checklist.Pairs[i]);
        }
    }

    private void Fail()
    {
        Open.Clear();
        Answers.Clear();
        Valid.Clear();
        GiveUpAt = null;
        SetState(IceState.Failed);
    }

    private void SetState(IceState state)
    {
        if (State == state) return;
        State = state;
        Report(new IceEvent.StateChanged(state));
    }
}
