using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>The punches of a connection: begun by a push, fed with what both sides find, begun anew when they fail, and what they came to.</summary>
internal sealed partial class PeerLink
{
    private Punch? _punch;
    private int _generation;
    private bool _isPeerReachableByUdp;

    public PathVerdict Verdict { get; private set; } = PathVerdict.Pending;

    /// <summary>As <see cref="Verdict"/>; but while the first punch is under way, what can be said of it so far.</summary>
    public PathVerdict VerdictSoFar => Verdict.Reason == VerdictReason.Pending && _punch is { HadPair: false } ? VerdictWriter.Explain(Facts()) : Verdict;

    /// <summary>Takes more candidates of the other side.</summary>
    public void HandleCandidates(Instant now, int generation, ImmutableArray<CandidateInfo> candidates)
    {
        if (_punch is null || generation != _generation) return;
        foreach (var candidate in candidates) _punch.AddRemote(now, candidate);
        Pump(now);
    }

    /// <summary>Takes new credentials: both sides punch again.</summary>
    public void HandleRestarted(Instant now, PunchPlan plan)
    {
        if (Session is null || _isFinished || plan.Generation <= _generation) return;
        StartPunch(now, plan);
        Pump(now);
    }

    /// <summary>Takes a STUN message; it is this link's if its agent knows it.</summary>
    public bool HandleStun(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message)
    {
        if (_isFinished || _punch is null) return false;
        if (_punch.Udp is { } udp && udp.HandleStun(now, socket, remote, message))
        {
            Pump(now);
            return true;
        }

        if (!_punch.Agent.HandleDatagram(now, socket, remote, message))
        {
            FindConnection(socket)?.Keep(message); // a check under new credentials may come before word of them
            return false;
        }

        Pump(now);
        return true;
    }

    /// <summary>Takes candidates that were found while a punch is under way.</summary>
    public void HandleLocalCandidates(Instant now, ImmutableArray<CandidateInfo> infos, ImmutableArray<Candidate> candidates)
    {
        if (_isFinished || _punch is not { } punch || !(punch.Agent.State is IceState.New or IceState.Checking || punch.Tcp is { IsOpen: true })) return;
        foreach (var candidate in candidates) punch.Agent.AddLocalCandidate(now, candidate);
        if (!infos.IsEmpty) _context.Rendezvous.SendCandidates(now, Id, _generation, infos);
        Pump(now);
    }

    /// <summary>The host has addresses that it did not have: what failed before may work now.</summary>
    public void HandleNetworkChange(Instant now)
    {
        if (_isFinished || Session is null || IsRelayOnly) return;
        _schedule.HandleNetworkChange(now);
        _punch?.StopTcp(now); // what is under way was planned for another network
        _punch?.Udp?.Stop(now);
        CloseIdleSocketsLater(now); // the next punch may be far off: the server may be out of reach
    }

    private void StartPunch(Instant now, PunchPlan plan)
    {
        _generation = plan.Generation;
        _isPeerRelayOnly = plan.Nat.RelayOnly;
        _isPeerReachableByUdp = plan.Nat.UdpReachable;
        if (IsRelayOnly) return;
        _punch?.StopTcp(now);
        _punch?.Udp?.Stop(now);
        _stopTcpAt = null;
        CloseIdleSockets(now);
        _punch = Punch.Create(_context, Id, plan, Remote!.Value, IsTurnOfTcp(plan.Generation), _fresh, now);

        // Pairs are valid under the credentials they were checked with: an old path stays in use, but a new proof needs a new pair.
        foreach (var path in _paths) path.Pair = null;
        if (_punch is null) return;
        _idlePause = null;
        HandOverConnections(now, _punch);
        HandOverSockets(now, _punch);
        _punch.HandleDeadline(now);
    }

    // Once there is a proved path all that is left to send are consent checks on it, which nothing must delay; unless UDP is still looked for beside TCP.
    private bool IsPunchDone => _punch is { Agent.State: IceState.Completed, Udp: not { IsRunning: true } } && _active is { IsDirect: true };

    private Instant? PunchDeadline
    {
        get
        {
            if (_punch is not { } punch) return null;
            var next = punch.NextDeadline is not { } due ? _stopTcpAt : Instant.Earlier(IsPunchDone ? due : Instant.Max(due, ChecksNextAt), _stopTcpAt);
            next = Instant.Earlier(next, _closeIdleAt);
            return punch.Tcp is { } tcp ? Instant.Earlier(next, tcp.NextDeadline) : next;
        }
    }

    /// <summary>
    /// Whether a new punch has what it needs, and may bring something. Who is on TCP because UDP is blocked waits until it is not; and attempts to connect, which
    /// take longer than checks, are not cut short: the agent beside them goes on checking as well.
    /// </summary>
    private bool MayPunch => _context.IsReadyToPunch && Session is not null && _punch is not ({ Tcp: { IsRunning: true } } or { Udp: { IsRunning: true } })
        && !(IsOnSecondBest && _context.Options.Prefer == PathKind.Udp && !(_context.Nat.UdpReachable && _isPeerReachableByUdp));

