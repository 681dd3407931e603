using System.Buffers.Binary;
using System.Net.Sockets;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>
/// Reads and changes the addresses of UDP, TCP and ICMP error packets in IPv4 in place, with their checksums (RFC 791, RFC 768, RFC 9293, RFC 792).
/// Of an ICMP error the addresses are those of the packet that it quotes, as RFC 5508 asks of a NAT.
/// </summary>
internal static class PacketRewriter
{
    /// <summary>The length of an IPv4 header without options, in bytes.</summary>
    public const int LeastHeader = 20;

    /// <summary>Where in the IPv4 header the total length, the number of the protocol, the checksum and the addresses lie.</summary>
    public const int LengthAt = 2, ProtocolAt = 9, ChecksumAt = 10, SourceAt = 12, DestinationAt = 16;

    /// <summary>Where in the TCP header the sequence number, the acknowledgment, the length in words, the control bits and the checksum lie.</summary>
    public const int SequenceAt = 4, AcknowledgmentAt = 8, WordsAt = 12, BitsAt = 13, TcpChecksumAt = 16;

    /// <summary>The length of a TCP header without options, and of the headers of UDP and ICMP, in bytes.</summary>
    public const int TcpHeader = 20, UdpHeader = 8, IcmpHeader = 8;

    /// <summary>Where in the headers of UDP and ICMP the checksum lies.</summary>
    public const int UdpChecksumAt = 6, IcmpChecksumAt = 2;

    /// <summary>The ICMP types destination unreachable, time exceeded and parameter problem: errors about a packet, which they quote (RFC 792).</summary>
    public const byte Unreachable = 3, TimeExceeded = 11, ParameterProblem = 12;

    // An error quotes the IP header and at least eight bytes behind it, which hold the ports.
    private const int LeastQuoted = 8;

    private const int FragmentAt = 6;
    private const ushort FragmentBits = 0x3FFF; // more fragments, and the offset
    private const TcpBits KnownBits = TcpBits.Fin | TcpBits.Syn | TcpBits.Reset | TcpBits.Ack;

    /// <summary>Reads what a NAT sees of a packet.</summary>
    /// <returns>False for anything that is not a whole UDP, TCP or ICMP error packet in IPv4.</returns>
    public static bool TryRead(ReadOnlySpan<byte> packet, out NatPacket read)
    {
        read = default;
        if (!TryReadHeader(packet, out int header)) return false;
        var payload = packet[header..];
        switch ((ProtocolType)packet[ProtocolAt])
        {
            case ProtocolType.Udp when payload.Length >= UdpHeader:
                read = new NatPacket(Source(packet, payload), Destination(packet, payload));
                return true;
            case ProtocolType.Tcp when payload.Length >= TcpHeader:
                read = NatPacket.Tcp(Source(packet, payload), Destination(packet, payload), (TcpBits)payload[BitsAt] & KnownBits);
                return true;
            case ProtocolType.Icmp when payload.Length >= IcmpHeader && payload[0] is Unreachable or TimeExceeded or ParameterProblem:
                return TryReadQuoted(payload[IcmpHeader..], out read);
            default:
                return false;
        }
    }

    /// <summary>Writes other addresses and ports into a packet that <see cref="TryRead"/> has accepted.</summary>
    public static void Write(Span<byte> packet, NatPacket addresses)
    {
        if (!addresses.IsError)
        {
            WriteAddresses(packet, addresses.Source, addresses.Destination);
            return;
        }

        // The error goes the other way than the packet it quotes. It may come from any router on the way, whose address is its own.
        var icmp = packet[HeaderLength(packet)..];
        var quoted = icmp[IcmpHeader..];
        bool fromTheEnd = packet.Slice(SourceAt, 4).SequenceEqual(quoted.Slice(DestinationAt, 4));
        WriteAddresses(quoted, addresses.Destination, addresses.Source);
        uint before = Sum(packet.Slice(SourceAt, 8));
        if (fromTheEnd) addresses.Source.WriteAddress(packet[SourceAt..]);
        addresses.Destination.WriteAddress(packet[DestinationAt..]);
        Update(packet[ChecksumAt..], before, Sum(packet.Slice(SourceAt, 8)));
        WriteChecksum(icmp, IcmpChecksumAt, 0);
    }

