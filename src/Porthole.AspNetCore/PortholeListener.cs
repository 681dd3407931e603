using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Porthole.AspNetCore;

/// <summary>What Kestrel accepts the streams of one version of HTTP from.</summary>
internal sealed class PortholeListener(PortholeEndPoint endPoint, HttpStreamAcceptor acceptor) : IConnectionListener
{
    /// <summary>Streams that wait for Kestrel, which takes them as fast as it can. Beyond that they are given up.</summary>
    private const int Backlog = 1_024;

    /// <summary>How long the peers may take to get the last bytes of what was answered, once everything was: a few round trips, and some losses.</summary>
    private static readonly TimeSpan s_delivery = TimeSpan.FromSeconds(5);

    private readonly Channel<PeerConnectionContext> _accepted = Channel.CreateBounded<PeerConnectionContext>(Backlog);
    private readonly ConcurrentDictionary<PeerConnectionContext, bool> _open = new();

    public EndPoint EndPoint => endPoint;

    /// <summary>Hands Kestrel a stream.</summary>
    /// <returns>False when it takes no more.</returns>
    public bool TryAdd(PeerConnectionContext context)
    {
        _open[context] = true;
        if (_accepted.Writer.TryWrite(context))
        {
            _ = context.Stream.Over.ContinueWith(_ => _open.TryRemove(context, out bool _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return true;
        }

        _open.TryRemove(context, out _);
        return false;
    }

    /// <summary>No more streams will come.</summary>
    /// <param name="reason">Why; null for an orderly end.</param>
    public void Complete(Exception? reason) => _accepted.Writer.TryComplete(reason);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out var context)) return context;
        }

        return null;
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        Complete(null);
        await acceptor.UnbindAsync(this).ConfigureAwait(false);
    }

    /// <summary>Is called when Kestrel is through with every stream: what it has written last is to reach the peers before the node goes.</summary>
    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        while (_accepted.Reader.TryRead(out var waiting))
        {
            waiting.Abort();
            await waiting.DisposeAsync().ConfigureAwait(false);
        }

        var delivered = Task.WhenAll(_open.Keys.Select(static context => context.Stream.Over));
        await Task.WhenAny(delivered, Task.Delay(s_delivery)).ConfigureAwait(false);
    }
}
