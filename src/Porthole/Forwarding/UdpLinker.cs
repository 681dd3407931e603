using Porthole.Protocol.Forwarding;
using Porthole.Runtime;

namespace Porthole.Forwarding;

/// <summary>Keeps a local UDP port linked to what the peer shares, as long as one connection lives: asks for it, and asks again when that fails or the link ends.</summary>
internal sealed class UdpLinker(PortForwarder owner, UdpForwarder udp, PeerConnection connection, DatagramCarrier carrier)
{
    /// <summary>The pause after a first failure: a name that is not known yet, at a sharer that has just started, soon is.</summary>
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause, and how long a link must live to count as a good one, whose successor is asked for soon.</summary>
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    private readonly Backoff _backoff = new(s_shortestPause, s_longestPause);
    private string? _told;

    private PortForwarderOptions Options => owner.Options;

    /// <summary>Runs until the connection is over or the port turns out not to be shared.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await LinkAsync(cancellationToken).ConfigureAwait(false) && !connection.Closed.IsCompleted)
            {
                await Task.Delay(_backoff.Grow(), Options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The connection is replaced, or the forwarder ends.
        }
    }

    /// <summary>Asks once, and keeps the stream that stands for the port until it ends.</summary>
    /// <returns>Whether it may go better the next time.</returns>
    private async Task<bool> LinkAsync(CancellationToken cancellationToken)
    {
        try
        {
            var stream = await ForwardStream.OpenAsync(connection, new ForwardRequest(udp.Target, udp.Association), cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var answer = await ForwardStream.ReadAnswerAsync(connection, stream, udp.Target, Options, cancellationToken).ConfigureAwait(false);
                if (answer.Status == ForwardStatus.Connected)
                {
                    await HoldAsync(stream, cancellationToken).ConfigureAwait(false);
                    return true;
                }

                if (IsNews($"{answer.Status}: {answer.Reason}")) Options.Observer?.Invoke(new ForwardingEvent.Refused(owner.NextId(), connection, udp.Target, answer.Status, answer.Reason));
                return answer.Status != ForwardStatus.NotShared;
            }
        }
        catch (PeerException exception)
        {
            if (!connection.Closed.IsCompleted && IsNews($"{exception.Error}: {exception.Message}")) Options.Unconnected?.Invoke(udp.Target, exception);
            return true;
        }
    }

    /// <summary>Datagrams go through as long as the stream is open.</summary>
    private async Task HoldAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        long began = Options.TimeProvider.GetTimestamp();
        udp.SetLink(connection, carrier);
        try
        {
            byte[] nothing = new byte[1];
            while (await stream.ReadAsync(nothing, cancellationToken).ConfigureAwait(false) > 0)
            {
                // The sharer says nothing more.
            }
        }
        finally
        {
            udp.DropLink(connection);
            if (Options.TimeProvider.GetElapsedTime(began) >= s_longestPause)
            {
                _backoff.Reset();
                _told = null;
            }
        }
    }

    /// <summary>Whether the program has not been told that already: what is tried without end must not fill a log.</summary>
    private bool IsNews(string reason)
    {
        if (_told == reason) return false;
        _told = reason;
        return true;
    }
}
