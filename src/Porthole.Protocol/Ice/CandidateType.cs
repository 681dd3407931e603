namespace Porthole.Protocol.Ice;

/// <summary>Where a candidate was learnt (RFC 8445 section 5.1.1).</summary>
public enum CandidateType
{
    /// <summary>The address of a local socket.</summary>
    Host,

    /// <summary>What a STUN server saw.</summary>
    ServerReflexive,

    /// <summary>What the other agent saw in a connectivity check.</summary>
    PeerReflexive,

    /// <summary>An address at a relay.</summary>
    Relayed,
}
