using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Runtime;
using Porthole.Tests.Runtime;

namespace Porthole.Tests;

public sealed class PeerStreamTests : SessionTests
{
    [Fact]
    public async Task Bytes_cross_both_ways_and_each_direction_ends_for_itself()
    {
        var (here, there) = await OpenAsync();
        await here.WriteAsync("hello"u8.ToArray(), Token);
        here.CompleteWrites();
        Assert.False(here.CanWrite);
        Assert.Equal("\0hello"u8.ToArray(), await ReadAllAsync(there));
        Assert.Equal(0, await there.ReadAsync(new byte[1], Token)); // the end stays the end

        await there.WriteAsync("good-bye"u8.ToArray(), Token);
        there.CompleteWrites();
        there.CompleteWrites();
        Assert.Equal("good-bye"u8.ToArray(), await ReadAllAsync(here));
    }

    [Fact]
    public async Task Many_megabytes_arrive_unchanged_whatever_the_pieces()
    {
        byte[] bytes = new byte[12_345_678];
        new Random(1).NextBytes(bytes);
        var (here, there) = await OpenAsync();
        var sending = Task.Run(
            async () =>
            {
                var pieces = new Random(2);
                for (int sent = 0; sent < bytes.Length;)
                {
                    int size = Math.Min(pieces.Next(1, 200_000), bytes.Length - sent);
                    await here.WriteAsync(bytes.AsMemory(sent, size), Token);
                    sent += size;
                }

                here.CompleteWrites();
            },
            Token);
        byte[] received = await ReadAllAsync(there);
        await sending.WaitAsync(SessionEnd.Patience, Token);
        Assert.Equal(SHA256.HashData(bytes), SHA256.HashData(received.AsSpan(1)));
    }

    [Fact]
    public async Task A_writer_waits_for_a_reader_that_does_not_read()
    {
        var (here, there) = await OpenAsync();
        byte[] chunk = new byte[1 << 20];
        var writing = Task.Run(
            async () =>
            {
                for (int i = 0; i < 64; i++) await here.WriteAsync(chunk, Token);
                here.CompleteWrites();
            },
            Token);

        // The first byte has come, and nobody has read: far less than all can be on the way.
        Assert.Equal(1, await there.ReadAsync(new byte[1], Token));
        Assert.False(writing.IsCompleted);
        Assert.Equal(64 * chunk.Length, (await ReadAllAsync(there)).Length);
        await writing.WaitAsync(SessionEnd.Patience, Token);
    }

