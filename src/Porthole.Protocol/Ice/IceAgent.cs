using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>
/// A full ICE agent (RFC 8445) for one component, with trickled candidates (RFC 8838) and consent (RFC 7675). It finds address pairs over which both
/// directions work. A restart is a new agent with new credentials.
/// </summary>
/// <remarks>
/// The rules of <see cref="IProtocolMachine"/> hold: one input, then drain <see cref="TryWrite"/> and <see cref="TryTakeEvent"/>. Packets go to
/// candidates that were given and to sources of authenticated checks, to nobody else, and no more than <see cref="IceOptions.CheckLimit"/> of them. Where the checks of <see cref="WriteProbe"/> go is the owner's business.
/// </remarks>
public sealed class IceAgent
{
    private readonly AgentCore _core;
    private readonly IncomingChecks _checks;
    private readonly CheckAnswers _answers;

    /// <summary>Creates an agent that is not started.</summary>
    /// <param name="options">The numbers it works by.</param>
    /// <param name="role">The role it begins with; a conflict may change it.</param>
    /// <param name="local">Its own credentials.</param>
    /// <param name="entropy">For transaction ids, the tie-breaker and the spread of consent checks.</param>
    public IceAgent(IceOptions options, IceRole role, IceCredentials local, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(entropy);
        _core = new AgentCore(options, role, local, entropy);
        _checks = new IncomingChecks(_core);
        _answers = new CheckAnswers(_core);
    }

    /// <summary>How far the agent is.</summary>
    public IceState State => _core.State;

    /// <summary>The present role.</summary>
    public IceRole Role => _core.Role.Role;

    /// <summary>The nominated pair; null before nomination and after its consent was lost.</summary>
    public CandidatePair? Selected => _core.Selected;

    /// <summary>The valid pairs that consent is kept on, at most <see cref="IceOptions.KeptPairs"/>.</summary>
    public IReadOnlyList<CandidatePair> ValidPairs => _core.Valid.Pairs;

    /// <summary>All pairs, in the order in which they are checked.</summary>
    public IReadOnlyList<CandidatePair> Pairs => _core.Checklist.Pairs;

    /// <summary>The local candidates: those given, and those that the other agent's answers showed.</summary>
    public IReadOnlyList<Candidate> LocalCandidates => _core.Locals.All;

    /// <summary>The remote candidates: those given, and those that authenticated checks showed.</summary>
    public IReadOnlyList<Candidate> RemoteCandidates => _core.Remotes.All;

    /// <summary>The agent's own credentials.</summary>
    public IceCredentials LocalCredentials => _core.Messages.Local;

    /// <summary>How many requests were sent, consent aside.</summary>
    public int ChecksSent => _core.Scheduler.ChecksSent;

    /// <summary>
    /// Whether something else may still bring a pair, such as attempts to connect by TCP: while it is true the agent does not fail for lack of one, whatever
    /// the <see cref="IceOptions.CheckingTimeout"/>. When it becomes false after that time, the next <see cref="HandleDeadline"/> ends it.
    /// </summary>
    public bool HoldOpen
    {
        get => _core.HoldOpen;
        set => _core.HoldOpen = value;
    }

    /// <summary>
    /// Whether the agent begins no checks of its own and waits for the other's: behind a NAT that lets anybody in but maps every destination anew, a first
    /// packet of its own only shows the other agent an address that nobody told it. Triggered checks, answers, nomination and consent go out all the same.
    /// </summary>
    public bool IsSilent
    {
        get => _core.Scheduler.IsSilent;
        set => _core.Scheduler.IsSilent = value;
    }

    /// <summary>When to call <see cref="HandleDeadline"/> if nothing arrives first; null when only input can wake the agent.</summary>
    public Instant? NextDeadline
    {
        get
        {
            if (!_core.CanCheck) return _core.GiveUpDue;
            var next = Instant.Earlier(_core.GiveUpDue, _core.Open.NextDeadline);
            next = Instant.Earlier(next, _core.Scheduler.NextDeadline);
            next = Instant.Earlier(next, _core.Role.NextDeadline);
            return Instant.Earlier(next, _core.Valid.NextDeadline);
        }
    }

    /// <summary>Adds a local UDP candidate, at any time.</summary>
    /// <returns>False when it is for TCP, known, cannot be reached, or there are <see cref="IceOptions.MaxCandidates"/>.</returns>
    public bool AddLocalCandidate(Instant now, Candidate candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        if (State == IceState.Failed || candidate.Tcp is not null || !_core.Locals.TryAdd(candidate)) return false;
        _core.Silent.Remove(candidate.Socket);
        if (IsConcluded) return true;
        foreach (var remote in _core.Remotes.All) _core.AddPair(candidate, remote, vouched: false);
        return true;
    }

