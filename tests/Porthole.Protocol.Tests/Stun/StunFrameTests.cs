using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Vectors;

namespace Porthole.Protocol.Tests.Stun;

public sealed class StunFrameTests
{
    [Fact]
    public void Messages_are_found_wherever_the_stream_is_cut()
    {
        byte[] stream = [.. StunVectors.All.SelectMany(static vector => vector)];
        for (int chunk = 1; chunk <= stream.Length; chunk++)
        {
            var found = new List<byte[]>();
            int start = 0;
            for (int end = Math.Min(chunk, stream.Length); ; end = Math.Min(end + chunk, stream.Length))
            {
                while (StunFrame.Find(stream.AsSpan(start, end - start), out int length) is var status && status != StunFrameStatus.Incomplete)
                {
                    Assert.Equal(StunFrameStatus.Complete, status);
                    found.Add(stream[start..(start + length)]);
                    start += length;
                }

                if (end == stream.Length) break;
            }

            Assert.Equal(StunVectors.All, found);
        }
    }

    [Theory]
    [InlineData(new byte[] { }, StunFrameStatus.Incomplete)]
    [InlineData(new byte[] { 0x16 }, StunFrameStatus.Incomplete)]
    [InlineData(new byte[] { 0x40 }, StunFrameStatus.Broken)]
    [InlineData(new byte[] { (byte)'G', (byte)'E', (byte)'T', (byte)' ' }, StunFrameStatus.Broken)]
    [InlineData(new byte[] { 0, 1, 0, 2 }, StunFrameStatus.Broken)]
    [InlineData(new byte[] { 0, 1, 0, 4, 1, 2, 3, 4 }, StunFrameStatus.Broken)]
    [InlineData(new byte[] { 0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42 }, StunFrameStatus.Incomplete)]
    public void What_is_no_STUN_is_found_early(byte[] received, StunFrameStatus status)
    {
        Assert.Equal(status, StunFrame.Find(received, out int length));
        Assert.Equal(0, length);
    }

    [Theory]
    [InlineData(StunFrame.MaxMessageSize, StunFrameStatus.Incomplete)]
    [InlineData(StunFrame.MaxMessageSize + 4, StunFrameStatus.Broken)]
    public void The_longest_message_is_bounded(int size, StunFrameStatus status)
    {
        int length = size - 20;
        Assert.Equal(status, StunFrame.Find([0, 1, (byte)(length >> 8), (byte)length, 0x21, 0x12, 0xA4, 0x42], out _));
    }
}
