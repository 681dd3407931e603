using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>The packet protection of both sides of one session.</summary>
internal sealed class PacketPair
{
    public PacketPair(PacketProtectionLimits? limits = null, byte seed = 1, ulong session = 255)
    {
        byte[] one = [.. Enumerable.Repeat(seed, 32)], other = [.. Enumerable.Repeat((byte)(seed + 1), 32)];
        Near = new PacketProtection(new SessionId(session), one, other, limits);
        Far = new PacketProtection(new SessionId(session), other, one, limits);
    }

    public PacketProtection Near { get; }
    public PacketProtection Far { get; }

    public static byte[] Seal(PacketProtection side, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[payload.Length + PacketProtection.Overhead];
        payload.CopyTo(packet.AsSpan(PacketProtection.HeaderSize));
        Assert.Equal(packet.Length, side.Seal(packet, payload.Length, out _));
        return packet;
    }

    public static bool Open(PacketProtection side, byte[] packet, double atMilliseconds = 0) =>
        side.TryOpen(Instant.FromMilliseconds(atMilliseconds), (byte[])[.. packet], out _, out _);

    public static void AssertPasses(PacketProtection from, PacketProtection to, double atMilliseconds = 0) =>
        Assert.True(Open(to, Seal(from, "payload"u8), atMilliseconds));
}
