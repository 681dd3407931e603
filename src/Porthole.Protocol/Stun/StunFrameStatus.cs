namespace Porthole.Protocol.Stun;

/// <summary>What the bytes received so far on a STUN connection are.</summary>
public enum StunFrameStatus
{
    /// <summary>The beginning of a message: more must come.</summary>
    Incomplete,

    /// <summary>At least one whole message.</summary>
    Complete,

    /// <summary>No STUN, or a message longer than is taken: close the connection.</summary>
    Broken,
}
