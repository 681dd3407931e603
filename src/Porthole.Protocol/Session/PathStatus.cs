namespace Porthole.Protocol.Session;

/// <summary>What a session knows of one of its paths, at one moment.</summary>
public sealed record PathStatus
{
    /// <summary>The path.</summary>
    public required PathId Id { get; init; }

    /// <summary>The socket it uses.</summary>
    public required SocketId Socket { get; init; }

    /// <summary>The remote address; default on a connected socket.</summary>
    public required TransportAddress Remote { get; init; }

    /// <summary>What the path is made of.</summary>
    public required PathTraits Traits { get; init; }

    /// <summary>Whether data may be sent on it: a challenge was answered, or the owner trusts it.</summary>
    public required bool IsValidated { get; init; }

    /// <summary>Whether data goes this way now.</summary>
    public required bool IsActive { get; init; }

    /// <summary>Whether data is unacknowledged and nothing came for 2 PTO.</summary>
    public required bool IsSuspect { get; init; }

    /// <summary>The smoothed round-trip time (RFC 9002 section 5.3); null before the first sample.</summary>
    public required TimeSpan? SmoothedRoundTrip { get; init; }

    /// <summary>The newest round-trip sample; null before the first.</summary>
    public required TimeSpan? LatestRoundTrip { get; init; }

    /// <summary>The congestion window in bytes.</summary>
    public required long CongestionWindow { get; init; }

    /// <summary>Bytes sent on this path that are neither acknowledged nor lost.</summary>
    public required long BytesInFlight { get; init; }

    /// <summary>The size in bytes that packets on this path may have.</summary>
    public required int MaxPacket { get; init; }

    /// <summary>Bytes sent, all packets whole.</summary>
    public required long BytesSent { get; init; }

    /// <summary>Bytes received in authentic packets.</summary>
    public required long BytesReceived { get; init; }

    /// <summary>Packets that were declared lost.</summary>
    public required long PacketsLost { get; init; }
}
