namespace Porthole.Lab.Nat;

/// <summary>The transport protocol of a packet. A NAT keeps the ports of each for themselves.</summary>
public enum NatProtocol : byte
{
    /// <summary>UDP.</summary>
    Udp,

    /// <summary>TCP.</summary>
    Tcp,
}
