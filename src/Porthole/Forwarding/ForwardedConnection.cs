using System.Net;
using System.Net.Sockets;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Forwarding;

/// <summary>One local TCP connection of a forwarder.</summary>
internal sealed class ForwardedConnection(PeerRedialer peer, PortForwarderOptions options, long id, Socket client, ForwardTarget target)
{
    /// <summary>
    /// How long a request may be without an answer before it is looked whether anything comes from the peer at all. What does not come is sent again after a second at most, and a living peer acknowledges it, whatever it does with it.
    /// </summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(3);

    private ForwardAnswer? _answer;

    /// <summary>Runs it to its end.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            client.NoDelay = true;
            EndPoint? local = client.RemoteEndPoint;
            var (connection, stream) = await OpenAsync(cancellationToken).ConfigureAwait(false);
            await RelayAsync(connection, stream, local, cancellationToken).ConfigureAwait(false);
        }
        catch (PeerException exception)
        {
            SocketStreamRelay.Reset(client, null);
            if (exception.Error != PeerError.Closed) options.Unconnected?.Invoke(target, exception); // else the client gave up, or this forwarder did
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            SocketStreamRelay.Reset(client, null);
        }
    }

    private async Task<(PeerConnection Connection, PeerStream Stream)> OpenAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(options.Patience, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            while (true)
            {
                var connection = await peer.GetAsync(either.Token).ConfigureAwait(false);
                try
                {
                    return (connection, await ForwardStream.OpenAsync(connection, new ForwardRequest(target, 0), either.Token).ConfigureAwait(false));
                }
                catch (PeerException) when (connection.Closed.IsCompleted)
                {
                    // It was lost just now: wait for the next.
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PeerException(PeerError.TimedOut, $"There was no connection to the peer for {options.Patience.TotalSeconds:0.###} s.");
        }
    }

    private async Task RelayAsync(PeerConnection connection, PeerStream stream, EndPoint? local, CancellationToken cancellationToken)
    {
        var relay = new SocketStreamRelay(client, stream);
        var answering = AnswerAsync(connection, stream, local, cancellationToken);
        string? problem = await relay.RunAsync(answering, cancellationToken).ConfigureAwait(false);
        switch (_answer)
        {
            case { Status: ForwardStatus.Connected }:
                options.Observer?.Invoke(new ForwardingEvent.Closed(id, connection, target, relay.BytesToPeer, relay.BytesFromPeer, problem));
                break;
            case { } refused:
                options.Observer?.Invoke(new ForwardingEvent.Refused(id, connection, target, refused.Status, refused.Reason));
                break;
            default:
                await answering.ConfigureAwait(false); // says why there is none
                break;
        }
    }

    private async Task AnswerAsync(PeerConnection connection, PeerStream stream, EndPoint? local, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = WatchSilenceAsync(connection, ended.Token);
        var reading = ForwardStream.ReadAnswerAsync(connection, stream, target, options, ended.Token);
        await Task.WhenAny(reading, watching).ConfigureAwait(false);
        try
        {
            if (!reading.IsCompleted && watching.IsCompletedSuccessfully) throw new PeerException(PeerError.Lost, $"{connection.RemoteLabel} does not answer any more.");
            _answer = await reading.ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(reading, watching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (_answer.Status != ForwardStatus.Connected) throw new PeerException(PeerError.Refused, _answer.Reason);
        options.Observer?.Invoke(new ForwardingEvent.Connected(id, connection, target, local));
    }

    /// <summary>Has a connection replaced on which nothing comes any more. Completes when it was.</summary>
    private async Task WatchSilenceAsync(PeerConnection connection, CancellationToken cancellationToken)
    {
        long heard = -1;
        while (true)
        {
            await Task.Delay(s_silence, options.TimeProvider, cancellationToken).ConfigureAwait(false);
            long now = (await connection.GetReportAsync().ConfigureAwait(false)).Statistics?.PacketsReceived ?? heard;
            if (now == heard)
            {
                if (peer.Current is { } other && other != connection) return;
                peer.Replace(connection);
            }

            heard = now;
        }
    }
}
