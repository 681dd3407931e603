using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Diagnostics;

/// <summary>What carries a traced packet.</summary>
public enum TraceCarrier
{
    /// <summary>A UDP datagram.</summary>
    Udp,

    /// <summary>A message of a TCP connection, without its frame.</summary>
    Tcp,

    /// <summary>A message of the main connection to the server.</summary>
    Server,
}

/// <summary>One control packet on its way.</summary>
public readonly ref struct TracedPacket
{
    /// <summary>What carries it.</summary>
    public required TraceCarrier Carrier { get; init; }

    /// <summary>Whether it leaves this host; else it has arrived.</summary>
    public required bool IsSent { get; init; }

    /// <summary>The local address.</summary>
    public required TransportAddress Local { get; init; }

    /// <summary>The other end.</summary>
    public required TransportAddress Remote { get; init; }

    /// <summary>The IP hop limit it was sent with; 0 is the socket's own, or that it has arrived.</summary>
    public int HopLimit { get; init; }

    /// <summary>What a message of the main connection is; null for everything else.</summary>
    public MainMessageKind? MainMessage { get; init; }

    /// <summary>Its length in bytes, without the headers of IP and UDP.</summary>
    public required int Length { get; init; }

    /// <summary>Its bytes; empty for a message of the main connection, which is sealed.</summary>
    public ReadOnlySpan<byte> Bytes { get; init; }
}
