using System.Buffers.Binary;
using System.Net.Sockets;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>Reads and changes the addresses of a UDP packet in IPv4 in place, with its checksums (RFC 791, RFC 768).</summary>
internal static class UdpRewriter
{
    private const int LeastHeader = 20;
    private const int UdpHeader = 8;
    private const int ProtocolAt = 9;
    private const int ChecksumAt = 10;
    private const int SourceAt = 12;
    private const int DestinationAt = 16;
    private const int FragmentAt = 6;
    private const ushort FragmentBits = 0x3FFF; // more fragments, and the offset

    /// <summary>Reads the addresses and ports.</summary>
    /// <returns>False for anything that is not a whole UDP packet in IPv4.</returns>
    public static bool TryRead(ReadOnlySpan<byte> packet, out NatPacket addresses)
    {
        addresses = default;
        if (packet.Length < LeastHeader || packet[0] >> 4 != 4 || packet[ProtocolAt] != (byte)ProtocolType.Udp) return false;
        int header = (packet[0] & 0x0F) * 4;
        if (header < LeastHeader || packet.Length < header + UdpHeader) return false;
        if ((BinaryPrimitives.ReadUInt16BigEndian(packet[FragmentAt..]) & FragmentBits) != 0) return false;
        addresses = new NatPacket(
            new TransportAddress(packet.Slice(SourceAt, 4), BinaryPrimitives.ReadUInt16BigEndian(packet[header..])),
            new TransportAddress(packet.Slice(DestinationAt, 4), BinaryPrimitives.ReadUInt16BigEndian(packet[(header + 2)..])));
        return true;
    }

    /// <summary>Writes other addresses and ports into a packet that <see cref="TryRead"/> has accepted.</summary>
    public static void Write(Span<byte> packet, NatPacket addresses)
    {
        int header = (packet[0] & 0x0F) * 4;
        var udp = packet[header..];
        bool hasChecksum = BinaryPrimitives.ReadUInt16BigEndian(udp[6..]) != 0;
        // RFC 1624: the sum changes by what its words change; the addresses count in both sums, the ports in that of UDP alone.
        uint before = Sum(packet.Slice(SourceAt, 8));
        uint portsBefore = Sum(udp[..4]);
        addresses.Source.WriteAddress(packet[SourceAt..]);
        addresses.Destination.WriteAddress(packet[DestinationAt..]);
        BinaryPrimitives.WriteUInt16BigEndian(udp, addresses.Source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], addresses.Destination.Port);
        uint after = Sum(packet.Slice(SourceAt, 8));
        Update(packet[ChecksumAt..], before, after);
        if (!hasChecksum) return;
        Update(udp[6..], before + portsBefore, after + Sum(udp[..4]));
        // An absent checksum is written as zero, so a sum of zero is written as its equal.
        if (BinaryPrimitives.ReadUInt16BigEndian(udp[6..]) == 0) BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0xFFFF);
    }

    private static uint Sum(ReadOnlySpan<byte> words)
    {
        uint sum = 0;
        for (int i = 0; i < words.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(words[i..]);
        return sum;
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
