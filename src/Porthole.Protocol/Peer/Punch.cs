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

    private int _earlyPaths;

    private Punch(PunchPlan plan, IceAgent agent, TcpPunch? tcp, Instant startAt) => (Plan, Agent, Tcp, StartAt) = (plan, agent, tcp, startAt);

    public PunchPlan Plan { get; }

    public IceAgent Agent { get; }

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
    /// <param name="now">The moment.</param>
    /// <returns>Null when the server sent credentials that cannot be used.</returns>
    public static Punch? Create(PeerContext context, SessionId session, PunchPlan plan, PeerId remote, bool withTcp, Instant now)
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
        var punch = new Punch(plan, agent, withTcp && wantsTcp ? TcpPunch.Create(context, session, plan, now) : null, now + delay)
        {
            UsesUdp = context.Wants(Transports.Udp) && !plan.Nat.TcpOnly,
            WantsTcp = wantsTcp,
        };
        punch.Tcp?.Prepare(now);
        foreach (var candidate in plan.Candidates) punch.AddRemote(now, candidate);
        return punch;
    }

    /// <summary>Adds a candidate of the other side.</summary>
    public void AddRemote(Instant now, CandidateInfo candidate)
    {
        if (candidate.Purpose != CandidatePurpose.Check) return;
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
            var next = Instant.Earlier(Agent.NextDeadline, Tcp?.NextDeadline);
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
        if (!IsStarted && now >= StartAt)
        {
            IsStarted = true;
            Tcp?.Start(now);
            HoldAgent();
            Agent.Start(now);
        }

        Tcp?.HandleDeadline(now, FindProvedAddress());
        HoldAgent();
        Agent.HandleDeadline(now);
    }

    /// <summary>Ends the attempts to connect by TCP.</summary>
    public void StopTcp(Instant now)
    {
        Tcp?.Stop(now);
        HoldAgent();
    }

    /// <summary>The agent does not give up while a connection may still come.</summary>
    public void HoldAgent() => Agent.HoldOpen = Tcp is { IsRunning: true };

    /// <summary>Counts one step for the verdict.</summary>
    public void Count(CheckStep step)
    {
        if (step == CheckStep.Sent) ChecksSent++;
        else if (step == CheckStep.Received) ChecksReceived++;
        else if (step == CheckStep.Answered) AnswersReceived++;
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
