using System.Text.Json;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

[Collection(nameof(Alone))]
public sealed class PacketProtectionTests
{
    private static readonly Instant s_now = Instant.FromMilliseconds(1_000);

    [Fact]
    public void Packets_are_what_the_reference_says()
    {
        using var stream = typeof(PacketProtectionTests).Assembly.GetManifestResourceStream("session-packets.json")!;
        using var json = JsonDocument.Parse(stream);
        byte[] Bytes(string name) => Convert.FromHexString(json.RootElement.GetProperty(name).GetString()!);
        var session = SessionId.Read(Bytes("connection"));
        using var sender = new PacketProtection(session, Bytes("sendSecret"), Bytes("receiveSecret"));
        using var receiver = new PacketProtection(session, Bytes("receiveSecret"), Bytes("sendSecret"));
        int packets = 0;
        foreach (var vector in json.RootElement.GetProperty("packets").EnumerateArray())
        {
            if (sender.SendKeyNumber < vector.GetProperty("key").GetUInt64())
            {
                PacketPair.AssertPasses(receiver, sender); // shows that it has the present key
                Assert.True(receiver.TryUpdateKeys());
                PacketPair.AssertPasses(receiver, sender); // the sender follows
            }

            byte[] payload = Convert.FromHexString(vector.GetProperty("payload").GetString()!);
            byte[] packet = PacketPair.Seal(sender, payload);
            Assert.Equal(vector.GetProperty("packet").GetString(), Convert.ToHexStringLower(packet));
            Assert.True(receiver.TryOpen(s_now, packet, out ulong number, out var opened));
            Assert.Equal(vector.GetProperty("number").GetUInt64(), number);
            Assert.Equal(payload, opened);
            packets++;
        }

        Assert.Equal(9, packets);
    }

    [Fact]
    public void A_packet_opens_once_in_place_and_in_any_order()
    {
        var pair = new PacketPair();
        byte[][] packets = [.. Enumerable.Range(0, 100).Select(i => PacketPair.Seal(pair.Near, [(byte)i]))];
        Assert.Equal(100ul, pair.Near.NextPacketNumber);
        foreach (int i in Enumerable.Range(0, 100).Reverse())
        {
            byte[] copy = [.. packets[i]];
            Assert.True(pair.Far.TryOpen(s_now, copy, out ulong number, out var payload));
            Assert.Equal((ulong)i, number);
            Assert.Equal([(byte)i], payload);
            Assert.True(payload.Overlaps(copy));
            Assert.False(pair.Far.TryOpen(s_now, packets[i], out _, out _)); // replayed
        }

        Assert.Equal(0ul, pair.Far.Forgeries); // a replay is no forgery
    }

    [Fact]
    public void Payloads_of_every_size_pass()
    {
        var pair = new PacketPair();
        foreach (int size in new[] { 0, 1, 15, 16, 17, 1_167, 1_200, 16_384 })
        {
            byte[] payload = [.. Enumerable.Range(0, size).Select(i => (byte)i)];
            byte[] packet = PacketPair.Seal(pair.Near, payload);
            Assert.Equal(size + PacketProtection.Overhead, packet.Length);
            Assert.True(pair.Far.TryOpen(s_now, packet, out _, out var opened));
            Assert.Equal(payload, opened);
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_does_not_open()
    {
        var pair = new PacketPair();
        byte[] packet = PacketPair.Seal(pair.Near, "hello"u8);
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            byte[] forged = [.. packet];
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(pair.Far.TryOpen(s_now, forged, out _, out _));
        }

        Assert.True(pair.Far.TryOpen(s_now, packet, out _, out _));
    }

    [Fact]
    public void A_truncated_packet_does_not_open()
    {
        var pair = new PacketPair();
        byte[] packet = PacketPair.Seal(pair.Near, "hello"u8);
        for (int length = 0; length < packet.Length; length++) Assert.False(PacketPair.Open(pair.Far, packet[..length]));
        Assert.False(PacketPair.Open(pair.Far, [.. packet, 0]));
        Assert.True(PacketPair.Open(pair.Far, packet));
    }

    [Fact]
    public void Random_bytes_never_throw_and_never_open()
    {
        var pair = new PacketPair();
        byte[] header = PacketPair.Seal(pair.Near, [])[..9];
        var random = new Random(4);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            if (bytes.Length > header.Length && random.Next(2) == 0) header.CopyTo(bytes, 0);
            Assert.False(pair.Far.TryOpen(s_now, bytes, out _, out _));
        }

        Assert.InRange(pair.Far.Forgeries, 100ul, 2_000ul); // some came as far as the tag
    }

    [Fact]
    public void Nothing_opens_after_the_forgery_limit()
    {
        var pair = new PacketPair(new PacketProtectionLimits { ForgeryLimit = 3 });
        for (int i = 0; i < 3; i++)
        {
            Assert.False(pair.Far.IsForgeryLimitReached);
            PacketPair.AssertPasses(pair.Near, pair.Far);
            byte[] forged = PacketPair.Seal(pair.Near, []);
            forged[^1] ^= 1;
            Assert.False(PacketPair.Open(pair.Far, forged));
        }

        Assert.True(pair.Far.IsForgeryLimitReached);
        Assert.False(PacketPair.Open(pair.Far, PacketPair.Seal(pair.Near, [])));
        Assert.Equal(3ul, pair.Far.Forgeries);
    }

    [Fact]
    public void Sealing_and_opening_allocate_nothing()
    {
        var pair = new PacketPair();
        byte[] buffer = new byte[1_200];
        Assert.Equal(0, Allocations.Least(() => RoundTrips(1_000)));

        void RoundTrips(int count)
        {
            for (int i = 0; i < count; i++)
            {
                int length = pair.Near.Seal(buffer, 1_000, out _);
                if (!pair.Far.TryOpen(s_now, buffer.AsSpan(0, length), out _, out _)) throw new InvalidOperationException("did not open");
            }
        }
    }

    [Fact]
    public void A_span_that_is_too_small_is_the_callers_mistake()
    {
        var pair = new PacketPair();
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Near.Seal(new byte[PacketProtection.Overhead + 9], 10, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Near.Seal(new byte[100], -1, out _));
        Assert.Throws<ArgumentException>(() => new PacketProtection(new SessionId(1), new byte[31], new byte[32]));
        Assert.Equal(0ul, pair.Near.NextPacketNumber);
    }

    [Fact]
    public void Keys_never_print() =>
        Assert.Equal("PacketProtection(00000000000000ff, 0 sealed, keys 0 and 0)", new PacketPair().Near.ToString());
}