    /// <summary>
    /// Adds a socket that no pairs are formed for. An authentic check of the other agent that comes to it makes a pair, which from then on is like any other.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The socket; not one of a candidate.</param>
    /// <param name="local">The address it is bound to.</param>
    /// <returns>False when it is known, cannot be reached, the agent has failed, or there are <see cref="IceOptions.SilentSocketLimit"/>.</returns>
    public bool AddSilentSocket(Instant now, SocketId socket, TransportAddress local)
    {
        if (State == IceState.Failed || _core.TryFindSender(socket, out _)) return false;
        var candidate = Candidate.Host(socket, local);
        return candidate.IsReachable && _core.Silent.TryAdd(candidate);
    }

    /// <summary>Says the other agent's credentials. Once: other credentials are another agent.</summary>
    public void SetRemoteCredentials(Instant now, IceCredentials credentials)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        if (_core.Messages.Remote is not null) return;
        _core.Messages.SetRemote(credentials);
        _checks.ProcessEarly(now);
    }

    /// <summary>
    /// Adds a remote candidate, at any time (RFC 8838 section 11). One for TCP is only known then: a pair comes of it when a connection does.
    /// </summary>
    /// <returns>False when it is known, cannot be reached, or there are <see cref="IceOptions.MaxCandidates"/>.</returns>
    public bool AddRemoteCandidate(Instant now, Candidate candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        if (State == IceState.Failed) return false;
        candidate = candidate with { Socket = default };
        if (_core.Remotes.TryFind(candidate.Transport, default, candidate.Address, out var known)) return TakeSignalled(known, candidate);
        if (!_core.Remotes.TryAdd(candidate)) return false;
        if (IsConcluded) return true;
        foreach (var local in _core.Locals.All) _core.AddPair(local, candidate, vouched: false);
        return true;
    }

    /// <summary>
    /// Adds a TCP connection that was made from here (RFC 6544 section 7): it is a pair, checked at once and once only. The check's credentials tell whose
    /// connection it is; ports say nothing behind NATs.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The connection; its messages are framed as RFC 4571 says.</param>
    /// <param name="local">Its local address.</param>
    /// <param name="remote">Its remote address.</param>
    /// <returns>False when it is of no use: the agent has failed or is done, or there are <see cref="IceOptions.ConnectionLimit"/>.</returns>
    public bool AddConnection(Instant now, SocketId socket, TransportAddress local, TransportAddress remote)
    {
        if (State == IceState.Failed || IsConcluded) return false;
        if (_core.AddConnection(socket, local, remote, TcpCandidateType.SimultaneousOpen) is not { } pair) return false;
        _core.Scheduler.Trigger(pair);
        return true;
    }

    /// <summary>
    /// Takes the first message of a connection that a listener accepted. If it is a genuine check of the other agent the connection is a pair from now on;
    /// else nothing happened, and nothing is sent: to a stranger there is nobody here.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The connection.</param>
    /// <param name="local">Its local address.</param>
    /// <param name="remote">Its remote address.</param>
    /// <param name="message">The message.</param>
    /// <returns>Whether the connection is this agent's.</returns>
    public bool TryAccept(Instant now, SocketId socket, TransportAddress local, TransportAddress remote, ReadOnlySpan<byte> message)
    {
        if (State == IceState.Failed || IsConcluded) return false;
        if (!StunReader.TryParse(message, out var check) || check.Method != StunMethod.Binding || check.Class != StunClass.Request) return false;
        if (!_core.Messages.IsForUs(check, out _) || !_core.Messages.IsAuthentic(check)) return false;
        if (_core.AddConnection(socket, local, remote, TcpCandidateType.Passive) is null) return false;
        _checks.Handle(now, socket, remote, check);
        return true;
    }

    /// <summary>Says that no more remote candidates follow (RFC 8838 section 14): a controlling agent need not wait for better ones.</summary>
    public void EndOfRemoteCandidates(Instant now)
    {
        _core.RemoteIsComplete = true;
        _core.Role.HandleDeadline(now);
    }

    /// <summary>From now on checks may be sent. Until then the other agent's are answered all the same.</summary>
    public void Start(Instant now)
    {
        _core.Start(now);
        _checks.ProcessEarly(now);
    }

    /// <summary>Says which of the <see cref="ValidPairs"/> the owner uses: it is not released while it works.</summary>
    public void Use(CandidatePair pair)
    {
        ArgumentNullException.ThrowIfNull(pair);
        if (pair.Consent is not null) _core.Valid.InUse = pair;
    }

    /// <summary>
    /// Says whether the valid pairs carry anything. While they do not, consent is asked for only as often as the NATs on the way must see something; it never ends for that.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="pause">The pause in the mean, up to <see cref="IceOptions.LongestIdlePause"/>; null when the pairs are in use.</param>
    public void SetIdle(Instant now, TimeSpan? pause)
    {
        if (pause > IceOptions.LongestIdlePause) throw new ArgumentOutOfRangeException(nameof(pause), pause, $"At most {IceOptions.LongestIdlePause.TotalSeconds} s.");
        _core.Valid.SetIdle(now, pause);
    }

    /// <summary>Takes a datagram.</summary>
    /// <returns>True when it was this agent's: a check that names it, or the answer to one of its own. Otherwise it is somebody else's and nothing
    /// happened.</returns>
    public bool HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (!StunReader.TryParse(datagram, out var message) || message.Method != StunMethod.Binding) return false;
        return message.Class switch
        {
            StunClass.Request => _checks.Handle(now, socket, remote, message),
            StunClass.SuccessResponse or StunClass.ErrorResponse => _answers.Handle(now, socket, remote, message),
            // A keepalive (RFC 8445 section 11): there to be seen by the NATs on its way.
            StunClass.Indication => IsKeepalive(socket, remote),
        };
    }

    /// <summary>A local address, or a connection, is gone: its candidates, its pairs and what was sent from it. Consent for its valid pairs is lost.</summary>
    public void RemoveSocket(Instant now, SocketId socket)
    {
        _core.Locals.RemoveSocket(socket);
        _core.Silent.Remove(socket);
        for (int i = _core.Checklist.Pairs.Count - 1; i >= 0; i--)
        {
            var pair = _core.Checklist.Pairs[i];
            if (pair.Socket != socket) continue;
            _core.Lose(now, pair);
            _core.Forget(pair);
        }
    }

    /// <summary>Takes the passing of time. A call that comes too early, or for nothing, does nothing.</summary>
    public void HandleDeadline(Instant now)
    {
        while (_core.Open.TryTakeExpired(now, out var check)) _core.HandleFailed(now, check, CheckStep.Failed);
        while (_core.Valid.TryFindExpired(now, out var pair)) _core.Lose(now, pair);
        _core.Role.HandleDeadline(now);
        if (_core.GiveUpDue <= now) _core.GiveUp();
    }

    /// <summary>Writes the next datagram: answers first, then checks that are sent again, new ones, and consent.</summary>
    /// <returns>False when there is nothing to send; the writer is then untouched.</returns>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!writer.TryReserve(CheckMessage.MaxSize, out var buffer)) return false;
        if (_core.Answers.TryTake(out var answer))
        {
            writer.Begin(answer.Socket, answer.Remote);
            writer.Commit(_core.Messages.WriteAnswer(buffer, answer));
            return true;
        }

        if (!_core.CanCheck || NextCheck(now) is not { } check) return false;
        check.HandleSent(now, _core.Options, _core.IsCurbed);
        writer.Begin(check.Pair.Socket, check.Pair.RemoteAddress);
        writer.Commit(_core.Messages.WriteRequest(buffer, check));
        _core.Trace(CheckStep.Sent, check.Pair, check.Transmissions);
        return true;
    }

    /// <summary>
    /// Writes one check that nobody waits for an answer to, for the owner to send where it wants, as a guess or to open a NAT. Whoever it was meant for answers
    /// it and sends a check of its own, which makes the pair; its answer is taken and means nothing. The owner keeps the budget of such checks.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="destination">Room for <see cref="IceOptions.ProbeLimit"/> bytes.</param>
    /// <returns>Its length, at most <see cref="IceOptions.ProbeLimit"/>; 0 without remote credentials, with some that are too long for that, or when the agent has failed.</returns>
    public int WriteProbe(Instant now, Span<byte> destination)
    {
        if (State == IceState.Failed || _core.Messages.Remote is null) return 0;
        int length = _core.Messages.WriteProbe(destination, TransactionId.Create(_core.Entropy), Role, _core.TieBreaker);
        _core.HasProbed |= length > 0;
        return length;
    }

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out IceEvent? iceEvent) => _core.TryTakeEvent(out iceEvent);

    private bool IsConcluded => _core.State == IceState.Completed && !_core.Options.KeepValidPairs;

    private ConnectivityCheck? NextCheck(Instant now)
    {
        while (_core.Open.DueForRetransmission(now) is { } again)
        {
            if (_core.Scheduler.TryCount(again.Pair)) return again;
            again.Stop(now);
        }

        if (_core.Scheduler.TryTake(now, out var pair))
        {
            return _core.BeginCheck(pair, pair.State == PairState.Succeeded ? CheckPurpose.Nomination : CheckPurpose.Connectivity);
        }

        if (!_core.Valid.TryFindDue(now, out pair)) return null;
        pair.Consent!.HandleSent(now);
        return _core.BeginCheck(pair, CheckPurpose.Consent);
    }

    // Signalling confirms what a check had shown: the candidate keeps its pairs and gets its real type, foundation and priority (RFC 8838 section
    // 11).
    private bool TakeSignalled(Candidate known, Candidate signalled)
    {
        if (known.Type != CandidateType.PeerReflexive || signalled.Type == CandidateType.PeerReflexive) return false;
        _core.Remotes.Replace(known, signalled);
        foreach (var pair in _core.Checklist.Pairs.ToArray())
        {
            if (pair.Remote == known) _core.Replace(pair, pair.Local, signalled);
        }

        if (IsConcluded) return true;
        foreach (var local in _core.Locals.All) _core.AddPair(local, signalled, vouched: false);
        return true;
    }

    private bool IsKeepalive(SocketId socket, TransportAddress remote) => _core.Checklist.Find(socket, remote) is { State: PairState.Succeeded };
}
