namespace Porthole.Lab.Nat;

/// <summary>Whose packets a NAT or firewall lets in (RFC 4787 section 5).</summary>
public enum NatFiltering
{
    /// <summary>Anybody's, once there is a mapping (EIF).</summary>
    EndpointIndependent,

    /// <summary>Those of the IP addresses that the inside has sent to (ADF).</summary>
    AddressDependent,

    /// <summary>Those of the addresses and ports that the inside has sent to (APDF).</summary>
    AddressAndPortDependent,
}
