namespace Porthole.Lab.Nat;

/// <summary>What a connection tracker believes of a TCP connection from the segments that pass it. It sees no sequence numbers.</summary>
internal enum TcpState : byte
{
    /// <summary>One side has sent a SYN.</summary>
    SynSent,

    /// <summary>Both sides have sent a SYN (simultaneous open, RFC 9293 section 3.5).</summary>
    SynSeenBothWays,

    /// <summary>A SYN-ACK has passed.</summary>
    SynReceived,

    /// <summary>A SYN-ACK has been acknowledged.</summary>
    Established,

    /// <summary>A FIN has passed.</summary>
    Closing,

    /// <summary>A RST has passed.</summary>
    Closed,
}
