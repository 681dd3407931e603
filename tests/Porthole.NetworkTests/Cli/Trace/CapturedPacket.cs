using System.Buffers.Binary;
using System.Text;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Cli.Trace;

/// <summary>A UDP datagram of a pcapng file, read by the book (draft-ietf-opsawg-pcapng), every length and checksum looked at.</summary>
internal sealed record CapturedPacket(TransportAddress From, TransportAddress To, int HopLimit, byte[] Payload, ulong Microseconds, int Direction, IReadOnlyList<string> Comments)
{
    public static List<CapturedPacket> ReadAll(ReadOnlySpan<byte> file)
    {
        var packets = new List<CapturedPacket>();
        var types = new List<uint>();
        while (file.Length > 0)
        {
            uint type = Number(file), length = Number(file[4..]);
            Assert.Equal(0u, length % 4);
            Assert.Equal(length, Number(file[((int)length - 4)..]));
            var body = file[8..((int)length - 4)];
            types.Add(type);
            if (type == 0x0A0D0D0A) Assert.Equal((0x1A2B3C4Du, (ushort)1, (ushort)0), (Number(body), Short(body[4..]), Short(body[6..])));
            if (type == 1) Assert.Equal((ushort)101, Short(body));
            if (type == 6) packets.Add(ReadPacket(body));
            file = file[(int)length..];
        }

        Assert.Equal([0x0A0D0D0A, 1], types.Take(2));
        Assert.All(types.Skip(2), static type => Assert.Equal(6u, type));
        return packets;
    }

    private static CapturedPacket ReadPacket(ReadOnlySpan<byte> body)
    {
        Assert.Equal(0u, Number(body));
        ulong at = ((ulong)Number(body[4..]) << 32) | Number(body[8..]);
        int captured = (int)Number(body[12..]);
        Assert.Equal(captured, (int)Number(body[16..]));
        var ip = body.Slice(20, captured);
        var options = body[(20 + (captured + 3) / 4 * 4)..];
        int direction = 0;
        var comments = new List<string>();
        while (Short(options) is not 0 and var code)
        {
            int length = Short(options[2..]);
            if (code == 1) comments.Add(Encoding.UTF8.GetString(options.Slice(4, length)));
            if (code == 2) direction = (int)Number(options[4..]);
            options = options[(4 + (length + 3) / 4 * 4)..];
        }

        Assert.Equal(4, options.Length);
        bool isIPv6 = ip[0] >> 4 == 6;
        int header = isIPv6 ? 40 : 20, address = isIPv6 ? 16 : 4, first = isIPv6 ? 8 : 12;
        var udp = ip[header..];
        Assert.Equal(udp.Length, BinaryPrimitives.ReadUInt16BigEndian(udp[4..]));
        Assert.Equal(isIPv6 ? udp.Length : ip.Length, BinaryPrimitives.ReadUInt16BigEndian(ip[(isIPv6 ? 4 : 2)..]));
        Assert.Equal(17, ip[isIPv6 ? 6 : 9]);
        if (!isIPv6) Assert.Equal(0xFFFF, Fold(Sum(ip[..20]))); // RFC 1071: with its own checksum it sums up to this
        Assert.Equal(0xFFFF, Fold(Sum(ip.Slice(first, 2 * address)) + 17 + udp.Length + Sum(udp)));
        return new CapturedPacket(
            new TransportAddress(ip.Slice(first, address), BinaryPrimitives.ReadUInt16BigEndian(udp)),
            new TransportAddress(ip.Slice(first + address, address), BinaryPrimitives.ReadUInt16BigEndian(udp[2..])),
            ip[isIPv6 ? 7 : 8],
            udp[8..].ToArray(),
            at,
            direction,
            comments);
    }

    private static long Sum(ReadOnlySpan<byte> bytes)
    {
        long sum = 0;
        for (int i = 0; i < bytes.Length; i++) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
        return sum;
    }

    private static int Fold(long sum)
    {
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (int)sum;
    }

    private static uint Number(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static ushort Short(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);
}
