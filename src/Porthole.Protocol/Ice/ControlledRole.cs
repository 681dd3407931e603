namespace Porthole.Protocol.Ice;

/// <summary>The controlled agent uses the pair that the other nominates, as soon as it is valid here too (RFC 8445 section 7.3.1.5).</summary>
internal sealed class ControlledRole(AgentCore agent) : RoleStrategy(agent)
{
    public override IceRole Role => IceRole.Controlled;

    public override ulong PairPriority(Candidate local, Candidate remote) => CandidatePriority.ComputePair(remote.Priority, local.Priority);

    public override void HandleUseCandidate(Instant now, CandidatePair pair)
    {
        if (pair.State == PairState.Succeeded) Agent.Select(now, pair);
        else pair.NominateWhenValid = true;
    }

    public override void HandleAnswered(Instant now, ConnectivityCheck check)
    {
        if (check.Pair.NominateWhenValid) Agent.Select(now, check.Pair);
    }
}
