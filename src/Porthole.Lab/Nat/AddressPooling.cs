namespace Porthole.Lab.Nat;

/// <summary>How a NAT with several external addresses picks one (RFC 4787 section 4.1, REQ-2).</summary>
public enum AddressPooling
{
    /// <summary>All mappings of one internal host share an address.</summary>
    Paired,

    /// <summary>Each mapping draws its own.</summary>
    Arbitrary,
}
