using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>What bare punchers say to each other, byte by byte.</summary>
public sealed class PunchMessageTests
{
    private static readonly PunchMessage s_message = new(PunchMessageKind.Agreed, 0x0102030405060708, 0x1112131415161718, 0x21222324, 0x31323334);

    [Fact]
    public void A_message_lies_on_the_wire_as_documented()
    {
        byte[] bytes = Write(s_message, "cookie"u8);
        Assert.Equal("706E636804000000010203040506070811121314151617182122232431323334", Convert.ToHexString(bytes[..32]));
        Assert.Equal(System.Security.Cryptography.HMACSHA256.HashData("cookie"u8, bytes.AsSpan(0, 32))[..16], bytes[32..]);
        Assert.True(PunchMessage.TryRead(bytes, "cookie"u8, out var read));
        Assert.Equal(s_message, read);
        Assert.Equal(PacketKind.Unknown, PacketKinds.Classify(bytes));
    }

    [Fact]
    public void Whoever_does_not_know_the_cookie_says_nothing()
    {
        byte[] bytes = Write(s_message, "cookie"u8);
        Assert.False(PunchMessage.TryRead(bytes, "cookies"u8, out _));
        for (int i = 0; i < bytes.Length * 8; i++)
        {
            byte[] changed = [.. bytes];
            changed[i / 8] ^= (byte)(1 << (i % 8));
            Assert.False(PunchMessage.TryRead(changed, "cookie"u8, out _), $"bit {i}");
        }
    }

    [Fact]
    public void What_is_no_message_is_not_read()
    {
        byte[] bytes = Write(s_message, "cookie"u8);
        for (int length = 0; length < bytes.Length; length++) Assert.False(PunchMessage.TryRead(bytes.AsSpan(0, length), "cookie"u8, out _));
        Assert.False(PunchMessage.TryRead((byte[])[.. bytes, 0], "cookie"u8, out _));
        foreach (byte kind in (byte[])[0, 6, 255]) Assert.False(PunchMessage.TryRead(Write(s_message with { Kind = (PunchMessageKind)kind }, "cookie"u8), "cookie"u8, out _));
    }

    private static byte[] Write(PunchMessage message, ReadOnlySpan<byte> cookie)
    {
        byte[] bytes = new byte[PunchMessage.Size];
        message.Write(bytes, cookie);
        return bytes;
    }
}
