using System.Collections.Immutable;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// The UDP half of a punch beside the plain checks of the agent: runs the methods of the plan, one after the other, until a pair is found or none is left. It
/// opens fresh sockets, asks servers from them, writes checks on a guess, and tells the other side what it foresees.
/// </summary>
internal sealed class UdpPunch
{
    /// <summary>How long plain checks go alone where they have a chance: most pairs need no guessing, and are through by then.</summary>
    public static readonly TimeSpan PlainTime = TimeSpan.FromMilliseconds(300);

    /// <summary>The least hop limit that gets a packet out of a home: it passes the router there, and dies at the next.</summary>
    public const int DefaultOuterHops = 2;

    private readonly PeerContext _context;
    private readonly SessionId _session;
    private readonly FreshSockets _sockets;
    private readonly FreshQuestions _questions;
    private readonly Queue<PlannedMethod> _waiting = new();
    private readonly Queue<UdpShot> _shots = new();
    private readonly List<SocketId> _own = [];
    private readonly List<CandidateInfo> _told = [];
    private UdpMethod? _running;
    private Instant? _nextAt;
    private Instant? _speakAt;

    private UdpPunch(PeerContext context, SessionId session, PeerId peer, PunchPlan plan, IceAgent agent, FreshSockets sockets, PunchRecord record)
    {
        (_context, _session, Peer, Plan, Agent, _sockets, Record, _questions) = (context, session, peer, plan, agent, sockets, record, new FreshQuestions(context));
        (Here, There) = (Planner.Judge(record.Here), Planner.Judge(record.There));
        (Main, Remote) = Meet(context, plan);
    }

    public PeerId Peer { get; }

    public PunchPlan Plan { get; }

    public IceAgent Agent { get; }

    public PunchRecord Record { get; }

    public SprayBudget Budget => _context.Sprays;

    public EntropySource Entropy => _context.Entropy;

    public RendezvousClient Server => _context.Rendezvous;

    public PortKind Here { get; }

    public PortKind There { get; }

    /// <summary>The main socket as servers see it.</summary>
    public LocalMapping? Main { get; }

    /// <summary>The other side's proved address of the same family.</summary>
    public TransportAddress Remote { get; }

    /// <summary>Both round trips to the server, which is what it takes to tell the other side something and to get its answer.</summary>
    public TimeSpan SignallingTime => Plan.LocalRtt + Plan.RemoteRtt;

    /// <summary>The pause from one round of a method to the next: what has been told must have come there, and what came of it back.</summary>
    public TimeSpan RoundPeriod => Planner.RoundPeriod > 2 * SignallingTime ? Planner.RoundPeriod : 2 * SignallingTime;

    /// <summary>
    /// The hop limit of packets that only open this side's NAT: where one that comes too early would spoil the other's port it must die on the way, else the
    /// socket's own.
    /// </summary>
    public int OpeningHops => Record.There.IsSpoiledByStrangers != true ? 0 : Record.Here.OuterHops > 0 ? Record.Here.OuterHops : DefaultOuterHops;

    /// <summary>Whether a method runs, or waits for its turn.</summary>
    public bool IsRunning => _running is not null || _waiting.Count > 0;

    /// <summary>Whether methods have run, and none is left.</summary>
    public bool IsExhausted => Record.Last is not null && !IsRunning;

    /// <summary>Whether a spray is under way.</summary>
    public bool IsSpraying => _running is SprayMethod;

    /// <summary>Whether a spray is still to come, or under way: by TCP none begins meanwhile.</summary>
    public bool HasSpray => _running is SprayMethod || _waiting.Any(static planned => planned.Method == PunchMethod.Spray);

    public Instant? NextDeadline
    {
        get
        {
            var next = _running is null ? _nextAt : _running.IsOver ? Instant.Zero : _running.NextDeadline;
            next = Instant.Earlier(next, _speakAt);
            return _shots.Count > 0 ? Instant.Earlier(next, Budget.NextAt) : next;
        }
    }

    /// <summary>Sets the methods of a plan up.</summary>
    public static UdpPunch Create(PeerContext context, SessionId session, PeerId peer, PunchPlan plan, IceAgent agent, FreshSockets sockets, PunchRecord record)
    {
        var punch = new UdpPunch(context, session, peer, plan, agent, sockets, record);
        if (punch.Main is null || punch.Remote == default) return punch;
        foreach (var planned in record.Plan)
        {
            agent.IsSilent |= planned.Method == PunchMethod.Silent;
            if (planned.Method is PunchMethod.Opener or PunchMethod.Predict or PunchMethod.FreshSocket or PunchMethod.Cross or PunchMethod.Spray) punch._waiting.Enqueue(planned);
        }

        return punch;
    }

