using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>The one place where two threads meet.</summary>
public sealed class StreamBufferTests
{
    [Theory]
    [InlineData(StreamBuffer.ChunkSize)]
    [InlineData(100_000)]
    public async Task Bytes_cross_between_two_threads_in_order_and_unchanged(int capacity)
    {
        const long total = 30_000_000;
        var buffer = new StreamBuffer(capacity, capacity);
        var writer = Task.Run(
            () =>
            {
                byte[] source = new byte[7_919];
                for (long sent = 0; sent < total;)
                {
                    int count = (int)Math.Min(source.Length, total - sent);
                    for (int i = 0; i < count; i++) source[i] = StreamSource.Pattern(sent + i, 3);
                    int taken = buffer.Append(source.AsSpan(0, count));
                    if (taken == 0) Thread.Yield();
                    sent += taken;
                }
            },
            TestContext.Current.CancellationToken);
        byte[] destination = new byte[5_003];
        for (long received = 0; received < total;)
        {
            int count = buffer.Take(destination);
            for (int i = 0; i < count; i++)
            {
                if (destination[i] != StreamSource.Pattern(received + i, 3)) Assert.Fail($"byte {received + i}");
            }

            if (count == 0) Thread.Yield();
            received += count;
        }

        await writer;
        Assert.Equal(0, buffer.Take(destination));
    }

    [Fact]
    public void It_takes_what_fits_and_not_a_byte_more()
    {
        var buffer = new StreamBuffer(1_000, 2_000);
        Assert.Equal(1_000, buffer.Append(new byte[1_001]));
        Assert.Equal(0, buffer.Append([1]));
        buffer.Capacity = 5_000;
        Assert.Equal(2_000, buffer.Capacity);
        Assert.Equal(1_000, buffer.Append(new byte[5_000]));
        buffer.Release(1);
        Assert.Equal(1, buffer.Append(new byte[5_000]));
        buffer.Capacity = 10; // only ever raised
        Assert.Equal(2_000, buffer.Capacity);
    }

    [Fact]
    public void Bytes_out_of_order_are_read_in_order_across_chunks()
    {
        const int size = 3 * StreamBuffer.ChunkSize;
        var buffer = new StreamBuffer(size, size);
        byte[] bytes = new byte[size];
        new Random(1).NextBytes(bytes);
        for (int at = size - 1_000; at >= 0; at -= 1_000) buffer.WriteAt(at, bytes.AsSpan(at, 1_000));
        buffer.WriteAt(0, bytes.AsSpan(0, 1_000));
        buffer.Publish(size);
        byte[] read = new byte[size];
        Assert.Equal(size, buffer.Take(read));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Releasing_gives_a_place_back_round_and_round()
    {
        var buffer = new StreamBuffer(20_000, 20_000);
        byte[] chunk = new byte[9_001];
        long position = 0;
        for (int i = 0; i < 1_000; i++)
        {
            for (int j = 0; j < chunk.Length; j++) chunk[j] = StreamSource.Pattern(position + j, 1);
            Assert.Equal(chunk.Length, buffer.Append(chunk));
            byte[] read = new byte[chunk.Length];
            buffer.CopyTo(position, read);
            Assert.Equal(chunk, read);
            position += chunk.Length;
            buffer.Release(position);
        }
    }
}
