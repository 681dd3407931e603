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

/// <summary>Whom a NAT lets in (RFC 4787 section 5), as far as it is known.</summary>
public enum NatFilteringFact
{
    /// <summary>Not measured.</summary>
    Unknown,

    /// <summary>Everybody (EIF).</summary>
    EndpointIndependent,

    /// <summary>Every port of an address that was sent to (ADF).</summary>
    AddressDependent,

    /// <summary>Only the address and port that was sent to (APDF).</summary>
    AddressAndPortDependent,
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

    /// <summary>Whom the NAT lets in.</summary>
    public NatFilteringFact Filtering { get; init; }

    /// <summary>The lowest mapped port that was seen, where ports differ by destination; else, or if none was seen, 0.</summary>
    public ushort LowestPort { get; init; }

    /// <summary>The highest; else 0.</summary>
    public ushort HighestPort { get; init; }

    /// <summary>Ports in the aligned block that the mapped ports lie in; 0 when they do not fill one.</summary>
    public int BlockSize { get; init; }

    /// <summary>On how many public addresses the mappings of one socket's host were seen (RFC 4787 section 4.1, "arbitrary" pooling when more than 1); 0 when unknown.</summary>
    public int PublicHosts { get; init; }

    /// <summary>Whether an even local port gets an even mapped one (RFC 4787 section 4.2.2); null when unknown.</summary>
    public bool? KeepsParity { get; init; }

    /// <summary>Whether a packet that nobody asked for costs the flow it belongs to its port ("poisoning"); null when unknown.</summary>
    public bool? IsSpoiledByStrangers { get; init; }

    /// <summary>The IP hop limit that gets a packet out of the outermost NAT and not much further; 0 when it was not found.</summary>
    public int OuterHops { get; init; }

    /// <summary>Whether a gateway has mapped a port for this peer (PCP, NAT-PMP or UPnP): that one is reached as if there were no NAT.</summary>
    public bool HasPortMapping { get; init; }

    /// <summary>Nothing is known.</summary>
    public static NatFacts Unknown { get; } = new(NatMappingFact.Unknown, NatAllocationFact.Unknown, 0, UdpReachable: false);
}
