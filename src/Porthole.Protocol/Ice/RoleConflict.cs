using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>What to do about a request (RFC 8445 section 7.3.1.1).</summary>
internal enum RoleVerdict
{
    /// <summary>The roles differ, as they should.</summary>
    None,

    /// <summary>Both claim one role and this agent's number is the higher: the other must give way, and is told so with a 487.</summary>
    Refuse,

    /// <summary>Both claim one role and this agent gives way.</summary>
    Switch,
}

/// <summary>Detects and resolves that both agents claim one role. The tie-breaker decides.</summary>
internal static class RoleConflict
{
    /// <summary>Judges a request.</summary>
    /// <param name="role">This agent's role.</param>
    /// <param name="tieBreaker">This agent's number.</param>
    /// <param name="request">The request.</param>
    public static RoleVerdict Judge(IceRole role, ulong tieBreaker, in StunReader request) => role switch
    {
        IceRole.Controlling when request.TryGetUInt64(StunAttributeType.IceControlling, out ulong theirs) =>
            tieBreaker >= theirs ? RoleVerdict.Refuse : RoleVerdict.Switch,
        IceRole.Controlled when request.TryGetUInt64(StunAttributeType.IceControlled, out ulong theirs) =>
            tieBreaker >= theirs ? RoleVerdict.Switch : RoleVerdict.Refuse,
        IceRole.Controlling or IceRole.Controlled => RoleVerdict.None,
    };
}
