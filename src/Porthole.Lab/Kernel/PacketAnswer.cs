using System.Buffers.Binary;
using System.Net.Sockets;
using Porthole.Lab.Nat;

namespace Porthole.Lab.Kernel;

/// <summary>Turns a TCP segment or UDP packet that is not let through into what its sender is told instead, in place, addressed to the sender.</summary>
internal static class PacketAnswer
{
    private const byte VersionAndWords = 0x45; // IPv4, five words of header
    private const byte TimeToLive = 64;
    private const int TimeToLiveAt = 8;
    private const int LongestQuote = 60 + 8; // the longest IP header and eight bytes behind it (RFC 792)

    /// <summary>Writes the RST with which a host answers a segment that belongs to no connection (RFC 9293 section 3.10.7.1).</summary>
    /// <param name="buffer">The segment, which <see cref="PacketRewriter.TryRead"/> has accepted.</param>
    /// <param name="length">Its length.</param>
    /// <returns>The length of the answer; 0 to a RST, which is never answered.</returns>
    public static int WriteReset(Span<byte> buffer, int length)
    {
        const int answerLength = PacketRewriter.LeastHeader + PacketRewriter.TcpHeader;
        int header = PacketRewriter.HeaderLength(buffer);
        var segment = buffer[header..length];
        var bits = (TcpBits)segment[PacketRewriter.BitsAt];
        if (bits.HasFlag(TcpBits.Reset)) return 0;
        uint sequence = 0;
        uint acknowledgment = 0;
        var answerBits = TcpBits.Reset;
        if (bits.HasFlag(TcpBits.Ack))
        {
            sequence = BinaryPrimitives.ReadUInt32BigEndian(segment[PacketRewriter.AcknowledgmentAt..]);
        }
        else
        {
            // SYN and FIN take a place in the sequence, like a byte.
            int taken = length - header - (segment[PacketRewriter.WordsAt] >> 4) * 4
                + (bits.HasFlag(TcpBits.Syn) ? 1 : 0) + (bits.HasFlag(TcpBits.Fin) ? 1 : 0);
            acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(segment[PacketRewriter.SequenceAt..]) + (uint)taken;
            answerBits |= TcpBits.Ack;
        }

        Span<byte> ports = stackalloc byte[4];
        segment.Slice(2, 2).CopyTo(ports);
        segment[..2].CopyTo(ports[2..]);
        TurnRound(buffer, ProtocolType.Tcp, answerLength);
        var answer = buffer[PacketRewriter.LeastHeader..answerLength];
        answer.Clear();
        ports.CopyTo(answer);
        BinaryPrimitives.WriteUInt32BigEndian(answer[PacketRewriter.SequenceAt..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(answer[PacketRewriter.AcknowledgmentAt..], acknowledgment);
        answer[PacketRewriter.WordsAt] = PacketRewriter.TcpHeader / 4 << 4;
        answer[PacketRewriter.BitsAt] = (byte)answerBits;
        uint pseudoHeader = PacketRewriter.Sum(buffer.Slice(PacketRewriter.SourceAt, 8)) + (uint)ProtocolType.Tcp + PacketRewriter.TcpHeader;
        PacketRewriter.WriteChecksum(answer, PacketRewriter.TcpChecksumAt, pseudoHeader);
        return answerLength;
    }

    /// <summary>Writes the ICMP error "destination unreachable" about the packet, from the address it was sent to (RFC 792).</summary>
    /// <param name="buffer">The packet, which <see cref="PacketRewriter.TryRead"/> has accepted, with room for the longest error behind it.</param>
    /// <param name="length">Its length.</param>
    /// <param name="code">The reason: 3 for the port, 13 for a prohibition (RFC 1812 section 5.2.7.1).</param>
    /// <returns>The length of the answer.</returns>
    public static int WriteUnreachable(Span<byte> buffer, int length, byte code)
    {
        Span<byte> quote = stackalloc byte[LongestQuote];
        quote = quote[..Math.Min(length, PacketRewriter.HeaderLength(buffer) + 8)];
        buffer[..quote.Length].CopyTo(quote);
        int answerLength = PacketRewriter.LeastHeader + PacketRewriter.IcmpHeader + quote.Length;
        TurnRound(buffer, ProtocolType.Icmp, answerLength);
        var answer = buffer[PacketRewriter.LeastHeader..answerLength];
        answer.Clear();
        (answer[0], answer[1]) = (PacketRewriter.Unreachable, code);
        quote.CopyTo(answer[PacketRewriter.IcmpHeader..]);
        PacketRewriter.WriteChecksum(answer, PacketRewriter.IcmpChecksumAt, 0);
        return answerLength;
    }

    private static void TurnRound(Span<byte> packet, ProtocolType protocol, int length)
    {
        Span<byte> addresses = stackalloc byte[8];
        packet.Slice(PacketRewriter.DestinationAt, 4).CopyTo(addresses);
        packet.Slice(PacketRewriter.SourceAt, 4).CopyTo(addresses[4..]);
        packet = packet[..PacketRewriter.LeastHeader];
        packet.Clear();
        packet[0] = VersionAndWords;
        BinaryPrimitives.WriteUInt16BigEndian(packet[PacketRewriter.LengthAt..], (ushort)length);
        packet[TimeToLiveAt] = TimeToLive;
        packet[PacketRewriter.ProtocolAt] = (byte)protocol;
        addresses.CopyTo(packet[PacketRewriter.SourceAt..]);
        PacketRewriter.WriteChecksum(packet, PacketRewriter.ChecksumAt, 0);
    }
}
