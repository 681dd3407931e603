namespace Porthole.Protocol.Session;

/// <summary>
/// The numbers that both ends of a session share. QUIC exchanges them as transport parameters (RFC 9000 section 7.4); here they are part of
/// the protocol version, and larger windows are granted by frames as soon as they are useful.
/// </summary>
public static class SessionLimits
{
    /// <summary>Bytes that each end may send on all streams before the first MAX_DATA.</summary>
    public const int InitialMaxData = 1 << 20;

    /// <summary>Bytes that each end may send on one stream before its first MAX_STREAM_DATA.</summary>
    public const int InitialMaxStreamData = 256 << 10;

    /// <summary>Streams that each end may open before the first MAX_STREAMS.</summary>
    public const int InitialMaxStreams = 100;

    /// <summary>The ACK Delay field counts in 2^3 microseconds (RFC 9000 section 18.2, ack_delay_exponent).</summary>
    public const int AckDelayExponent = 3;

    /// <summary>The longest datagram in bytes that an application may send: it fits the smallest packet of any path, so a move never strands it.</summary>
    public const int MaxDatagram = PathTraits.SmallestDatagram - PacketOverhead - 3; // type and a two-byte length

    /// <summary>The most bytes of a close reason on the wire; a longer one is cut.</summary>
    public const int MaxReason = 512;

    /// <summary>The most paths of a session at once: three valid pairs and the relay are the normal case.</summary>
    public const int MaxPaths = 16;

    /// <summary>The delay that a receiver of acknowledgements must reckon with (RFC 9000 section 18.2, max_ack_delay).</summary>
    public static readonly TimeSpan MaxAckDelay = TimeSpan.FromMilliseconds(25);

    /// <summary>How long an acknowledgement really waits for a second packet: the rest up to <see cref="MaxAckDelay"/> is left to the driver's timer.</summary>
    public static readonly TimeSpan AckDelay = TimeSpan.FromMilliseconds(10);

    /// <summary>The granularity of timers (RFC 9002 section 6.1.2, kGranularity).</summary>
    public static readonly TimeSpan Granularity = TimeSpan.FromMilliseconds(1);

    /// <summary>Header (17 bytes) and tag (16 bytes) of every sealed packet.</summary>
    internal const int PacketOverhead = 33;
}
