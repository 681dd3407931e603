using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Porthole.Diagnostics;
using Porthole.Protocol;

namespace Porthole.Cli.Trace;

/// <summary>
/// Writes the UDP packets of a trace as pcapng (draft-ietf-opsawg-pcapng), with headers of IP and UDP made up around them. What happened between two packets is a
/// comment on the second.
/// </summary>
internal static class PcapngWriter
{
    // Block types, sections 4.1 to 4.3.
    private const uint SectionHeader = 0x0A0D0D0A;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;

    private const uint ByteOrderMagic = 0x1A2B3C4D; // section 4.1
    private const ushort RawIP = 101; // LINKTYPE_RAW: an IPv4 or IPv6 header comes first

    // Options, section 3.5 and those of each block.
    private const ushort EndOfOptions = 0;
    private const ushort Comment = 1;
    private const ushort Application = 4; // shb_userappl
    private const ushort Flags = 2; // epb_flags
    private const byte Inbound = 1;
    private const byte Outbound = 2;

    private const int MaxComment = 1_000;

    private const int UdpHeader = 8;
    private const byte UdpProtocol = 17;
    private const byte StandardHopLimit = 64;

    /// <summary>Writes all UDP packets of a trace.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="story">The trace, and what it means.</param>
    public static void Write(Stream output, TraceStory story)
    {
        WriteSection(output);
        WriteInterface(output);
        var comments = new List<string>();
        foreach (var (entry, step) in story.Steps)
        {
            if (step is not null) comments.Add(step.Text);
            if (entry is not TraceEntry.Packet { Carrier: TraceCarrier.Udp } packet) continue;
            WritePacket(output, story.Record.Began + packet.At, packet, comments);
            comments.Clear();
        }
    }

    private static void WriteSection(Stream output)
    {
        using var body = new MemoryStream();
        WriteNumber(body, ByteOrderMagic);
        WriteShort(body, 1); // version 1.0
        WriteShort(body, 0);
        WriteNumber(body, uint.MaxValue); // the section's length is not said
        WriteNumber(body, uint.MaxValue);
        WriteText(body, Application, "porthole");
        WriteEnd(body);
        WriteBlock(output, SectionHeader, body);
    }

    private static void WriteInterface(Stream output)
    {
        using var body = new MemoryStream();
        WriteShort(body, RawIP);
        WriteShort(body, 0);
        WriteNumber(body, 0); // no packet is cut off
        WriteBlock(output, InterfaceDescription, body);
    }

    private static void WritePacket(Stream output, DateTimeOffset at, TraceEntry.Packet packet, IReadOnlyList<string> comments)
    {
        var (from, to) = packet.IsSent ? (packet.Local, packet.Remote) : (packet.Remote, packet.Local);
        byte[] bytes = Datagram(from, to, packet.HopLimit == 0 ? StandardHopLimit : (byte)packet.HopLimit, packet.Bytes);
        ulong microseconds = (ulong)((at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        using var body = new MemoryStream();
        WriteNumber(body, 0); // the interface
        WriteNumber(body, (uint)(microseconds >> 32));
        WriteNumber(body, (uint)microseconds);
        WriteNumber(body, (uint)bytes.Length);
        WriteNumber(body, (uint)bytes.Length);
        body.Write(bytes);
        Pad(body);
        WriteOption(body, Flags, packet.IsSent ? [Outbound, 0, 0, 0] : [Inbound, 0, 0, 0]);
        foreach (string comment in comments) WriteText(body, Comment, comment.Length <= MaxComment ? comment : comment[..MaxComment]);
        WriteEnd(body);
        WriteBlock(output, EnhancedPacket, body);
    }

    /// <summary>A UDP datagram with its headers (RFC 768, RFC 791, RFC 8200).</summary>
    private static byte[] Datagram(TransportAddress from, TransportAddress to, byte hopLimit, ReadOnlySpan<byte> payload)
    {
        bool isIPv6 = from.Family == AddressFamily.InterNetworkV6;
        int ipHeader = isIPv6 ? 40 : 20, udpLength = UdpHeader + payload.Length;
        byte[] bytes = new byte[ipHeader + udpLength];
        var ip = bytes.AsSpan(0, ipHeader);
        if (isIPv6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)udpLength);
            (ip[6], ip[7]) = (UdpProtocol, hopLimit);
            from.WriteAddress(ip[8..]);
            to.WriteAddress(ip[24..]);
        }
        else
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)bytes.Length);
            (ip[8], ip[9]) = (hopLimit, UdpProtocol);
            from.WriteAddress(ip[12..]);
            to.WriteAddress(ip[16..]);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Checksum(Sum(ip)));
        }

        var udp = bytes.AsSpan(ipHeader);
        BinaryPrimitives.WriteUInt16BigEndian(udp, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udpLength);
        payload.CopyTo(udp[UdpHeader..]);
        // The pseudo-header: both addresses, the protocol, the length.
        ushort checksum = Checksum(Sum(isIPv6 ? ip[8..] : ip[12..]) + UdpProtocol + (uint)udpLength + Sum(udp));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], checksum == 0 ? ushort.MaxValue : checksum);
        return bytes;
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i + 1 < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        return bytes.Length % 2 == 0 ? sum : sum + ((uint)bytes[^1] << 8);
    }

    private static ushort Checksum(uint sum)
    {
        while (sum > ushort.MaxValue) sum = (sum & ushort.MaxValue) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>Type, length, body, length (section 3.1).</summary>
    private static void WriteBlock(Stream output, uint type, MemoryStream body)
    {
        uint length = (uint)body.Length + 12;
        WriteNumber(output, type);
        WriteNumber(output, length);
        body.WriteTo(output);
        WriteNumber(output, length);
    }

    private static void WriteText(Stream output, ushort code, string text) => WriteOption(output, code, Encoding.UTF8.GetBytes(text));

    private static void WriteOption(Stream output, ushort code, ReadOnlySpan<byte> value)
    {
        WriteShort(output, code);
        WriteShort(output, (ushort)value.Length);
        output.Write(value);
        Pad(output);
    }

    private static void WriteEnd(Stream output)
    {
        WriteShort(output, EndOfOptions);
        WriteShort(output, 0);
    }

    /// <summary>Everything ends at a multiple of 4 bytes.</summary>
    private static void Pad(Stream output)
    {
        while (output.Length % 4 != 0) output.WriteByte(0);
    }

    private static void WriteNumber(Stream output, uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        output.Write(bytes);
    }

    private static void WriteShort(Stream output, ushort number)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, number);
        output.Write(bytes);
    }
}