    [Fact]
    public async Task An_empty_read_waits_for_the_first_byte_and_takes_none()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token)); // what opened the stream
        var empty = there.ReadAsync(Memory<byte>.Empty, Token).AsTask();
        Assert.False(empty.IsCompleted);
        await here.WriteAsync("x"u8.ToArray(), Token);
        Assert.Equal(0, await empty.WaitAsync(SessionEnd.Patience, Token));
        Assert.Equal(0, await there.ReadAsync(Memory<byte>.Empty, Token));
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        await here.WriteAsync(ReadOnlyMemory<byte>.Empty, Token);
    }

    [Fact]
    public async Task A_read_that_is_cancelled_loses_nothing()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        for (int i = 0; i < 50; i++)
        {
            using var cancel = new CancellationTokenSource();
            byte[] buffer = new byte[1];
            var reading = there.ReadAsync(buffer, cancel.Token).AsTask();
            var writing = i % 2 == 0 ? here.WriteAsync(new[] { (byte)i }, Token).AsTask() : Task.CompletedTask;
            await cancel.CancelAsync();
            int read = 0;
            try
            {
                read = await reading.WaitAsync(SessionEnd.Patience, Token);
            }
            catch (OperationCanceledException exception)
            {
                Assert.Equal(cancel.Token, exception.CancellationToken);
            }

            await writing;
            if (i % 2 == 1) continue;
            if (read == 0) Assert.Equal(1, await there.ReadAsync(buffer, Token).AsTask().WaitAsync(SessionEnd.Patience, Token));
            Assert.Equal(i, buffer[0]);
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadOneAsync(there, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_write_that_is_cancelled_while_it_waits_stops_waiting()
    {
        var (here, _) = await OpenAsync();
        using var cancel = new CancellationTokenSource();
        var writing = here.WriteAsync(new byte[64 << 20], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(SessionEnd.Patience, Token));
    }

    [Fact]
    public async Task Two_reads_or_two_writes_at_once_are_a_mistake_of_the_caller()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        var first = there.ReadAsync(new byte[1], Token).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadOneAsync(there, Token));
        await here.WriteAsync("x"u8.ToArray(), Token);
        Assert.Equal(1, await first.WaitAsync(SessionEnd.Patience, Token));

        var writing = here.WriteAsync(new byte[64 << 20], Token).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await here.WriteAsync(new byte[1], Token));
        here.Abort(1);
        await Assert.ThrowsAsync<PeerException>(() => writing.WaitAsync(SessionEnd.Patience, Token));
    }

    [Fact]
    public async Task Giving_a_stream_up_is_seen_by_both_sides_with_its_code()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        var reading = there.ReadAsync(new byte[1], Token).AsTask();
        here.Abort(42);
        here.Abort(43);
        var error = await Assert.ThrowsAsync<PeerException>(() => reading.WaitAsync(SessionEnd.Patience, Token));
        Assert.Equal((PeerError.StreamAborted, 42L), (error.Error, error.Code!.Value));
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => ReadOneAsync(here, Token))).Error);
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(async () => await here.WriteAsync(new byte[1], Token))).Error);

        // The other direction was refused: writes fail as soon as the word is here.
        var refused = await Assert.ThrowsAsync<PeerException>(async () =>
        {
            while (true) await there.WriteAsync(new byte[100_000], Token).AsTask().WaitAsync(SessionEnd.Patience, Token);
        });
        Assert.Equal((PeerError.StreamAborted, 42L), (refused.Error, refused.Code!.Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public async Task Who_gives_reading_up_is_not_kept_waiting_for_what_has_arrived_already(int size)
    {
        var (here, there) = await OpenAsync();
        await here.WriteAsync(new byte[1_000], Token);
        here.CompleteWrites();
        there.CompleteWrites();
        Assert.Empty(await ReadAllAsync(here));
        await here.Over.WaitAsync(SessionEnd.Patience, Token); // all is there, and the end of it
        Assert.Equal(3, await there.ReadAsync(new byte[3], Token));
        there.AbortReads(5);
        var error = await Assert.ThrowsAsync<PeerException>(() => there.ReadAsync(new byte[size], Token).AsTask().WaitAsync(SessionEnd.Patience, Token));
        Assert.Equal(PeerError.Closed, error.Error);
    }

    [Fact]
    public async Task Who_gives_reading_up_ends_the_read_that_waits_and_can_write_on()
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        var reading = ReadOneAsync(there, Token);
        there.AbortReads(5);
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => reading.WaitAsync(SessionEnd.Patience, Token))).Error);
        await there.WriteAsync("still here"u8.ToArray(), Token);
        await there.DisposeAsync();
        Assert.Equal("still here"u8.ToArray(), await ReadAllAsync(here));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(PeerConnection.MaxCode + 1)]
    public async Task A_code_that_cannot_be_told_gives_nothing_up(long code)
    {
        var (here, there) = await OpenAsync();
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
        foreach (var giveUp in (Action<long>[])[here.Abort, here.AbortWrites, here.AbortReads]) Assert.Throws<ArgumentOutOfRangeException>(() => giveUp(code));
        await here.WriteAsync("still here"u8.ToArray(), Token);
        here.CompleteWrites();
        Assert.Equal("still here"u8.ToArray(), await ReadAllAsync(there));
        there.Abort(PeerConnection.MaxCode);
        Assert.Equal(PeerConnection.MaxCode, (await Assert.ThrowsAsync<PeerException>(() => ReadOneAsync(here, Token))).Code);
    }

    [Fact]
    public async Task A_read_that_was_cancelled_before_takes_nothing()
    {
        var (_, there) = await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => there.ReadAsync(new byte[8], new CancellationToken(canceled: true)).AsTask());
        Assert.Equal(1, await there.ReadAsync(new byte[8], Token));
    }

    [Fact]
    public async Task Giving_reading_up_behind_the_end_changes_nothing()
    {
        var (here, there) = await OpenAsync();
        here.CompleteWrites();
        Assert.Single(await ReadAllAsync(there));
        there.AbortReads(5);
        Assert.Equal(0, await there.ReadAsync(new byte[8], Token));
    }

    [Fact]
    public async Task What_is_written_is_counted_before_it_can_leave()
    {
        var steps = new List<string>();
        int thread = 0; // that of this test, while it writes
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "porthole.stream.io") listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) =>
        {
            if (Environment.CurrentManagedThreadId == thread) steps.Add($"{value} counted"); // other tests count elsewhere
        });
        listener.Start();
        var stream = new PeerStream(new NotingOwner(steps), (await Alice.OpenAsync()).Inner);
        thread = Environment.CurrentManagedThreadId;
        var writing = stream.WriteAsync(new byte[7], Token); // there is room: it does not wait
        thread = 0;
        await writing;
        Assert.Equal(["7 counted", "told"], steps);
    }

    [Fact]
    public async Task Disposal_completes_what_was_written()
    {
        var (here, there) = await OpenAsync();
        await here.WriteAsync(new byte[300_000], Token);
        await here.DisposeAsync();
        await here.DisposeAsync();
        Assert.Equal(300_001, (await ReadAllAsync(there)).Length);
        Assert.False(here.CanRead || here.CanWrite);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ReadOneAsync(here, Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await here.WriteAsync(new byte[1], Token));
    }

    [Fact]
    public async Task Writing_after_the_end_is_a_mistake_of_the_caller()
    {
        var (here, _) = await OpenAsync();
        here.CompleteWrites();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await here.WriteAsync(new byte[1], Token));
    }

    [Fact]
    public async Task When_the_session_ends_waiting_readers_and_writers_are_told()
    {
        var (here, there) = await OpenAsync();
        var reading = ReadOneAsync(here, Token);
        var writing = here.WriteAsync(new byte[64 << 20], Token).AsTask();
        await Alice.CloseAsync();
        await Assert.ThrowsAsync<PeerException>(() => reading.WaitAsync(SessionEnd.Patience, Token));
        await Assert.ThrowsAsync<PeerException>(() => writing.WaitAsync(SessionEnd.Patience, Token));

        // The other side still reads what has come, and then is told too.
        await Assert.ThrowsAsync<PeerException>(async () => await ReadAllAsync(there));
        await Assert.ThrowsAsync<PeerException>(async () => await there.WriteAsync(new byte[1], Token));
    }

    [Fact]
    public async Task A_stream_that_sees_the_end_before_the_connection_says_what_it_was_waits_for_that()
    {
        Bob.TellsEnd = false;
        var (_, there) = await OpenAsync();
        await Alice.CloseAsync();
        while (!there.Inner.IsSessionClosed) await Task.Yield();
        var reading = ReadAllAsync(there);
        var writing = there.WriteAsync(new byte[1], Token).AsTask();
        Assert.False(reading.IsCompleted || writing.IsCompleted);
        var end = new PeerException(PeerError.ClosedByPeer, "done");
        Bob.Ending.SetResult(end);
        Assert.Same(end, await Assert.ThrowsAsync<PeerException>(() => reading.WaitAsync(SessionEnd.Patience, Token)));
        Assert.Same(end, await Assert.ThrowsAsync<PeerException>(() => writing.WaitAsync(SessionEnd.Patience, Token)));
    }

    [Fact]
    public async Task The_old_ways_to_read_and_write_work_too()
    {
        var (here, there) = await OpenAsync();
        await Task.Run(() => here.Write([1, 2, 3, 4, 5], 1, 3), Token);
        byte[] buffer = new byte[6];
        await there.ReadExactlyAsync(buffer, 1, 4, Token);
        Assert.Equal([0, 0, 2, 3, 4, 0], buffer);
        Assert.True(here is { CanRead: true, CanWrite: true, CanSeek: false, CanTimeout: false });
        await here.FlushAsync(Token);
        here.Flush();
        Assert.Throws<NotSupportedException>(() => here.Length);
        Assert.Throws<NotSupportedException>(() => here.Position = 1);
        Assert.Throws<NotSupportedException>(() => here.Seek(0, SeekOrigin.Begin));
        Assert.Throws<NotSupportedException>(() => here.SetLength(1));
    }

    [Fact]
    public async Task Many_streams_share_a_session()
    {
        var opened = new List<(PeerStream Here, PeerStream There)>();
        for (int i = 0; i < 20; i++) opened.Add(await OpenAsync());
        await Task.WhenAll(opened.Select(async (pair, i) =>
        {
            byte[] bytes = new byte[100_000 + i];
            await pair.Here.WriteAsync(bytes, Token);
            await pair.Here.DisposeAsync();
            Assert.Equal(bytes.Length + 1, (await ReadAllAsync(pair.There)).Length);
        }));
    }

    private static async Task<int> ReadOneAsync(PeerStream stream, CancellationToken cancellationToken) => await stream.ReadAsync(new byte[1], cancellationToken);

    private static async Task<byte[]> ReadAllAsync(PeerStream stream)
    {
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, Token).WaitAsync(SessionEnd.Patience, Token);
        return all.ToArray();
    }

    /// <summary>Notes when the machine is told of what was written.</summary>
    private sealed class NotingOwner(List<string> steps) : IStreamOwner
    {
        public string RemoteLabel => "nobody";

        public PathKind PathKind => PathKind.Udp;

        public void PostActivity(PeerStream stream) => steps.Add("told");

        public Task<PeerException> EndAsync(CancellationToken cancellationToken) => Task.FromResult(new PeerException(PeerError.Closed, "The session is over."));
    }
}
