using Porthole.Runtime;

namespace Porthole.Cli.Transfer;

/// <summary>Calls the other side when a transfer needs a connection, again and again where that may help, for as long as it is told.</summary>
/// <param name="dial">Makes a connection.</param>
/// <param name="wait">How long the other side may be away.</param>
/// <param name="waitsAtFirst">Whether that goes for the first contact too: otherwise its failure is told at once.</param>
/// <param name="waiting">Is told, once for each wait, why there is no connection yet.</param>
/// <param name="clock">The clock.</param>
internal sealed class TransferDialer(
    Func<CancellationToken, Task<PeerConnection>> dial, TimeSpan wait, bool waitsAtFirst, Action<PeerException> waiting, TimeProvider clock)
{
    private bool _hadConnection = waitsAtFirst;
    private volatile CancellationTokenSource? _pause;

    /// <summary>Makes a connection, or waits for one.</summary>
    /// <exception cref="PeerException">There is none to be had.</exception>
    /// <exception cref="GaveUpException">There was none in time.</exception>
    public async Task<PeerConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        long began = clock.GetTimestamp();
        var backoff = new Backoff(PeerRedialer.ShortestPause, PeerRedialer.LongestPause);
        while (true)
        {
            try
            {
                var connection = await dial(cancellationToken).ConfigureAwait(false);
                _hadConnection = true;
                return connection;
            }
            catch (PeerException exception) when (_hadConnection && !PeerRedialer.IsFinal(exception.Error))
            {
                if (backoff.Pause == TimeSpan.Zero) waiting(exception); // also where a slow first attempt has used up the time
                if (clock.GetElapsedTime(began) >= wait) throw new GaveUpException(exception);
            }

            await PauseAsync(backoff.Grow(), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends a pause: something has changed.</summary>
    public void DialNow()
    {
        try
        {
            _pause?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended by itself.
        }
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _pause = source;
        await Task.Delay(pause, clock, source.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _pause = null;
        cancellationToken.ThrowIfCancellationRequested();
    }
}
