using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>One run of <c>porthole connect</c>: standard input and output are one connection to a shared port. Nothing else is written to standard output.</summary>
internal sealed class ConnectSession(PeerTarget peer, ForwardTarget target)
{
    private const int BufferSize = 64 << 10;

    /// <summary>How long the last bytes of the input may take to the peer, when there is no more to come from it: a few round trips, and some losses.</summary>
    private static readonly TimeSpan s_delivery = TimeSpan.FromSeconds(5);

    /// <summary>Carries bytes until both directions have ended.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">There is no connection to be had, or it did not end in order.</exception>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        var node = await PeerNode.StartAsync(options, interrupted).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var connection = await node.ConnectAsync(peer, interrupted).ConfigureAwait(false);
            var stream = await ForwardStream.OpenAsync(connection, new ForwardRequest(target, 0), interrupted).ConfigureAwait(false);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
            var sending = SendAsync(stream, ended.Token);
            try
            {
                var answer = await ForwardStream.ReadAnswerAsync(connection, stream, target, new PortForwarderOptions(), interrupted).ConfigureAwait(false);
                if (answer.Status != ForwardStatus.Connected)
                {
                    Complaint.Write(answer.Reason);
                    return ExitCode.Of(answer.Status);
                }

                await ReceiveAsync(stream, interrupted).ConfigureAwait(false);
                await stream.DisposeAsync().ConfigureAwait(false); // the peer has ended; what the input still has is wanted by nobody
                await Task.WhenAny(stream.Over, Task.Delay(s_delivery, interrupted)).ConfigureAwait(false); // but what it had until here is to arrive
            }
            catch (IOException exception) when (exception is not PeerException)
            {
                stream.Abort(ForwardingCodes.Reset); // whoever read the output is gone
            }
            finally
            {
                await ended.CancelAsync().ConfigureAwait(false);
            }

            if (sending.IsFaulted) await sending.ConfigureAwait(false);
            await connection.CloseAsync(0, "The connection is done.").ConfigureAwait(false);
            return ExitCode.Success;
        }
    }

    private static async Task SendAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var input = Console.OpenStandardInput();
        byte[] buffer = new byte[BufferSize];
        try
        {
            await Task.Yield();
            int count;
            while ((count = await Task.Run(() => input.Read(buffer), cancellationToken).ConfigureAwait(false)) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            }

            stream.CompleteWrites();
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException or ObjectDisposedException)
        {
            // The other direction says what has happened.
        }
        catch (IOException)
        {
            stream.Abort(ForwardingCodes.Reset); // the input broke off
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
