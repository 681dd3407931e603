namespace Porthole.Lab.Nat;

/// <summary>When a NAT reuses the external address and port of an internal endpoint (RFC 4787 section 4.1).</summary>
public enum NatMapping
{
    /// <summary>One mapping for all destinations (EIM; "cone").</summary>
    EndpointIndependent,

    /// <summary>One mapping for each remote IP address, whatever its port (ADM).</summary>
    AddressDependent,

    /// <summary>One mapping for each remote IP address and port (APDM; "symmetric").</summary>
    AddressAndPortDependent,
}
