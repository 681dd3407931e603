namespace Porthole.Protocol;

/// <summary>Why the path is what it is, in one word for programs.</summary>
public enum VerdictReason
{
    /// <summary>Nothing has been tried yet.</summary>
    Pending,

    /// <summary>A direct path is in use.</summary>
    Direct,

    /// <summary>This side, or the other, wants the relay only.</summary>
    RelayOnly,

    /// <summary>No STUN answer comes to this side over UDP: a firewall here, or the server's UDP ports are closed.</summary>
    UdpBlockedHere,

    /// <summary>The peer has no proved UDP address: UDP is blocked on its side.</summary>
    UdpBlockedThere,

    /// <summary>One NAT maps by destination and the other filters by port: the port that must be hit is not known.</summary>
    HardNat,

    /// <summary>Checks were sent, or connections tried, and none was answered in time.</summary>
    NoAnswer,

    /// <summary>TCP is all that is wanted here, and what was tried was refused.</summary>
    TcpRefused,

    /// <summary>One side looks for direct paths by UDP only, the other by TCP only, or has no UDP.</summary>
    NoCommonTransport,

    /// <summary>A pair answered checks, but sealed packets of full size did not pass it.</summary>
    DataBlocked,

    /// <summary>The direct path that was in use died; it is being tried again.</summary>
    PathLost,
}
