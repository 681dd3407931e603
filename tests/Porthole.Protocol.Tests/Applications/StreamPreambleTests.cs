using Porthole.Protocol.Applications;

namespace Porthole.Protocol.Tests.Applications;

public sealed class StreamPreambleTests
{
    [Theory]
    [InlineData(StreamPreamble.Files)]
    [InlineData(StreamPreamble.Forwarding)]
    [InlineData(StreamPreamble.Http)]
    [InlineData("a")]
    public void A_name_is_read_as_it_was_written(string name)
    {
        byte[] bytes = StreamPreamble.Write(name);
        Assert.Equal(bytes.Length - 1, StreamPreamble.LengthFrom(bytes[0]));
        Assert.True(StreamPreamble.TryRead(bytes.AsSpan(1), out string? read));
        Assert.Equal(name, read);
    }

    [Fact]
    public void The_longest_name_is_taken_and_a_longer_one_is_not()
    {
        Assert.Equal(StreamPreamble.MaxSize, StreamPreamble.Write(new string('x', StreamPreamble.MaxName)).Length);
        Assert.Throws<ArgumentException>(() => StreamPreamble.Write(new string('x', StreamPreamble.MaxName + 1)));
        Assert.Throws<ArgumentException>(() => StreamPreamble.Write(""));
        Assert.Equal(StreamPreamble.MaxName, StreamPreamble.LengthFrom(StreamPreamble.MaxName));
        Assert.Equal(0, StreamPreamble.LengthFrom(StreamPreamble.MaxName + 1));
    }

    [Fact]
    public void No_bytes_make_the_reader_throw_and_what_it_reads_is_a_name()
    {
        var random = new Random(1);
        byte[] bytes = new byte[StreamPreamble.MaxSize];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            int length = StreamPreamble.LengthFrom(bytes[0]);
            if (i % 2 == 0) bytes.AsSpan().Replace((byte)0, (byte)'a');
            if (StreamPreamble.TryRead(bytes.AsSpan(1, length), out string? name)) Assert.True(StreamPreamble.IsValid(name));
        }
    }
}
