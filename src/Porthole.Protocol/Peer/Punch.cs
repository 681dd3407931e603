using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// One try to get a direct path: an agent for one generation of credentials, beside it the attempts to connect by TCP, and what was seen so far.
/// </summary>
internal sealed class Punch
{
    /// <summary>
    /// How many addresses get a handshake packet before they have answered a check. The first checks that come are from the right ones; a server that
    /// knows the credentials could have others forged, and each would earn more bytes than it cost.
    /// </summary>
    private const int MaxEarlyPaths = 4;

    /// <summary>After how long a punch in which no method has a chance is said to be one, though plain checks go on.</summary>
    private static readonly TimeSpan s_hopelessAfter = TimeSpan.FromSeconds(2);

    /// <summary>How long after the last method a hit of it may still become a pair.</summary>
    private static readonly TimeSpan s_lastChecks = TimeSpan.FromMilliseconds(500);

    private readonly Instant _createdAt;
    private bool _isExhausted;
    private int _earlyPaths;
    private Instant _now;

    private Punch(PunchPlan plan, IceAgent agent, UdpPunch? udp, TcpPunch? tcp, PunchRecord record, Instant now, TimeSpan delay)
    {
        (Plan, Agent, Udp, Tcp, Record, StartAt) = (plan, agent, udp, tcp, record, now + delay);
        _createdAt = _now = now;
        if (Planner.IsHopeless(record.Plan)) VerdictAt = StartAt + s_hopelessAfter;
    }

    public PunchPlan Plan { get; }

    public IceAgent Agent { get; }

    /// <summary>The methods for hard NATs by UDP; null where UDP is not wanted.</summary>
    public UdpPunch? Udp { get; }

    /// <summary>What is known, planned and tried.</summary>
    public PunchRecord Record { get; }

    /// <summary>When to say that there is no hope; null when there is some, or it was said.</summary>
    public Instant? VerdictAt { get; set; }

    /// <summary>
    /// The attempts to connect by TCP; null where TCP is not wanted, or not now. They are made although a connection is there: the other side may have lost it, and would
    /// connect alone. If both have it, it passes the new agent's check within a round trip, which ends them.
    /// </summary>
    public TcpPunch? Tcp { get; }

    /// <summary>When the first check may go out; both sides wait for the one that is farther from the server.</summary>
    public Instant StartAt { get; private set; }

    public bool IsStarted { get; private set; }

    public int ChecksSent { get; private set; }

    public int ChecksReceived { get; private set; }

    public int AnswersReceived { get; private set; }

    /// <summary>Whether checks may go by UDP: both sides want it.</summary>
    public required bool UsesUdp { get; init; }

    /// <summary>Whether this side wants TCP, though not in every try.</summary>
    public required bool WantsTcp { get; init; }

    /// <summary>Whether the server has been told what this try came to.</summary>
    public bool IsReported { get; set; }

    /// <summary>Whether a pair was found in this try.</summary>
    public bool HadPair { get; set; }

    /// <summary>Sets a try up.</summary>
    /// <param name="context">What the links share.</param>
    /// <param name="session">The session.</param>
    /// <param name="plan">What the server says.</param>
    /// <param name="remote">The other side.</param>
    /// <param name="withTcp">Whether to connect by TCP too, if it is wanted.</param>
    /// <param name="sockets">The fresh sockets of the link.</param>
    /// <param name="now">The moment.</param>
    /// <returns>Null when the server sent credentials that cannot be used.</returns>
    public static Punch? Create(PeerContext context, SessionId session, PunchPlan plan, PeerId remote, bool withTcp, FreshSockets sockets, Instant now)
    {
        if (!IceCredentials.AreValid(plan.Local.Ufrag, plan.Local.Password) || !IceCredentials.AreValid(plan.Remote.Ufrag, plan.Remote.Password)) return null;

        // The roles follow from the ids, whatever the server says, so that it cannot make both sides wait for each other.
        var role = context.Self < remote ? IceRole.Controlling : IceRole.Controlled;
        var options = IceOptions.ForPeers(plan.LocalRtt / 2, plan.RemoteRtt / 2);
        if (!context.Wants(Transports.Udp)) options = options with { CheckingTimeout = TcpPunchOptions.Default.Limit };
        var agent = new IceAgent(options, role, new IceCredentials(plan.Local.Ufrag, plan.Local.Password), context.Entropy);
        foreach (var candidate in context.Candidates) agent.AddLocalCandidate(now, candidate);
        agent.SetRemoteCredentials(now, new IceCredentials(plan.Remote.Ufrag, plan.Remote.Password));
        var delay = plan.StartDelay <= RendezvousLimits.MaxStartDelay ? plan.StartDelay : RendezvousLimits.MaxStartDelay;
        bool wantsTcp = context.Wants(Transports.Tcp);
        bool usesUdp = context.Wants(Transports.Udp) && !plan.Nat.TcpOnly;
        var tcp = withTcp && wantsTcp ? TcpPunch.Create(context, session, remote, plan, now) : null;
        var transports = (usesUdp ? Transports.Udp : Transports.None) | (tcp is null ? Transports.None : Transports.Tcp);
        var here = plan.OwnNat ?? context.Nat;
        var record = new PunchRecord(here, plan.Nat, Planner.Plan(here, plan.Nat, transports, role == IceRole.Controlling, plan.Hint));
        var udp = usesUdp ? UdpPunch.Create(context, session, remote, plan, agent, sockets, record) : null;
        var punch = new Punch(plan, agent, udp, tcp, record, now, delay)
        {
            UsesUdp = usesUdp,
            WantsTcp = wantsTcp,
        };
        punch.Tcp?.Prepare(now);
        foreach (var candidate in plan.Candidates) punch.AddRemote(now, candidate);
        udp?.Start(now, punch.StartAt);
        return punch;
    }