    /// <summary>
    /// The push is there: methods begin at once where plain checks have little chance, or where the method was needed between these networks before; else when plain
    /// checks have had their time. A spray always lets them have it.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="startAt">When plain checks begin.</param>
    public void Start(Instant now, Instant startAt)
    {
        if (Agent.IsSilent) _speakAt = startAt + Planner.SilentTime;
        if (!_waiting.TryPeek(out var first)) return;
        bool mayWait = first.Method == PunchMethod.Spray || (first.Method != Plan.Hint && Planner.IsPlainLikely(Record.Here, Record.There));
        _nextAt = mayWait ? startAt + PlainTime : now;
        if (HasSpray) Server.MeasureRoundTrip(now); // while all is quiet
        HandleDeadline(now);
    }

    /// <summary>Takes the passing of time.</summary>
    public void HandleDeadline(Instant now)
    {
        if (_speakAt <= now) (_speakAt, Agent.IsSilent) = (null, false);
        if (_running is { } running)
        {
            if (!running.IsOver && running.NextDeadline <= now) running.HandleDeadline(now);
            if (!running.IsOver) return;
            EndMethod(now, running.IsRefused ? AttemptOutcome.Refused : running.IsBudgetSpent ? AttemptOutcome.BudgetSpent : AttemptOutcome.Unanswered);
            _nextAt = now;
        }

        if (!(_nextAt <= now)) return;
        _nextAt = null;
        if (_waiting.TryDequeue(out var planned)) BeginMethod(now, planned);
    }

    /// <summary>Takes word that a socket is open.</summary>
    /// <returns>Whether it is one of this punch.</returns>
    public bool HandleOpened(Instant now, FreshSocket socket)
    {
        if (!_own.Contains(socket.Id)) return false;
        if (_running is null || !Agent.AddSilentSocket(now, socket.Id, socket.Local)) CloseSocket(now, socket.Id);
        else _running.HandleOpened(now, socket);
        return true;
    }

    /// <summary>Takes word that a socket is lost, or could not be had: a method that has none left ends by its time.</summary>
    public void HandleGone(Instant now, SocketId socket)
    {
        if (!_own.Remove(socket)) return;
        Agent.RemoveSocket(now, socket);
        _running?.HandleGone(now);
    }

    /// <summary>Takes word that a packet met an ICMP error.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The socket that it left from.</param>
    /// <param name="remote">Where it went; default where that is not known.</param>
    /// <returns>Whether it may be one of this punch.</returns>
    public bool HandleUnreachable(Instant now, SocketId socket, TransportAddress remote)
    {
        if (_running is not { } running) return false;
        bool isOwn = remote == default ? socket == Main?.Socket || _own.Contains(socket) : RemoteHosts.Any(remote.SameHost);
        if (isOwn) running.HandleUnreachable(now);
        return isOwn;
    }

    /// <summary>Takes a STUN message to a fresh socket.</summary>
    /// <returns>Whether it answers a question of this punch.</returns>
    public bool HandleStun(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message)
    {
        if (!_questions.Handle(socket, remote, message, out var answer)) return false;
        if (answer is not null) _running?.HandleAnswer(now, answer);
        return true;
    }

    /// <summary>Takes addresses of the other side that are meant for a method.</summary>
    /// <returns>Whether a method takes it; otherwise it is checked in the ordinary way.</returns>
    public bool HandleTold(Instant now, CandidateInfo candidate)
    {
        bool isTaken = _running is { } running && running.Takes(candidate);
        if (isTaken) _running!.HandleTold(now, [candidate]);
        else if (_waiting.Count > 0) _told.Add(candidate); // no more than the rendezvous client lets through
        return isTaken || Here != PortKind.Known || candidate.Purpose is not (CandidatePurpose.Predicted or CandidatePurpose.Fresh);
    }

    /// <summary>A pair was found: nothing more is sent, and what has not met is closed.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="byMethod">Whether the method that runs has found it.</param>
    public void HandlePair(Instant now, bool byMethod)
    {
        EndMethod(now, byMethod ? AttemptOutcome.Succeeded : AttemptOutcome.Superseded);
        Clear();
        foreach (var socket in _own.ToArray())
        {
            if (!HasPair(socket)) CloseSocket(now, socket);
        }
    }

    /// <summary>The punch is over. Its sockets are the link's from now on.</summary>
    public void Stop(Instant now)
    {
        EndMethod(now, AttemptOutcome.Superseded);
        Clear();
        _own.Clear();
    }

    /// <summary>Writes the next packet.</summary>
    /// <returns>False when none waits, or the second has no room for it.</returns>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        while (_shots.TryPeek(out var shot))
        {
            if (!Budget.HasRoom(now)) return false;
            int room = shot.Asker is null ? IceOptions.ProbeLimit : ProbeMessage.MaxRequest;
            if (!writer.TryReserve(room, out var segment)) return false;
            if (_running is SprayMethod && !Budget.TryProbe(now))
            {
                _shots.Clear(); // as many as a spray may send
                return false;
            }

            _shots.Dequeue();
            if (_running is not SprayMethod) Budget.Count(now);
            int length = shot.Asker is { } asker ? _questions.Write(segment, asker, shot.Remote) : Agent.WriteProbe(now, segment);
            if (length == 0) continue;
            writer.Begin(shot.Socket, shot.Remote, shot.HopLimit);
            writer.Commit(length);
            Record.CountPacket();
            return true;
        }

