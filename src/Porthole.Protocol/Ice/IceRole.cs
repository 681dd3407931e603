namespace Porthole.Protocol.Ice;

/// <summary>Which of the two agents decides (RFC 8445 section 6.1.1).</summary>
public enum IceRole
{
    /// <summary>This agent nominates the pair that both use.</summary>
    Controlling,

    /// <summary>The other agent nominates; this one follows.</summary>
    Controlled,
}
