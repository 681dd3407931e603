using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Porthole.Hosting;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Rendezvous;

namespace Porthole.AspNetCore;

/// <summary>Takes the HTTP streams of a node, and of the one that follows when it has ended, and hands each to the listener of its version.</summary>
internal sealed class HttpStreamAcceptor(IPorthole porthole, ILogger logger)
{
    /// <summary>How long a stream may say nothing: as long as Kestrel lets a connection without a request live.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(130);

    private readonly Lock _lock = new();
    private readonly List<PortholeListener> _listeners = [];
    private CancellationTokenSource? _stopping;
    private Task _running = Task.CompletedTask;

    public PortholeListener Bind(PortholeEndPoint endPoint)
    {
        lock (_lock)
        {
            var listener = new PortholeListener(endPoint, this);
            _listeners.Add(listener);
            if (_stopping is null)
            {
                _stopping = new CancellationTokenSource();
                _running = RunAsync(_stopping.Token);
            }

            return listener;
        }
    }

    /// <summary>Takes nothing more for a listener; after the last one the node is free for another application.</summary>
    public async Task UnbindAsync(PortholeListener listener)
    {
        Task running;
        lock (_lock)
        {
            if (!_listeners.Remove(listener) || _listeners.Count > 0) return;
            _stopping!.Cancel();
            _stopping = null;
            running = _running;
        }

        await running.ConfigureAwait(false);
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                var node = await porthole.GetNodeAsync(stopping).ConfigureAwait(false);
                using (node.Streams.Map(StreamPreamble.Http, (connection, stream) => HandleAsync(node, connection, stream)))
                {
                    node.Streams.Start();
                    if (node.Options.Accept == AcceptPolicy.Nobody) TransportLog.NobodyAccepted(logger);
                    TransportLog.Reachable(logger, node.Name ?? node.Id.ToString());
                    await node.Stopped.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    stopping.ThrowIfCancellationRequested();
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Every listener was unbound.
        }
        catch (Exception exception)
        {
            if (stopping.IsCancellationRequested) return;
            TransportLog.Ended(logger, exception.Message);
            lock (_lock)
            {
                foreach (var listener in _listeners) listener.Complete(exception);
            }
        }
    }

    private async Task HandleAsync(PeerNode node, PeerConnection connection, PeerStream stream)
    {
        var context = new PeerConnectionContext(node, connection, stream);
        var version = HttpProtocols.None;
        try
        {
            using var late = new CancellationTokenSource(s_patience, node.Options.TimeProvider);
            version = await HttpVersionSniffer.SniffAsync(context.Transport.Input, late.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer has gone, or has nothing to say.
        }

        if (version != HttpProtocols.None && Find(version)?.TryAdd(context) == true) return;
        context.Abort();
        await context.DisposeAsync().ConfigureAwait(false);
    }

    private PortholeListener? Find(HttpProtocols version)
    {
        lock (_lock) return _listeners.Find(listener => ((PortholeEndPoint)listener.EndPoint).Protocols.HasFlag(version));
    }
}