        return false;
    }

    /// <summary>Opens a fresh socket beside the main one.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryOpen(int round)
    {
        if (_sockets.Open(Main!.Local, round) is not { } socket) return false;
        _own.Add(socket.Id);
        Record.CountSocket();
        return true;
    }

    /// <summary>The other side's proved hosts: its NAT may have several, and any may show a port.</summary>
    public IEnumerable<TransportAddress> RemoteHosts => Plan.Candidates.Where(IsProvedUdp).Select(static candidate => candidate.Address.Host)
        .Where(host => host.IsIPv6 == Remote.IsIPv6).Distinct();

    /// <summary>The servers that fresh sockets can ask.</summary>
    public List<TransportAddress> Servers => _questions.ServersFor(Main!.Local);

    /// <summary>Has a server asked what a fresh socket looks like. Packets leave in the order in which they are asked for.</summary>
    public void Ask(FreshSocket socket, TransportAddress server) => _shots.Enqueue(new UdpShot(socket.Id, server, socket, 0));

    /// <summary>Has a check sent on a guess.</summary>
    public void Probe(SocketId socket, TransportAddress remote, int hopLimit = 0) => _shots.Enqueue(new UdpShot(socket, remote, null, hopLimit));

    /// <summary>Tells the other side addresses at which a fresh socket may be met.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="socket">The socket.</param>
    /// <param name="addresses">The addresses, the likeliest first, on a host that this side has proved.</param>
    /// <param name="purpose">What the other side is to do with them.</param>
    public void Tell(Instant now, FreshSocket socket, IEnumerable<TransportAddress> addresses, CandidatePurpose purpose)
    {
        var infos = addresses.Select(address => CandidateGatherer.Foresee(_context, socket, address, purpose)).ToImmutableArray();
        _context.Rendezvous.SendCandidates(now, _session, Plan.Generation, infos);
    }

    /// <summary>Tells the other side the address that a server has seen, with its proof: a NAT with several public addresses may have given another one than before.</summary>
    public void Tell(Instant now, FreshAnswer answer, CandidatePurpose purpose) =>
        _context.Rendezvous.SendCandidates(now, _session, Plan.Generation, [CandidateGatherer.Foresee(_context, answer.Socket, answer.Mapped, purpose) with { Proof = answer.Proof }]);

    private void BeginMethod(Instant now, PlannedMethod planned)
    {
        UdpMethod method = planned.Method switch
        {
            PunchMethod.Spray => new SprayMethod(this, planned),
            PunchMethod.Cross => new CrossMethod(this),
            PunchMethod.Opener => new OpenerMethod(this),
            PunchMethod.Predict when Here == PortKind.Next => new PredictMethod(this),
            PunchMethod.Predict or PunchMethod.FreshSocket when Here == PortKind.Same => new FreshMethod(this),
            _ => new AwaitMethod(this, planned.Time),
        };
        _running = method;
        Record.Begin(now, planned.Method);
        method.Begin(now);
        var told = _told.Where(method.Takes).ToImmutableArray();
        if (!told.IsEmpty) method.HandleTold(now, told);
    }

    private void EndMethod(Instant now, AttemptOutcome outcome)
    {
        if (_running is not { } running) return;
        _running = null;
        _shots.Clear();
        running.End(now, outcome == AttemptOutcome.Succeeded);
        Record.End(now, outcome, running.Detail);
        if (outcome is AttemptOutcome.Succeeded or AttemptOutcome.Superseded) return;
        foreach (var socket in _own.ToArray())
        {
            if (!HasPair(socket)) CloseSocket(now, socket);
        }
    }

    private void Clear()
    {
        _waiting.Clear();
        _shots.Clear();
        _questions.Clear();
        _nextAt = null;
    }

    private void CloseSocket(Instant now, SocketId socket)
    {
        _own.Remove(socket);
        Agent.RemoveSocket(now, socket);
        _sockets.Close(socket);
    }

    private bool HasPair(SocketId socket)
    {
        foreach (var pair in Agent.Pairs)
        {
            if (pair.Socket == socket) return true;
        }

        return false;
    }

    private static bool IsProvedUdp(CandidateInfo candidate) => candidate.Transport == CandidateTransport.Udp && !CandidateRules.IsLocal(candidate);

    /// <summary>Finds the two addresses between which a method works: IPv4 first, since IPv6 is seldom translated.</summary>
    private static (LocalMapping? Main, TransportAddress Remote) Meet(PeerContext context, PunchPlan plan)
    {
        foreach (bool isIPv6 in (ReadOnlySpan<bool>)[false, true])
        {
            foreach (var mapping in context.Probe.Report.Mappings)
            {
                if (mapping.Local.IsIPv6 != isIPv6) continue;
                foreach (var candidate in plan.Candidates)
                {
                    if (IsProvedUdp(candidate) && candidate.Address.IsIPv6 == isIPv6) return (mapping, candidate.Address);
                }
            }
        }

        return default;
    }
}