    private bool TryWriteChecks(Instant now, ref DatagramBatchWriter writer)
    {
        if (_isFinished || _punch is not { } punch) return false;
        if (IsPunchDone) return punch.Agent.TryWrite(now, ref writer);
        return ChecksNextAt <= now && TryWriteChecks(now, punch, ref writer);
    }

    private void PunchAgain(Instant now)
    {
        if (!MayPunch || !_schedule.TryTake(now)) return;
        _context.Rendezvous.Restart(now, Id, _generation);

        // If the restart is not answered (the peer may be between two servers) the next try must not wait for it.
        if (IsOnSecondBest) _schedule.HandleSecondBest(now);
        else _schedule.HandleFailure(now);
    }

    private void HandleIceEvent(Instant now, Punch punch, IceEvent iceEvent)
    {
        switch (iceEvent)
        {
            case IceEvent.CheckTraced traced:
                punch.Count(traced.Step);
                _context.Events.Enqueue(new PeerEvent.CheckTraced(Handle, traced.Step, traced.Local, traced.Remote, traced.Attempt));

                if (traced.Step != CheckStep.Received) break;

                // The handshake may take this way too, before the pair is known to work in both directions.
                // A host that the server has not vouched for must answer checks first: the source of a check may be forged.
                if (punch.IsVouched(traced.Remote) && FindPath(traced.Socket, traced.Remote) is null && punch.TryTakeEarlyPath())
                {
                    EnsurePath(now, traced.Socket, traced.Local, traced.Remote);
                }

                punch.HandleOtherStarted(now);
                break;
            case IceEvent.PairValid valid:
                HandlePairValid(now, punch, valid.Pair);
                break;
            case IceEvent.ConsentLost lost:
                HandlePairLost(now, lost.Pair);
                break;
            case IceEvent.PairReleased released:
                HandlePairLost(now, released.Pair);
                break;
            case IceEvent.ConnectionFailed failed:
                if (FindConnection(failed.Pair.Socket) is { } silent) HandleConnectionFailed(now, silent);
                break;
            case IceEvent.StateChanged { State: IceState.Failed }:
                CloseIdleSocketsLater(now);
                if (!punch.HadPair) Announce(now, VerdictWriter.Explain(Facts()));
                if (_active is not { IsDirect: true, IsDead: false }) _schedule.HandleFailure(now);
                break;
            case IceEvent.StateChanged or IceEvent.PairSelected:
                break;
        }
    }

    private void HandlePairValid(Instant now, Punch punch, CandidatePair pair)
    {
        if (EnsurePath(now, pair.Socket, pair.Local.Base, pair.RemoteAddress) is not { } path) return;
        if (!punch.HadPair)
        {
            punch.HandleFirstPair(now, pair);
            _closeIdleAt = now + s_lateTime;
            _context.Events.Enqueue(new PeerEvent.PairFound(Handle, path.Local, path.Remote));
        }

        path.Pair = pair;
        path.Method ??= punch.FindMethod(pair);
        if (path == _active) punch.Agent.Use(pair); // found again by a new agent, which must not release it
        if (pair.RoundTrip is { } roundTrip) path.RoundTrip = roundTrip;
        if (path.EarlyProof is { } proof) HandlePathProved(now, path, proof);
        else if (!path.IsAskedEarly) Session!.Validate(now, path.Id); // the challenge waits for the keys
        path.IsAskedEarly = false;
    }

    private void Announce(Instant now, VerdictReason reason) => Announce(now, VerdictWriter.Write(reason, Facts()));

    private void Announce(Instant now, PathVerdict verdict)
    {
        Verdict = verdict;
        _context.Events.Enqueue(new PeerEvent.VerdictChanged(Handle, verdict));
        ReportOutcome(now, verdict.Reason);
    }

    private VerdictFacts Facts()
    {
        var path = _active is { IsDead: false } active ? active : null;
        var facts = _punch is { } punch
            ? VerdictFacts.Of(_context, punch)
            : new VerdictFacts { Here = _context.Nat, There = NatFacts.Unknown with { RelayOnly = _isPeerRelayOnly }, Wanted = _context.Options.Transports };
        return facts with { Path = path?.ToPublic(), Method = path?.Method, Gateway = _context.Ports.Word };
    }

    /// <summary>Tells the server what this punch came to, if it wants to know: once.</summary>
    private void ReportOutcome(Instant now, VerdictReason reason)
    {
        if (_punch is not { IsReported: false, Plan.WantsOutcome: true } punch) return;
        if (reason is VerdictReason.Pending or VerdictReason.RelayOnly or VerdictReason.PathLost) return; // no punch came to that
        if (punch is { HadPair: false, Agent.State: not IceState.Failed }) return; // little hope is no end
        punch.IsReported = true;
        _context.Rendezvous.ReportOutcome(now, Id, punch.Plan.Generation, Verdict.Method, reason);
    }
}
