namespace Porthole.Protocol.Ice;

/// <summary>The controlling agent nominates one valid pair (RFC 8445 section 8.1.1).</summary>
internal sealed class ControllingRole(AgentCore agent) : RoleStrategy(agent)
{
    private readonly Nomination _nomination = new(agent.Options);

    public override IceRole Role => IceRole.Controlling;

    public override Instant? NextDeadline => Agent.State == IceState.Connected ? _nomination.NextDeadline : null;

    public override ulong PairPriority(Candidate local, Candidate remote) => CandidatePriority.ComputePair(local.Priority, remote.Priority);

    public override void HandleAnswered(Instant now, ConnectivityCheck check)
    {
        if (check.UseCandidate) Agent.Select(now, check.Pair);
        else HandleDeadline(now);
    }

    /// <summary>The other agent believes to be controlling as well; its role attribute says so and settles it, not this.</summary>
    public override void HandleUseCandidate(Instant now, CandidatePair pair)
    {
    }

    public override void HandleNominationFailed(Instant now, CandidatePair pair)
    {
        _nomination.HandleFailed(pair);
        HandleDeadline(now);
    }

    public override void HandleDeadline(Instant now)
    {
        if (Agent.State != IceState.Connected) return;
        if (_nomination.Decide(now, Agent.Valid.Pairs, Agent.Checklist, Agent.RemoteIsComplete) is { } pair) Agent.Scheduler.Trigger(pair);
    }
}
