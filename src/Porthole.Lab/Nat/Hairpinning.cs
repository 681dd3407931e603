namespace Porthole.Lab.Nat;

/// <summary>What happens to a packet from the inside that is addressed to an external address of its own NAT (RFC 4787 section 6).</summary>
public enum Hairpinning
{
    /// <summary>It is lost.</summary>
    None,

    /// <summary>It comes back in with the sender's external address as its source (REQ-9).</summary>
    ExternalSource,

    /// <summary>It comes back in with the sender's internal address as its source: the answer takes another way.</summary>
    InternalSource,
}
