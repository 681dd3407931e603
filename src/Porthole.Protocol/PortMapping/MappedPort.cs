namespace Porthole.Protocol.PortMapping;

/// <summary>By what protocol a gateway maps ports, the best first.</summary>
public enum PortMappingProtocol
{
    /// <summary>Port Control Protocol (RFC 6887).</summary>
    Pcp,

    /// <summary>NAT Port Mapping Protocol (RFC 6886).</summary>
    NatPmp,

    /// <summary>UPnP Internet Gateway Device: WANIPConnection or WANPPPConnection.</summary>
    Upnp,
}

/// <summary>A port that a gateway keeps open for this host.</summary>
/// <param name="Internal">The local address that packets to it come to.</param>
/// <param name="Transport">UDP or TCP, one of the two.</param>
/// <param name="External">The address and port at the gateway, as it says; the address is unspecified where it does not say.</param>
/// <param name="Lease">For how long, from now; it is renewed before.</param>
/// <param name="Protocol">How it was asked for.</param>
/// <param name="Gateway">Who gave it, with port 0.</param>
public sealed record MappedPort(
    TransportAddress Internal, Transports Transport, TransportAddress External, TimeSpan Lease, PortMappingProtocol Protocol, TransportAddress Gateway)
{
    /// <summary>Whether the gateway itself stands behind another NAT: what it calls its outside is a private or shared address (RFC 1918, RFC 6598).</summary>
    public bool IsBehindAnotherNat => External.IsPrivate || External.IsLinkLocal;

    /// <summary>Whether the external address could be anybody's on the internet.</summary>
    public bool IsPublic => !IsBehindAnotherNat && !External.IsUnspecified && !External.IsLoopback && !External.IsMulticast;

    /// <inheritdoc/>
    public override string ToString() => $"{Transport} {External} to {Internal} by {Name(Protocol)}";

    internal static string Name(PortMappingProtocol protocol) => protocol switch
    {
        PortMappingProtocol.Pcp => "PCP",
        PortMappingProtocol.NatPmp => "NAT-PMP",
        PortMappingProtocol.Upnp => "UPnP",
    };
}