    /// <summary>Adds a candidate of the other side.</summary>
    public void AddRemote(Instant now, CandidateInfo candidate)
    {
        if (candidate.Purpose != CandidatePurpose.Check && (Udp is null || Udp.HandleTold(now, candidate))) return;
        TcpCandidateType? tcp = candidate.Transport switch
        {
            CandidateTransport.Udp => null,
            CandidateTransport.TcpSimultaneous => TcpCandidateType.SimultaneousOpen,
            CandidateTransport.TcpPassive => TcpCandidateType.Passive,
            CandidateTransport.TcpActive => TcpCandidateType.Active,
        };

        // Two LANs may use the same prefix, and two hosts the same address in it: a check to one's own address finds nobody.
        foreach (var local in Agent.LocalCandidates)
        {
            if (tcp is null && local.Address == candidate.Address) return;
        }

        var type = candidate.Kind switch
        {
            CandidateKind.Host => CandidateType.Host,
            CandidateKind.ServerReflexive => CandidateType.ServerReflexive,
        };
        Agent.AddRemoteCandidate(now, Candidate.Remote(type, candidate.Address, candidate.Priority, candidate.Foundation, tcp));
        if (tcp is not { } met) return;
        Tcp?.AddRemote(now, candidate.Address, met);
        HoldAgent();
    }

    /// <summary>Adds an address at which the other side was met in an earlier try.</summary>
    public void AddKnown(Instant now, TransportAddress address) => Agent.AddRemoteCandidate(
        now, Candidate.Remote(CandidateType.PeerReflexive, address, CandidatePriority.Compute(CandidateType.PeerReflexive, CandidatePriority.HighestLocalPreference), "known"));

    /// <summary>Whether one more address may be sent the handshake early.</summary>
    public bool TryTakeEarlyPath() => _earlyPaths < MaxEarlyPaths && ++_earlyPaths > 0;

