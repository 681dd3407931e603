using System.Buffers.Binary;
using System.Net.Sockets;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Kernel;

/// <summary>Packets out of chance, rewritten: what is not an address stays, and every checksum is right when it is computed anew.</summary>
public sealed class PacketRewriterTests
{
    private const int Runs = 5_000;

    private readonly Random _random = new(1);

    [Fact]
    public void A_rewritten_packet_has_the_new_addresses_right_checksums_and_nothing_else_changed()
    {
        for (int run = 0; run < Runs; run++)
        {
            byte[] packet = AnyPacket(out var addresses, out _);
            byte[] original = [.. packet];
            Assert.True(PacketRewriter.TryRead(packet, out var read));
            Assert.Equal(addresses, read);

            var other = read with { Source = AnyAddress(), Destination = AnyAddress() };
            PacketRewriter.Write(packet, other);
            Assert.True(PacketRewriter.TryRead(packet, out var written));
            Assert.Equal(other, written);
            AssertChecksums(packet);

            PacketRewriter.Write(packet, read);
            // An absent UDP checksum stays absent; of two sums that mean zero, the one that is written is all ones.
            Assert.Equal(original, packet);
        }
    }

    [Fact]
    public void An_error_goes_to_the_host_whose_packet_it_quotes_and_keeps_the_address_of_the_router_that_sent_it()
    {
        for (int run = 0; run < Runs; run++)
        {
            byte[] packet = AnyTransport(out var about, out _);
            var (inside, outside) = (AnyAddress(), about.Source);
            foreach (bool fromTheEnd in new[] { true, false })
            {
                var router = fromTheEnd ? about.Destination : AnyAddress();
                byte[] error = Error(packet, router);
                Assert.True(PacketRewriter.TryRead(error, out var read));
                Assert.Equal(about.ToError() with { Bits = TcpBits.None }, read);

                PacketRewriter.Write(error, read with { Destination = inside });
                AssertChecksums(error);
                Assert.Equal(router.Host, new TransportAddress(error.AsSpan(12, 4), 0));
                Assert.Equal(inside.Host, new TransportAddress(error.AsSpan(16, 4), 0));
                Assert.True(PacketRewriter.TryRead(error, out read));
                Assert.Equal((about.Destination, inside), (read.Source, read.Destination));

                // The same on its way out, from the host inside.
                if (!fromTheEnd) continue;
                PacketRewriter.Write(error, read with { Source = outside });
                AssertChecksums(error);
                Assert.Equal(outside.Host, new TransportAddress(error.AsSpan(12, 4), 0));
            }
        }
    }

    [Fact]
    public void A_reset_is_the_one_that_a_host_sends_for_the_segment()
    {
        for (int run = 0; run < Runs; run++)
        {
            byte[] packet = AnyTcp(out var segment, out int payload);
            var tcp = packet.AsSpan(PacketRewriter.HeaderLength(packet));
            uint sequence = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
            uint acknowledged = BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]);
            byte[] buffer = new byte[2_000];
            packet.CopyTo(buffer, 0);
            int length = PacketAnswer.WriteReset(buffer, packet.Length);
            if (segment.Bits.HasFlag(TcpBits.Reset))
            {
                Assert.Equal(0, length);
                continue;
            }

