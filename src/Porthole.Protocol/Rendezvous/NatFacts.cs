namespace Porthole.Protocol.Rendezvous;

/// <summary>How a NAT maps (RFC 4787 section 4.1), as far as it is known.</summary>
public enum NatMappingFact
{
    /// <summary>Not measured.</summary>
    Unknown,

    /// <summary>One mapping for all destinations (EIM).</summary>
    EndpointIndependent,

    /// <summary>One mapping for each address (ADM).</summary>
    AddressDependent,

    /// <summary>One mapping for each address and port (APDM).</summary>
    AddressAndPortDependent,

    /// <summary>EIM or ADM: a server with one address cannot tell them apart.</summary>
    EndpointOrAddressDependent,

    /// <summary>No answer came back.</summary>
    Blocked,
}

/// <summary>How a NAT chooses ports, as far as it is known.</summary>
public enum NatAllocationFact
{
    /// <summary>Not measured.</summary>
    Unknown,

    /// <summary>The local port is kept.</summary>
    Preserve,

    /// <summary>The next port, a step away from the last.</summary>
    Sequential,

    /// <summary>Any port.</summary>
    Random,
}

/// <summary>What a peer found out about the NAT before it: it tells the other side how hard it must try.</summary>
/// <param name="Mapping">How the NAT maps.</param>
/// <param name="Allocation">How it chooses ports.</param>
/// <param name="Step">The distance between two ports of a sequential NAT, else 0.</param>
/// <param name="UdpReachable">Whether UDP to the server and back works.</param>
public sealed record NatFacts(NatMappingFact Mapping, NatAllocationFact Allocation, int Step, bool UdpReachable)
{
    /// <summary>Whether the peer wants no direct path: then nobody needs to look for the reason why there is none.</summary>
    public bool RelayOnly { get; init; }

    /// <summary>
    /// Whether the peer wants direct paths by TCP only: that no UDP comes from it says nothing about its network. A peer of before, which knows UDP only, does not
    /// say so.
    /// </summary>
    public bool TcpOnly { get; init; }

    /// <summary>The same for TCP, which a NAT may treat otherwise; null while nothing is known, or TCP is not wanted.</summary>
    public TcpNatFacts? Tcp { get; init; }

    /// <summary>Nothing is known.</summary>
    public static NatFacts Unknown { get; } = new(NatMappingFact.Unknown, NatAllocationFact.Unknown, 0, UdpReachable: false);
}
