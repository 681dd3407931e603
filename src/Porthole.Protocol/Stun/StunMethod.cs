namespace Porthole.Protocol.Stun;

/// <summary>The method of a STUN message: 12 bits (RFC 8489 section 18.2). A reader may answer values that have no name here.</summary>
public enum StunMethod
{
    /// <summary>No method: reserved, never sent.</summary>
    Reserved = 0x000,

    /// <summary>"Which address do I come from?" (RFC 8489 section 3); a connectivity check in ICE (RFC 8445 section 7).</summary>
    Binding = 0x001,
}
