using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>What a NAT sees of a packet: where it comes from, where it goes, and of TCP what the segment does.</summary>
/// <param name="Source">The source address and port.</param>
/// <param name="Destination">The destination address and port.</param>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="Bits">The control bits of a TCP segment; none for UDP.</param>
/// <param name="IsError">
/// Whether this is an ICMP error about a packet of the protocol (RFC 792, RFC 4443). <paramref name="Source"/> and <paramref name="Destination"/> are then
/// those of the packet that it quotes, turned round, so that it travels to where that packet came from.
/// </param>
public readonly record struct NatPacket(
    TransportAddress Source, TransportAddress Destination, NatProtocol Protocol = NatProtocol.Udp, TcpBits Bits = TcpBits.None, bool IsError = false)
{
    /// <summary>Whether this opens a TCP connection: SYN without ACK.</summary>
    public bool IsSyn => (Bits & (TcpBits.Syn | TcpBits.Ack | TcpBits.Reset)) == TcpBits.Syn && !IsError;

    /// <summary>A TCP segment.</summary>
    /// <param name="source">The source address and port.</param>
    /// <param name="destination">The destination address and port.</param>
    /// <param name="bits">The control bits.</param>
    public static NatPacket Tcp(TransportAddress source, TransportAddress destination, TcpBits bits) =>
        new(source, destination, NatProtocol.Tcp, bits);

    /// <summary>An ICMP error about this packet, which travels back to its source.</summary>
    public NatPacket ToError() => new(Destination, Source, Protocol, TcpBits.None, IsError: true);

    /// <inheritdoc/>
    public override string ToString() => $"{Source} → {Destination}";
}