            byte[] answer = buffer[..length];
            AssertChecksums(answer);
            Assert.True(PacketRewriter.TryRead(answer, out var read));
            Assert.Equal((segment.Destination, segment.Source), (read.Source, read.Destination));
            var reset = answer.AsSpan(20);
            if (segment.Bits.HasFlag(TcpBits.Ack))
            {
                Assert.Equal(TcpBits.Reset, read.Bits);
                Assert.Equal(acknowledged, BinaryPrimitives.ReadUInt32BigEndian(reset[4..]));
            }
            else
            {
                int taken = payload + (segment.Bits.HasFlag(TcpBits.Syn) ? 1 : 0) + (segment.Bits.HasFlag(TcpBits.Fin) ? 1 : 0);
                Assert.Equal(TcpBits.Reset | TcpBits.Ack, read.Bits);
                Assert.Equal((0u, sequence + (uint)taken), (BinaryPrimitives.ReadUInt32BigEndian(reset[4..]), BinaryPrimitives.ReadUInt32BigEndian(reset[8..])));
            }
        }
    }

    [Fact]
    public void An_error_quotes_the_packet_that_it_is_about()
    {
        for (int run = 0; run < Runs; run++)
        {
            byte[] packet = AnyTransport(out var about, out _);
            byte[] buffer = new byte[2_000];
            packet.CopyTo(buffer, 0);
            byte[] error = buffer[..PacketAnswer.WriteUnreachable(buffer, packet.Length, 13)];
            AssertChecksums(error);
            Assert.Equal((3, 13), (error[20], error[21]));
            Assert.True(PacketRewriter.TryRead(error, out var read));
            Assert.Equal(about.ToError() with { Bits = TcpBits.None }, read);
            Assert.Equal(packet[..(PacketRewriter.HeaderLength(packet) + 8)], error[28..]);
        }
    }

    [Fact]
    public void Any_bytes_are_taken_or_refused_but_never_throw()
    {
        byte[] bytes = new byte[80];
        for (int run = 0; run < 20 * Runs; run++)
        {
            _random.NextBytes(bytes);
            // Likely enough a packet that the interesting places are reached.
            if (run % 2 == 0) (bytes[0], bytes[6], bytes[7]) = ((byte)(0x45 + _random.Next(3)), 0, 0);
            bytes[9] = (byte)(run % 3 == 0 ? 1 : run % 3 == 1 ? 6 : 17);
            if (run % 3 == 0) (bytes[20], bytes[28], bytes[34], bytes[35], bytes[37]) = (3, 0x45, 0, 0, 6);
            var packet = bytes.AsSpan(0, _random.Next(bytes.Length + 1));
            if (PacketRewriter.TryRead(packet, out var read)) PacketRewriter.Write(packet, read with { Source = AnyAddress() });
        }
    }

    private TransportAddress AnyAddress()
    {
        byte[] address = new byte[4];
        _random.NextBytes(address);
        return new TransportAddress(address, (ushort)_random.Next(65_536));
    }

    private byte[] AnyPacket(out NatPacket addresses, out int payload)
    {
        byte[] packet = AnyTransport(out addresses, out payload);
        if (_random.Next(3) > 0) return packet;
        addresses = addresses.ToError() with { Bits = TcpBits.None };
        return Error(packet, addresses.Source);
    }

    private byte[] AnyTransport(out NatPacket addresses, out int payload) =>
        _random.Next(2) == 0 ? AnyUdp(out addresses, out payload) : AnyTcp(out addresses, out payload);

    private byte[] AnyUdp(out NatPacket addresses, out int payload)
    {
        payload = _random.Next(100);
        byte[] packet = AnyIp(ProtocolType.Udp, 8 + payload, out int header);
        var udp = packet.AsSpan(header);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0);
        if (_random.Next(4) > 0)
        {
            ushort sum = (ushort)~OnesSum(packet.AsSpan(12, 8), udp, (uint)ProtocolType.Udp + (uint)udp.Length);
            BinaryPrimitives.WriteUInt16BigEndian(udp[6..], sum == 0 ? (ushort)0xFFFF : sum);
        }

        addresses = new NatPacket(Address(packet, 12, udp), Address(packet, 16, udp[2..]));
        return packet;
    }

    private byte[] AnyTcp(out NatPacket addresses, out int payload)
    {
        payload = _random.Next(100);
        int words = _random.Next(5, 16);
        byte[] packet = AnyIp(ProtocolType.Tcp, words * 4 + payload, out int header);
        var tcp = packet.AsSpan(header);
        tcp[12] = (byte)(words << 4);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], (ushort)~OnesSum(packet.AsSpan(12, 8), tcp, (uint)ProtocolType.Tcp + (uint)tcp.Length));
        addresses = NatPacket.Tcp(Address(packet, 12, tcp), Address(packet, 16, tcp[2..]), (TcpBits)(tcp[13] & 0b0001_0111));
        return packet;
    }

    /// <summary>An IPv4 packet with options, all of it chance but what must not be.</summary>
    private byte[] AnyIp(ProtocolType protocol, int length, out int header)
    {
        int words = _random.Next(5, 16);
        header = 4 * words;
        byte[] packet = new byte[header + length];
        _random.NextBytes(packet);
        packet[0] = (byte)(0x40 | words);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        (packet[6], packet[7], packet[9]) = ((byte)(_random.Next(2) << 6), 0, (byte)protocol);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~OnesSum(packet.AsSpan(0, header), [], 0));
        return packet;
    }

    /// <summary>What a router says of a packet: it quotes eight bytes behind the header, or all.</summary>
    private byte[] Error(byte[] about, TransportAddress router)
    {
        int quoted = _random.Next(2) == 0 ? PacketRewriter.HeaderLength(about) + 8 : about.Length;
        byte[] packet = AnyIp(ProtocolType.Icmp, 8 + quoted, out int header);
        router.WriteAddress(packet.AsSpan(12));
        about.AsSpan(12, 4).CopyTo(packet.AsSpan(16));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~OnesSum(packet.AsSpan(0, header), [], 0));
        var icmp = packet.AsSpan(header);
        icmp[0] = (byte)(_random.Next(3) switch { 0 => 3, 1 => 11, _ => 12 });
        about.AsSpan(0, quoted).CopyTo(icmp[8..]);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], (ushort)~OnesSum(icmp, [], 0));
        return packet;
    }

    private static TransportAddress Address(byte[] packet, int at, ReadOnlySpan<byte> port) =>
        new(packet.AsSpan(at, 4), BinaryPrimitives.ReadUInt16BigEndian(port));

    /// <summary>With its checksum in it, whatever a checksum covers sums up to all ones.</summary>
    private static void AssertChecksums(ReadOnlySpan<byte> packet)
    {
        int header = PacketRewriter.HeaderLength(packet);
        var payload = packet[header..];
        Assert.Equal(0xFFFF, OnesSum(packet[..header], [], 0));
        switch ((ProtocolType)packet[9])
        {
            case ProtocolType.Icmp:
                Assert.Equal(0xFFFF, OnesSum(payload, [], 0));
                var quoted = payload[8..];
                bool isWhole = BinaryPrimitives.ReadUInt16BigEndian(quoted[2..]) == quoted.Length;
                if (isWhole) AssertChecksums(quoted);
                else Assert.Equal(0xFFFF, OnesSum(quoted[..PacketRewriter.HeaderLength(quoted)], [], 0));
                break;
            case ProtocolType.Udp when BinaryPrimitives.ReadUInt16BigEndian(payload[6..]) == 0:
                break;
            default:
                Assert.Equal(0xFFFF, OnesSum(packet.Slice(12, 8), payload, (uint)packet[9] + (uint)payload.Length));
                break;
        }
    }

    private static ushort OnesSum(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other, uint more)
    {
        ulong sum = more;
        foreach (bool first in new[] { true, false })
        {
            var bytes = first ? one : other;
            for (int i = 0; i < bytes.Length; i++) sum += i % 2 == 0 ? (ulong)bytes[i] << 8 : bytes[i];
        }

        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }
}
