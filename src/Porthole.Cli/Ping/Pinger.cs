using System.Collections.Concurrent;
using System.Diagnostics;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Ping;

/// <summary>Connects to a peer, waits for a direct path if it is told to, and pings.</summary>
internal sealed class Pinger(PingSettings settings, PingReport report)
{
    /// <summary>How long the last pongs may take after the last ping: longer than a session needs to leave a dead path.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<int, long> _sent = [];
    private int _received;

    /// <summary>Runs it all.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">There is no connection to be had.</exception>
    public async Task<int> RunAsync(PeerNode node, CancellationToken cancellationToken)
    {
        report.Begin(node);
        PeerConnection? connection = null;
        try
        {
            connection = await node.ConnectAsync(settings.Target, cancellationToken).ConfigureAwait(false);
            await connection.Confirmed.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (settings.WaitDirect is { } patience) await connection.WaitForDirectAsync(patience, cancellationToken).ConfigureAwait(false);
            await PingAsync(connection, cancellationToken).ConfigureAwait(false);
        }
        catch (PeerException exception) when (connection is not null)
        {
            if (exception.Error is PeerError.NoDirectPath or PeerError.UdpBlocked) report.Verdict(connection.Verdict);
            await report.EndAsync(_sent.Count).ConfigureAwait(false);
            Complaint.Write(exception.Message);
            return exception.Error == PeerError.UdpBlocked ? ExitCode.NoDirectPath : ExitCode.Of(exception.Error);
        }
        catch (OperationCanceledException)
        {
            await report.EndAsync(_sent.Count).ConfigureAwait(false);
            return ExitCode.Interrupted;
        }

        await report.EndAsync(_sent.Count).ConfigureAwait(false);
        await connection.CloseAsync(0, "The ping is done.").ConfigureAwait(false);
        if (_received == settings.Count) return ExitCode.Success;
        Complaint.Write($"{settings.Target} left {settings.Count - _received} of {settings.Count} pings without an answer.");
        return ExitCode.NotDelivered;
    }

    private async Task PingAsync(PeerConnection connection, CancellationToken cancellationToken)
    {
        var stream = await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var reading = ReadAsync(connection, stream, ended.Token);
            var sending = SendAsync(stream, ended.Token);
            if (await Task.WhenAny(reading, sending).ConfigureAwait(false) == sending)
            {
                await sending.ConfigureAwait(false);
                ended.CancelAfter(s_patience);
            }
            else if (!sending.IsCompleted)
            {
                await ended.CancelAsync().ConfigureAwait(false); // the echo has ended before the pings
                await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            try
            {
                await reading.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Too late: the count tells.
            }
        }
    }

    private async Task SendAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] message = new byte[PingMessage.HeaderSize + settings.Size];
        long began = Stopwatch.GetTimestamp();
        for (int sequence = 0; sequence < settings.Count; sequence++)
        {
            // By the clock, not by the pause, so that the pings do not drift.
            var wait = settings.Interval * sequence - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.Zero) await Task.Delay(wait, cancellationToken).ConfigureAwait(false);
            PingMessage.Write(message, sequence);
            _sent[sequence] = Stopwatch.GetTimestamp();
            await stream.WriteAsync(message, cancellationToken).ConfigureAwait(false);
        }

        stream.CompleteWrites();
    }

    private async Task ReadAsync(PeerConnection connection, PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] message = new byte[PingMessage.HeaderSize + settings.Size];
        while (_received < settings.Count)
        {
            int count = await stream.ReadAtLeastAsync(message, message.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            if (count < message.Length) return;
            if (!PingMessage.TryRead(message, out int sequence) || !_sent.TryGetValue(sequence, out long at))
            {
                throw new PeerException(PeerError.ProtocolViolation, $"{settings.Target} does not echo what it is sent. Pings are answered by 'porthole listen'.");
            }

            _received++;
            report.Pong(sequence, Stopwatch.GetElapsedTime(at), connection.Path.Kind);
        }
    }
}