    /// <summary>The length of an IPv4 header, in bytes.</summary>
    public static int HeaderLength(ReadOnlySpan<byte> packet) => (packet[0] & 0x0F) * 4;

    /// <summary>Writes a checksum anew (RFC 1071).</summary>
    /// <param name="words">What it covers, with an odd last byte counted as if a zero followed.</param>
    /// <param name="at">Where in it the checksum lies.</param>
    /// <param name="others">The sum of what it covers beside that: a pseudo header.</param>
    public static void WriteChecksum(Span<byte> words, int at, uint others)
    {
        words.Slice(at, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(words[at..], (ushort)~Fold(others + Sum(words)));
    }

    /// <summary>The sum of 16-bit words that checksums are made of.</summary>
    public static uint Sum(ReadOnlySpan<byte> words)
    {
        uint sum = 0;
        for (int i = 0; i + 1 < words.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(words[i..]);
        if (words.Length % 2 == 1) sum += (uint)words[^1] << 8;
        return sum;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> packet, out int header)
    {
        header = 0;
        if (packet.Length < LeastHeader || packet[0] >> 4 != 4) return false;
        header = HeaderLength(packet);
        return header >= LeastHeader && packet.Length >= header && (BinaryPrimitives.ReadUInt16BigEndian(packet[FragmentAt..]) & FragmentBits) == 0;
    }

    private static bool TryReadQuoted(ReadOnlySpan<byte> quoted, out NatPacket read)
    {
        read = default;
        if (!TryReadHeader(quoted, out int header) || quoted.Length < header + LeastQuoted) return false;
        NatProtocol protocol;
        switch ((ProtocolType)quoted[ProtocolAt])
        {
            case ProtocolType.Udp:
                protocol = NatProtocol.Udp;
                break;
            case ProtocolType.Tcp:
                protocol = NatProtocol.Tcp;
                break;
            default:
                return false;
        }

        read = new NatPacket(Source(quoted, quoted[header..]), Destination(quoted, quoted[header..]), protocol).ToError();
        return true;
    }

    private static TransportAddress Source(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> payload) =>
        new(packet.Slice(SourceAt, 4), BinaryPrimitives.ReadUInt16BigEndian(payload));

    private static TransportAddress Destination(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> payload) =>
        new(packet.Slice(DestinationAt, 4), BinaryPrimitives.ReadUInt16BigEndian(payload[2..]));

    private static void WriteAddresses(Span<byte> packet, TransportAddress source, TransportAddress destination)
    {
        var payload = packet[HeaderLength(packet)..];
        // RFC 1624: the sum changes by what its words change; the addresses count in both sums, the ports in that of the transport alone.
        uint before = Sum(packet.Slice(SourceAt, 8));
        uint portsBefore = Sum(payload[..4]);
        source.WriteAddress(packet[SourceAt..]);
        destination.WriteAddress(packet[DestinationAt..]);
        BinaryPrimitives.WriteUInt16BigEndian(payload, source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(payload[2..], destination.Port);
        uint after = Sum(packet.Slice(SourceAt, 8));
        Update(packet[ChecksumAt..], before, after);

        before += portsBefore;
        after += Sum(payload[..4]);
        if ((ProtocolType)packet[ProtocolAt] == ProtocolType.Tcp)
        {
            // A quoted packet is seldom quoted as far as there.
            if (payload.Length >= TcpHeader) Update(payload[TcpChecksumAt..], before, after);
            return;
        }

        // An absent checksum is written as zero, so a sum of zero is written as its equal.
        var checksum = payload[UdpChecksumAt..];
        if (BinaryPrimitives.ReadUInt16BigEndian(checksum) == 0) return;
        Update(checksum, before, after);
        if (BinaryPrimitives.ReadUInt16BigEndian(checksum) == 0) BinaryPrimitives.WriteUInt16BigEndian(checksum, 0xFFFF);
    }

    private static void Update(Span<byte> checksum, uint before, uint after)
    {
        uint sum = (uint)(ushort)~BinaryPrimitives.ReadUInt16BigEndian(checksum) + (ushort)~Fold(before) + Fold(after);
        BinaryPrimitives.WriteUInt16BigEndian(checksum, (ushort)~Fold(sum));
    }

    private static ushort Fold(uint sum)
    {
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }
}
