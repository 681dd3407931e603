using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Tests.Noise;

public sealed class NoiseChannelTests : IDisposable
{
    private readonly NoiseChannel _near;
    private readonly NoiseChannel _far;

    public NoiseChannelTests()
    {
        var pair = new NoisePair(NoisePattern.XX);
        pair.Complete();
        _near = new NoiseChannel(pair.Initiator.Split(), isInitiator: true, rekeyInterval: 4);
        _far = new NoiseChannel(pair.Responder.Split(), isInitiator: false, rekeyInterval: 4);
    }

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
    }

    [Fact]
    public void Messages_open_in_order_across_many_keys()
    {
        for (int i = 0; i < 40; i++)
        {
            AssertPasses(_near, _far, i);
            if (i % 3 == 0) AssertPasses(_far, _near, i);
        }
    }

    [Fact]
    public void Lost_repeated_moved_and_reflected_messages_do_not_open()
    {
        byte[] first = Seal(_near, "first"u8), second = Seal(_near, "second"u8);
        Assert.False(Open(_far, second));
        Assert.False(Open(_near, first)); // reflected
        Assert.True(Open(_far, first));
        Assert.False(Open(_far, first));
        Assert.True(Open(_far, second));
    }

    [Fact]
    public void A_flipped_bit_anywhere_does_not_open_and_the_right_message_still_does()
    {
        byte[] message = Seal(_near, "twenty bytes of text"u8);
        for (int bit = 0; bit < message.Length * 8; bit++)
        {
            byte[] forged = [.. message];
            forged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Open(_far, forged));
        }

        for (int length = 0; length < message.Length; length++) Assert.False(Open(_far, message[..length]));
        Assert.True(Open(_far, message));
    }

    [Fact]
    public void The_longest_message_passes_and_one_byte_more_is_refused()
    {
        byte[] longest = Seal(_near, new byte[NoiseChannel.MaxPlainSize]);
        Assert.Equal(NoiseHandshake.MaxMessageSize, longest.Length);
        Assert.True(Open(_far, longest));
        Assert.Throws<ArgumentException>(() => Seal(_near, new byte[NoiseChannel.MaxPlainSize + 1]));
        Assert.False(Open(_far, new byte[NoiseHandshake.MaxMessageSize + 1]));
    }

    [Fact]
    public void Messages_are_sealed_and_opened_in_place()
    {
        byte[] buffer = new byte[100 + NoiseChannel.Overhead];
        buffer.AsSpan(0, 100).Fill(9);
        Assert.Equal(buffer.Length, _near.Seal(buffer.AsSpan(0, 100), buffer));
        Assert.True(_far.TryOpen(buffer, buffer, out int length));
        Assert.Equal(100, length);
        Assert.Equal(-1, buffer.AsSpan(0, 100).IndexOfAnyExcept((byte)9));
    }

    [Fact]
    public void An_output_that_is_too_small_is_refused()
    {
        Assert.Throws<ArgumentException>(() => _near.Seal(new byte[10], new byte[25]));
        byte[] message = Seal(_near, new byte[10]);
        Assert.False(_far.TryOpen(message, new byte[9], out _));
        Assert.True(_far.TryOpen(message, new byte[10], out _));
    }

    private static byte[] Seal(NoiseChannel channel, ReadOnlySpan<byte> plain)
    {
        byte[] output = new byte[plain.Length + NoiseChannel.Overhead];
        return output[..channel.Seal(plain, output)];
    }

    private static bool Open(NoiseChannel channel, byte[] message) => channel.TryOpen(message, new byte[message.Length], out _);

    private static void AssertPasses(NoiseChannel from, NoiseChannel to, int size)
    {
        byte[] plain = [.. Enumerable.Range(0, size).Select(i => (byte)i)];
        byte[] output = new byte[size];
        Assert.True(to.TryOpen(Seal(from, plain), output, out int length));
        Assert.Equal(plain, output[..length]);
    }
}
