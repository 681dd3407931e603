using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>One run of <c>porthole connect</c>: standard input and output are one connection to a shared port. Nothing else is written to standard output.</summary>
internal sealed class ConnectSession(PeerTarget peer, ForwardTarget target)
{
    private const int BufferSize = 64 << 10;

    /// <summary>How long the last bytes of the input may make no headway to the peer: longer than a session needs to leave a dead path.</summary>
    private static readonly TimeSpan s_delivery = TimeSpan.FromSeconds(10);

    /// <summary>Carries bytes until both directions have ended; at a terminal until the peer's has, for a person need not end the input too.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">There is no connection to be had, or it did not end in order.</exception>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        var node = await PeerNode.StartAsync(options, interrupted).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var connection = await node.ConnectAsync(peer, interrupted).ConfigureAwait(false);
            var stream = await ForwardStream.OpenAsync(connection, new ForwardRequest(target, 0), interrupted).ConfigureAwait(false);
            using var enough = new CancellationTokenSource();
            var sending = SendAsync(stream, enough.Token);
            try
            {
                var answer = await ForwardStream.ReadAnswerAsync(connection, stream, target, new PortForwarderOptions(), interrupted).ConfigureAwait(false);
                if (answer.Status != ForwardStatus.Connected)
                {
                    Complaint.Write(answer.Reason);
                    return ExitCode.Of(answer.Status);
                }

                await ReceiveAsync(stream, interrupted).ConfigureAwait(false);
                bool goesOn = Console.IsInputRedirected && StandardOutput.TryClose(); // whoever reads it learns of the end, and may end the input then, as ssh does
                if (!goesOn) await enough.CancelAsync().ConfigureAwait(false);
                bool isSent = await EndAsync(connection, stream, sending, interrupted).ConfigureAwait(false);
                if (!isSent) Complaint.Write($"The last of the input did not arrive at {target} of {peer}.");
                else await connection.CloseAsync(0, "The connection is done.").ConfigureAwait(false);
                return isSent ? ExitCode.Success : ExitCode.NotDelivered;
            }
            catch (IOException exception) when (exception is not PeerException)
            {
                return sending.IsCompletedSuccessfully ? ExitCode.Success : ExitCode.NotDelivered; // whoever read the output is gone
            }
            finally
            {
                stream.Abort(ForwardingCodes.Reset); // what is cut is not to look like an end; without effect on what has ended
                await enough.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>The peer has ended its direction: waits until the other has ended too, and all of it is there.</summary>
    /// <returns>False when it is not, and does not get there.</returns>
    private async Task<bool> EndAsync(PeerConnection connection, PeerStream stream, Task sending, CancellationToken interrupted)
    {
        await Task.WhenAny(sending, stream.Broken).WaitAsync(interrupted).ConfigureAwait(false);
        try
        {
            if (sending.IsCompleted) await sending.ConfigureAwait(false);
            bool isOver = sending.IsCompleted && await Patience.WaitAsync(stream.Over, MovedAsync, s_delivery, interrupted).ConfigureAwait(false);
            if (!stream.Broken.IsCompleted) return isOver;
            throw connection.Closed.IsCompleted ? connection.EndException() : new PeerException(PeerError.StreamAborted, $"The connection to {target} of {peer} was reset.");
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            return false; // in the middle of a write
        }

        async Task<long> MovedAsync() => (await connection.GetReportAsync().ConfigureAwait(false)).Statistics?.StreamBytesSent ?? 0;
    }

    /// <summary>Sends the input.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="enough">Ends it where it waits for more; in the middle of a write that is a failure.</param>
    private static async Task SendAsync(PeerStream stream, CancellationToken enough)
    {
        var input = Console.OpenStandardInput();
        byte[] buffer = new byte[BufferSize];
        try
        {
            await Task.Yield();
            while (await ReadAsync(input, buffer, enough).ConfigureAwait(false) is var count and > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count), enough).ConfigureAwait(false);
            }

            stream.CompleteWrites();
        }
        catch (IOException exception) when (exception is not PeerException)
        {
            stream.Abort(ForwardingCodes.Reset); // the input broke off
        }
    }

    private static async Task<int> ReadAsync(Stream input, byte[] buffer, CancellationToken enough)
    {
        try
        {
            return await Task.Run(() => input.Read(buffer), CancellationToken.None).WaitAsync(enough).ConfigureAwait(false); // a read cannot be called back: it is left behind
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }

    private static async Task ReceiveAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var output = Console.OpenStandardOutput();
        byte[] buffer = new byte[BufferSize];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            output.Write(buffer.AsSpan(0, count));
            output.Flush();
        }
    }
}
