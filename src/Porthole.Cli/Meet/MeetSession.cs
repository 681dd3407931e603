using System.Threading.Channels;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Meet;

/// <summary>One run of <c>porthole meet</c>: finds the other side, lets the server go when it can, and carries lines until one of the two types exit.</summary>
internal sealed class MeetSession(MeetSettings settings, MeetReport report)
{
    private const string ExitWord = "exit";

    /// <summary>The close code of a conversation that meets something else.</summary>
    private const long NotAMeeting = 1;

    /// <summary>Lines that wait for the stream.</summary>
    private const int MaxWaiting = 64;

    /// <summary>How long direct paths are looked for before that is said: the original's ten tries, a second apart.</summary>
    private static readonly TimeSpan s_directPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long the other side may take to say hello.</summary>
    private static readonly TimeSpan s_helloPatience = TimeSpan.FromSeconds(20);

    /// <summary>How long the end may make no headway: longer than a session needs to leave a dead path.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(10);

    private readonly Channel<MeetLine> _outgoing = Channel.CreateBounded<MeetLine>(MaxWaiting);
    private long _heard;
    private readonly TaskCompletionSource _otherIsDirect = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Meets and talks.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">Nobody was met, or the conversation broke off.</exception>
    public async Task<int> RunAsync(PeerNode node, CancellationToken interrupted)
    {
        report.Begin(node);
        var connection = await node.MeetAsync(settings.Code, interrupted).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var stream = await GreetAsync(connection, interrupted).ConfigureAwait(false);
            await using (stream.Inner.ConfigureAwait(false)) return await TalkAsync(node, connection, stream.Inner, stream.Reader, interrupted).ConfigureAwait(false);
        }
    }

    /// <summary>Who came second opens the stream; both say hello.</summary>
    private static async Task<(PeerStream Inner, MeetLineReader Reader)> GreetAsync(PeerConnection connection, CancellationToken interrupted)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        late.CancelAfter(s_helloPatience);
        try
        {
            var stream = connection.IsIncoming
                ? await connection.AcceptStreamAsync(late.Token).ConfigureAwait(false)
                : await connection.OpenStreamAsync(late.Token).ConfigureAwait(false);
            await stream.WriteAsync(new MeetLine.Hello().ToBytes(), late.Token).ConfigureAwait(false);
            var reader = new MeetLineReader(stream);
            if (await reader.ReadAsync(late.Token).ConfigureAwait(false) is MeetLine.Hello) return (stream, reader);
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            // Too late: the same as something else.
        }

        await connection.CloseAsync(NotAMeeting, "This peer runs 'porthole meet', which talks to its own kind only.").ConfigureAwait(false);
        throw new PeerException(PeerError.ProtocolViolation, "The other side runs something else than 'porthole meet'.");
    }

    private async Task<int> TalkAsync(PeerNode node, PeerConnection connection, PeerStream stream, MeetLineReader reader, CancellationToken interrupted)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        var reading = ReadAsync(reader, interrupted);
        var writing = WriteAsync(stream);
        var typing = TypeAsync(stop.Token);
        var path = WatchPathAsync(node, connection, stop.Token);
        try
        {
            // Whatever is left to wait for after the input has ended, the end of the reading decides.
            Task[] ends = [reading, typing, path];
            while (true)
            {
                var first = await Task.WhenAny(ends).ConfigureAwait(false);
                await first.ConfigureAwait(false);
                if (first == reading || (first == typing && typing.Result)) break;
                ends = [.. ends.Where(task => task != first)];
            }

            bool isHere = !reading.IsCompleted;
            report.Ended(isHere);
            var ending = EndAsync(stream, reader, reading, writing, interrupted);
            bool isOver = await Patience.WaitAsync(ending, () => MovedAsync(connection), s_endPatience, interrupted).ConfigureAwait(false) && ending is { IsCompletedSuccessfully: true, Result: true };
            if (isOver && !isHere) await ((Task)connection.Closed).WaitAsync(s_endPatience, interrupted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // by whoever typed exit
            await connection.CloseAsync(0, "The conversation is over.").ConfigureAwait(false);
            if (isOver) return ExitCode.Success;
            Complaint.Write("The other side did not hear all of it to the end.");
            return ExitCode.NotDelivered;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
        catch (PeerException exception) when (exception.Error is PeerError.NoDirectPath or PeerError.UdpBlocked)
        {
            await connection.CloseAsync(0, "No direct path came up, and this side wants no relay.").ConfigureAwait(false);
            Complaint.Write(exception.Message);
            return ExitCode.NoDirectPath;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            _outgoing.Writer.TryComplete();
        }
    }

    /// <summary>Ends it in order: what was said is heard, and so is what the other side has still to say.</summary>
    /// <returns>Whether that is so; false when the connection was lost in between.</returns>
    private async Task<bool> EndAsync(PeerStream stream, MeetLineReader reader, Task reading, Task<bool> writing, CancellationToken interrupted)
    {
        var exit = _outgoing.Writer.WriteAsync(new MeetLine.Exit(), interrupted).AsTask(); // when there is room: what was typed before is said before
        await Task.WhenAny(exit, writing).ConfigureAwait(false);
        if (!exit.IsCompletedSuccessfully) return false;
        _outgoing.Writer.TryComplete();
        bool isSaid = await writing.ConfigureAwait(false);
        stream.CompleteWrites();
        await reading.ConfigureAwait(false);
        while (await reader.ReadAsync(interrupted).ConfigureAwait(false) is not null)
        {
            // Nothing follows an exit but the end.
        }

        await stream.Over.WaitAsync(interrupted).ConfigureAwait(false);
        return isSaid;
    }

    /// <summary>Grows with all that is heard here, and with all that goes to the other side.</summary>
    private async Task<long> MovedAsync(PeerConnection connection)
    {
        try
        {
            return Interlocked.Read(ref _heard) + ((await connection.GetReportAsync().ConfigureAwait(false)).Statistics?.StreamBytesSent ?? 0);
        }
        catch (PeerException)
        {
            return -1; // over: nothing moves any more
        }
    }

    /// <summary>Reads what the other side says until it says exit.</summary>
    private async Task ReadAsync(MeetLineReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            var line = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            Interlocked.Increment(ref _heard);
            switch (line)
            {
                case MeetLine.Say say:
                    report.Said(say.Text, isEcho: false);
                    if (settings.Echo) await EchoAsync(say.Text, cancellationToken).ConfigureAwait(false);
                    break;
                case MeetLine.Echo echo:
                    report.Said(echo.Text, isEcho: true);
                    break;
                case MeetLine.Direct:
                    _otherIsDirect.TrySetResult();
                    break;
                case MeetLine.Exit:
                    return;
                case null:
                    throw new PeerException(PeerError.ClosedByPeer, "The other side stopped talking in the middle. It may have been ended by force.");
                case MeetLine.Hello or MeetLine.Unknown:
                    break;
            }
        }
    }

    private async Task EchoAsync(string text, CancellationToken cancellationToken)
    {
        try
        {
            await _outgoing.Writer.WriteAsync(new MeetLine.Echo(text), cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // Exit was said here: nothing may follow it.
        }
    }

    /// <summary>Writes what is to be said.</summary>
    /// <returns>Whether the stream took all of it; where it did not, the reader meets the same end.</returns>
    private async Task<bool> WriteAsync(PeerStream stream)
    {
        try
        {
            await foreach (var line in _outgoing.Reader.ReadAllAsync().ConfigureAwait(false)) await stream.WriteAsync(line.ToBytes()).ConfigureAwait(false);
            return true;
        }
        catch (PeerException)
        {
            return false;
        }
    }

    /// <summary>Takes lines of the input.</summary>
    /// <returns>Whether the conversation is to end; false where the input has ended and what the other side types is still to be answered.</returns>
    private async Task<bool> TypeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // A read from a pipe or a terminal cannot be called back: it is left behind at the end.
            string? line = await Task.Run(Console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (line is null) return !settings.Echo;
            if (line.Trim() == ExitWord) return true;
            if (MeetLine.Fits(line)) await _outgoing.Writer.WriteAsync(new MeetLine.Say(line), cancellationToken).ConfigureAwait(false);
            else Complaint.Write($"A line has at most {MeetLine.MaxText} bytes; this one was not sent.");
        }
    }

    /// <summary>Waits for a direct path, and leaves the server when both sides have one.</summary>
    private async Task WatchPathAsync(PeerNode node, PeerConnection connection, CancellationToken cancellationToken)
    {
        var patience = settings.WaitDirect ?? s_directPatience;
        try
        {
            await connection.WaitForDirectAsync(patience, cancellationToken).ConfigureAwait(false);
        }
        catch (PeerException exception) when (settings.WaitDirect is null && exception.Error is PeerError.NoDirectPath or PeerError.UdpBlocked)
        {
            report.NoDirect(connection.Verdict, patience);
            await connection.WaitForDirectAsync(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
        }

        await _outgoing.Writer.WriteAsync(new MeetLine.Direct(), cancellationToken).ConfigureAwait(false);
        await _otherIsDirect.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await node.LeaveServerAsync().ConfigureAwait(false);
        report.ServerLeft();
    }
}
