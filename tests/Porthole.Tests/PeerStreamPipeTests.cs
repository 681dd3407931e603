using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Porthole.Protocol.Peer;
using Porthole.Tests.Runtime;

namespace Porthole.Tests;

public sealed class PeerStreamPipeTests : SessionTests
{
    [Fact]
    public async Task Bytes_go_through_both_pipes_and_each_direction_ends_for_itself()
    {
        byte[] bytes = RandomNumberGenerator.GetBytes(3_000_000);
        var (here, there) = await OpenPipesAsync();
        var sending = Task.Run(
            async () =>
            {
                for (int sent = 0; sent < bytes.Length; sent += 70_000) await here.Output.WriteAsync(bytes.AsMemory(sent, Math.Min(70_000, bytes.Length - sent)), Token);
                await here.Output.CompleteAsync();
            },
            Token);
        var echoing = Task.Run(
            async () =>
            {
                await there.Input.CopyToAsync(there.Output, Token);
                await there.Input.CompleteAsync();
                await there.Output.CompleteAsync();
            },
            Token);
        using var received = new MemoryStream();
        await here.Input.CopyToAsync(received, Token).WaitAsync(SessionEnd.Patience, Token);
        await Task.WhenAll(sending, echoing).WaitAsync(SessionEnd.Patience, Token);
        Assert.Equal(bytes, received.ToArray()[1..]); // behind the byte that opened it
    }

    [Fact]
    public async Task What_was_not_flushed_is_written_when_the_writer_is_completed()
    {
        var (here, there) = await OpenPipesAsync();
        "late"u8.CopyTo(here.Output.GetSpan(4));
        here.Output.Advance(4);
        Assert.Equal(4, here.Output.UnflushedBytes);
        await here.Output.CompleteAsync();
        Assert.Equal("\0late"u8.ToArray(), await ReadAllAsync(there.Input));
    }

    [Fact]
    public async Task A_writer_that_is_completed_with_an_exception_gives_its_direction_up_and_the_other_lives()
    {
        var (here, there) = await OpenPipesAsync();
        await here.Output.CompleteAsync(new InvalidOperationException());
        var error = await Assert.ThrowsAsync<PeerException>(() => ReadAllAsync(there.Input));
        Assert.Equal((PeerError.StreamAborted, PeerStreamPipe.GivenUp), (error.Error, error.Code));
        await there.Output.WriteAsync("still here"u8.ToArray(), Token);
        await there.Output.CompleteAsync();
        Assert.Equal("still here"u8.ToArray(), await ReadAllAsync(here.Input));
    }

    [Fact]
    public async Task A_reader_that_is_completed_before_its_end_tells_the_peer_that_no_more_is_wanted()
    {
        var (here, there) = await OpenPipesAsync();
        await there.Input.CompleteAsync();
        var error = await Assert.ThrowsAsync<PeerException>(async () =>
        {
            while (true) await here.Output.WriteAsync(new byte[10_000], Token).AsTask().WaitAsync(SessionEnd.Patience, Token);
        });
        Assert.Equal(PeerError.StreamAborted, error.Error);
        await there.Output.WriteAsync("and yet"u8.ToArray(), Token);
        await there.Output.CompleteAsync();
        Assert.Equal("and yet"u8.ToArray(), await ReadAllAsync(here.Input));
    }

    [Fact]
    public async Task A_wait_for_bytes_can_be_called_off_and_nothing_is_lost()
    {
        var (here, there) = await OpenPipesAsync();
        there.Input.AdvanceTo((await ReadAsync(there.Input)).Buffer.End);
        var waiting = there.Input.ReadAsync(Token).AsTask();
        there.Input.CancelPendingRead();
        Assert.True((await waiting.WaitAsync(SessionEnd.Patience, Token)).IsCanceled);
        await here.Output.WriteAsync("now"u8.ToArray(), Token);
        Assert.Equal("now"u8.ToArray(), (await ReadAsync(there.Input)).Buffer.ToArray());
    }

    [Fact]
    public async Task Exceptions_are_put_into_the_words_of_whoever_wants_them_so()
    {
        var (here, there) = await OpenAsync();
        var pipe = new PeerStreamPipe(there, static exception => new TimeoutException(exception.Message));
        here.Abort(9);
        var error = await Assert.ThrowsAsync<TimeoutException>(() => ReadAllAsync(pipe.Input));
        Assert.Contains("(code 9)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_that_has_gone_is_a_completed_flush_for_whoever_has_exceptions_in_other_words()
    {
        var (here, there) = await OpenAsync();
        var pipe = new PeerStreamPipe(there, static exception => new TimeoutException(exception.Message));
        here.AbortReads(3);
        while (!(await pipe.Output.WriteAsync(new byte[10_000], Token).AsTask().WaitAsync(SessionEnd.Patience, Token)).IsCompleted)
        {
            // It has not been told yet.
        }

        pipe.Output.Complete(); // what is left has nobody to read it
    }

    [Fact]
    public async Task A_stream_tells_without_a_read_that_the_peer_has_given_it_up()
    {
        var (here, there) = await OpenAsync();
        Assert.False(there.Broken.IsCompleted);
        here.AbortReads(3);
        await there.Broken.WaitAsync(SessionEnd.Patience, Token);
        Assert.True(here.CanWrite);
    }

    [Fact]
    public async Task A_stream_of_which_a_direction_is_given_up_here_is_not_broken_before_all_of_it_is()
    {
        var (here, there) = await OpenAsync();
        there.AbortReads(3); // a server that has not read the body of a request
        Assert.False(there.Broken.IsCompleted);
        await there.WriteAsync("answer"u8.ToArray(), Token);
        byte[] answer = new byte[6];
        await here.ReadExactlyAsync(answer, Token).AsTask().WaitAsync(SessionEnd.Patience, Token);
        await Forwarding.ForwardingRig.EventuallyAsync(() => there.Inner.ResetCode is not null); // the peer's answer, which says nothing new
        there.AbortWrites(3);
        Assert.False(there.Broken.IsCompleted);
        there.Abort(3);
        await there.Broken.WaitAsync(SessionEnd.Patience, Token);
    }

    private static async Task<ReadResult> ReadAsync(PipeReader reader) => await reader.ReadAsync(Token).AsTask().WaitAsync(SessionEnd.Patience, Token);

    private static async Task<byte[]> ReadAllAsync(PipeReader reader)
    {
        using var all = new MemoryStream();
        await reader.CopyToAsync(all, Token).WaitAsync(SessionEnd.Patience, Token);
        return all.ToArray();
    }

    private async Task<(IDuplexPipe Here, IDuplexPipe There)> OpenPipesAsync()
    {
        var (here, there) = await OpenAsync();
        return (here.AsDuplexPipe(), there.AsDuplexPipe());
    }
}
