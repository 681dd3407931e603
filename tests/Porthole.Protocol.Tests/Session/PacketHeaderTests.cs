using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

public sealed class PacketHeaderTests
{
    private static readonly SessionId s_session = new(0x0123_4567_89AB_CDEF);

    [Fact]
    public void A_sealed_header_reads_as_it_was_written()
    {
        byte[] bytes = new byte[PacketHeader.Size];
        var header = new PacketHeader(s_session, 0x1122_3344_5566_7788, KeyPhase: true, OpenedPhase: false);
        header.WriteTo(bytes);
        Assert.Equal("510123456789abcdef1122334455667788", Convert.ToHexStringLower(bytes));
        Assert.True(PacketHeader.TryRead(bytes, out var read));
        Assert.Equal(header, read);
        Assert.True(PacketHeader.TryReadConnection(bytes, out var connection));
        Assert.Equal(s_session, connection);
        Assert.Equal(PacketKind.Session, PacketKinds.Classify(bytes));
    }

    [Theory]
    [InlineData(1, "590123456789abcdef")]
    [InlineData(2, "5a0123456789abcdef")]
    [InlineData(3, "5b0123456789abcdef")]
    public void A_handshake_header_reads_as_it_was_written(int index, string expected)
    {
        byte[] bytes = new byte[PacketHeader.HandshakeSize];
        PacketHeader.WriteHandshake(bytes, s_session, index);
        Assert.Equal(expected, Convert.ToHexStringLower(bytes));
        Assert.True(PacketHeader.TryReadHandshake(bytes, out var connection, out int read));
        Assert.Equal((s_session, index), (connection, read));
        Assert.False(PacketHeader.TryRead(bytes, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void There_are_three_handshake_messages(int index) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PacketHeader.WriteHandshake(new byte[9], s_session, index));

    [Fact]
    public void Each_first_byte_is_one_kind_or_none()
    {
        byte[] bytes = new byte[100];
        for (int first = 0; first < 256; first++)
        {
            bytes[0] = (byte)first;
            Assert.Equal(first is >= 0x50 and <= 0x53, PacketHeader.TryRead(bytes, out _));
            Assert.Equal(first is >= 0x59 and <= 0x5B, PacketHeader.TryReadHandshake(bytes, out _, out _));
            Assert.Equal(first is (>= 0x50 and <= 0x53) or (>= 0x59 and <= 0x5B), PacketHeader.TryReadConnection(bytes, out _));
        }
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] bytes = new byte[PacketHeader.Size];
        new PacketHeader(s_session, 5, false, false).WriteTo(bytes);
        for (int length = 0; length < bytes.Length; length++) Assert.False(PacketHeader.TryReadConnection(bytes.AsSpan(0, length), out _));
        PacketHeader.WriteHandshake(bytes, s_session, 1);
        for (int length = 0; length < PacketHeader.HandshakeSize; length++) Assert.False(PacketHeader.TryReadConnection(bytes.AsSpan(0, length), out _));
    }

    [Fact]
    public void Any_header_survives_the_wire() => Prop.ForAll(
        ArbMap.Default.ArbFor<(ulong Session, ulong Number, bool Phase, bool Opened)>(),
        value =>
        {
            Span<byte> bytes = stackalloc byte[PacketHeader.Size];
            var header = new PacketHeader(new SessionId(value.Session), value.Number, value.Phase, value.Opened);
            header.WriteTo(bytes);
            return PacketHeader.TryRead(bytes, out var read) && read == header;
        }).QuickCheckThrowOnFailure();
}
