namespace Porthole.Lab.Kernel;

/// <summary>What the router of a <see cref="KernelSite"/> does, in the words of RFC 4787, all of it done by the Linux kernel.</summary>
public enum KernelNatKind
{
    /// <summary>Endpoint-independent mapping, endpoint-independent filtering, ports preserved.</summary>
    FullCone,

    /// <summary>Endpoint-independent mapping, address-dependent filtering, ports preserved.</summary>
    Restricted,

    /// <summary>Masquerading with preserved ports, unsolicited packets dropped: the usual Linux home router.</summary>
    PortRestricted,

    /// <summary>As <see cref="PortRestricted"/>, but the router takes unsolicited packets for itself: an early packet of the peer costs the port.</summary>
    Poisonable,

    /// <summary>Masquerading with a random port for every destination, unsolicited packets dropped.</summary>
    Symmetric,

    /// <summary>No translation; packets are let in only as answers.</summary>
    Firewall,
}
