namespace Porthole.Protocol.Ice;

/// <summary>What depends on the role, and nothing else does (RFC 8445 section 8).</summary>
internal abstract class RoleStrategy(AgentCore agent)
{
    protected AgentCore Agent { get; } = agent;

    public abstract IceRole Role { get; }

    public virtual Instant? NextDeadline => null;

    public static RoleStrategy Create(IceRole role, AgentCore agent) => role switch
    {
        IceRole.Controlling => new ControllingRole(agent),
        IceRole.Controlled => new ControlledRole(agent),
    };

    public abstract ulong PairPriority(Candidate local, Candidate remote);

    /// <summary>A check was answered, and its pair is valid.</summary>
    public abstract void HandleAnswered(Instant now, ConnectivityCheck check);

    /// <summary>The other agent's check carried USE-CANDIDATE.</summary>
    public abstract void HandleUseCandidate(Instant now, CandidatePair pair);

    /// <summary>A nomination was refused, or nobody answered it.</summary>
    public virtual void HandleNominationFailed(Instant now, CandidatePair pair)
    {
    }

    public virtual void HandleDeadline(Instant now)
    {
    }
}
