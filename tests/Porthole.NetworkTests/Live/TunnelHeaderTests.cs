using Porthole.Lab.Live;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Live;

public sealed class TunnelHeaderTests
{
    [Theory]
    [InlineData("127.9.0.1:3478")]
    [InlineData("0.0.0.0:0")]
    [InlineData("[2001:db8::1]:65535")]
    public void What_is_written_is_read_and_no_shorter_text_is(string text)
    {
        var address = TransportAddress.Parse(text);
        byte[] buffer = new byte[TunnelHeader.MaxSize];
        int length = TunnelHeader.Write(buffer, address);
        Assert.True(TunnelHeader.TryRead(buffer, out var read, out int header));
        Assert.Equal((address, length), (read, header));
        for (int cut = 0; cut < length; cut++) Assert.False(TunnelHeader.TryRead(buffer.AsSpan(0, cut), out _, out _));
    }

    [Fact]
    public void Any_bytes_are_taken_or_refused_but_never_throw()
    {
        var random = new Random(1);
        byte[] bytes = new byte[32];
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(bytes);
            if (i % 2 == 0) bytes[0] = (byte)(i % 4 == 0 ? 4 : 6);
            int length = random.Next(bytes.Length + 1);
            if (TunnelHeader.TryRead(bytes.AsSpan(0, length), out _, out int header)) Assert.InRange(header, 7, length);
        }
    }
}