    /// <summary>Whether an address is on a host that the other side has proved, as the server says; ports differ where NATs map by destination.</summary>
    public bool IsVouched(TransportAddress remote)
    {
        foreach (var candidate in Agent.RemoteCandidates)
        {
            if (candidate.Type != CandidateType.PeerReflexive && candidate.Address.SameHost(remote)) return true;
        }

        return false;
    }

    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Earlier(Instant.Earlier(Agent.NextDeadline, Udp?.NextDeadline), Instant.Earlier(Tcp?.NextDeadline, VerdictAt));
            return IsStarted ? next : Instant.Earlier(StartAt, next);
        }
    }

    /// <summary>
    /// The other side has begun, as a check of it shows. What waiting is for, not to come before the other has opened its NAT, is done; and it may have waited
    /// for a round trip that was measured too long.
    /// </summary>
    public void HandleOtherStarted(Instant now)
    {
        if (StartAt <= now) return;
        StartAt = now;
        HandleDeadline(now);
    }

    public void HandleDeadline(Instant now)
    {
        _now = now;
        if (!IsStarted && now >= StartAt)
        {
            IsStarted = true;
            Tcp?.Start(now);
            HoldAgent();
            Agent.Start(now);
        }

        Udp?.HandleDeadline(now);
        if (Udp is { IsExhausted: true } && !HadPair && !_isExhausted)
        {
            // What is left are plain checks, which have had their time, and TCP.
            _isExhausted = true;
            if (Tcp is not { IsRunning: true } && !Planner.IsPlainLikely(Record.Here, Record.There)) VerdictAt ??= now + s_lastChecks;
        }

        Tcp?.HandleDeadline(now, Udp is { HasSpray: true } ? null : FindProvedAddress());
        HoldAgent();
        Agent.HandleDeadline(now);
    }

    /// <summary>Ends the attempts to connect by TCP.</summary>
    public void StopTcp(Instant now)
    {
        Tcp?.Stop(now);
        HoldAgent();
    }

    /// <summary>The agent does not give up while a connection may still come, or a method for hard NATs has not ended.</summary>
    public void HoldAgent() => Agent.HoldOpen = Tcp is { IsRunning: true } || Udp is { IsRunning: true };

    /// <summary>The first pair is there: says which method has found it, and ends the others.</summary>
    public void HandleFirstPair(Instant now, CandidatePair pair)
    {
        _now = now;
        HadPair = true;
        VerdictAt = null;
        Record.HandleWinner(FindMethod(pair));
        if (pair.Transport == Transports.Udp) Udp?.HandlePair(now, byMethod: Record.Winner != PunchMethod.Plain);
        HoldAgent();
    }

    /// <summary>What was tried so far, in order, with its cost and what came of it.</summary>
    public ImmutableArray<MethodAttempt> Tried
    {
        get
        {
            var tried = ImmutableArray.CreateBuilder<MethodAttempt>();
            if (UsesUdp) tried.Add(Attempt(PunchMethod.Plain, ChecksSent, Agent.State == IceState.Failed));
            tried.AddRange(Record.Attempts(_now));
            if (Tcp is { HasRemote: true } tcp)
            {
                var method = tcp.Way.Kind == TcpPlanKind.Predict ? PunchMethod.TcpPredict : tcp.Puncher.SprayAttempts > 0 ? PunchMethod.TcpSpray : PunchMethod.Tcp;
                var attempt = Attempt(method, tcp.Puncher.Attempts + tcp.Puncher.SprayAttempts, !tcp.IsOpen);
                bool isRefused = attempt.Outcome == AttemptOutcome.Unanswered && tcp.Puncher.Refusals > 0;
                tried.Add(isRefused ? attempt with { Outcome = AttemptOutcome.Refused, Detail = $"{tcp.Puncher.Refusals} refused" } : attempt);
            }

            return tried.DrainToImmutable();
        }
    }

    /// <summary>Counts one step for the verdict.</summary>
    public void Count(CheckStep step)
    {
        if (step == CheckStep.Sent) ChecksSent++;
        else if (step == CheckStep.Received) ChecksReceived++;
        else if (step == CheckStep.Answered) AnswersReceived++;
    }

    private MethodAttempt Attempt(PunchMethod method, int packets, bool isOver)
    {
        var outcome = Record.Winner == method ? AttemptOutcome.Succeeded
            : Record.Winner is not null ? AttemptOutcome.Superseded
            : isOver ? AttemptOutcome.Unanswered : AttemptOutcome.Running;
        return new MethodAttempt(method, packets, 0, _now - _createdAt, outcome);
    }

    /// <summary>The method that has found a pair.</summary>
    public PunchMethod FindMethod(CandidatePair pair)
    {
        if (pair.Transport == Transports.Tcp)
        {
            return Tcp is not { } tcp ? PunchMethod.Tcp
                : tcp.Puncher.SprayAttempts > 0 ? PunchMethod.TcpSpray
                : Record.Plan.Any(static planned => planned.Method == PunchMethod.TcpPredict) ? PunchMethod.TcpPredict : PunchMethod.Tcp;
        }

        if (Record.Last is not { } method) return PunchMethod.Plain;
        bool isFresh = !Agent.LocalCandidates.Any(local => local.Socket == pair.Socket);
        if (isFresh || (method == PunchMethod.Spray && !Planner.IsPlainLikely(Record.Here, Record.There))) return method; // a guess may hit the main socket's port too
        if (Plan.Candidates.Any(candidate => candidate.Address == pair.RemoteAddress)) return PunchMethod.Plain;

        // An address that was told later is the other side's foresight; one that nobody told is a hit where there was a spray, else what plain checks find.
        return pair.Remote.Type != CandidateType.PeerReflexive || method == PunchMethod.Spray ? method : PunchMethod.Plain;
    }

    /// <summary>The other side's outermost TCP address, as the server says that it was proved.</summary>
    private TransportAddress? FindProvedAddress()
    {
        foreach (var candidate in Plan.Candidates)
        {
            if (candidate is { Transport: CandidateTransport.TcpSimultaneous, Kind: CandidateKind.ServerReflexive }) return candidate.Address;
        }

        foreach (var candidate in Plan.Candidates)
        {
            if (candidate.Transport == CandidateTransport.TcpSimultaneous) return candidate.Address;
        }

        return null;
    }
}
