using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Hosting;

/// <summary>
/// Starts a peer with the host and ends it with the host. A host starts without waiting for the server: the peer is registered as soon as that can be had, tried again for as long as the host runs with
/// pauses from <see cref="ShortestPause"/> to <see cref="LongestPause"/>, and started again when it has ended.
/// </summary>
public sealed class PortholeService : IHostedService, IPorthole, IAsyncDisposable
{
    /// <summary>The pause after the first failure.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause: a server that is back, or a name that is free again, is found within it.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly PortholeOptions _options;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock;
    private TaskCompletionSource<PeerNode> _waiting = NewSignal();
    private volatile PeerNode? _node;
    private volatile PortholeStatus _status = new(PortholeStatusKind.Starting, "The peer was not started yet.");
    private Task? _running;

    /// <summary>Creates the service; <see cref="StartAsync"/> starts it.</summary>
    /// <param name="options">Valid settings.</param>
    /// <param name="loggerFactory">Where the peer logs.</param>
    /// <param name="clock">The clock.</param>
    public PortholeService(IOptions<PortholeOptions> options, ILoggerFactory loggerFactory, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        ArgumentNullException.ThrowIfNull(clock);
        (_options, _loggerFactory, _clock) = (options.Value, loggerFactory, clock);
        _logger = loggerFactory.CreateLogger("Porthole.Hosting");
    }

    /// <inheritdoc/>
    public PeerNode? Node => _node is { Stopped.IsCompleted: false } node ? node : null;

    /// <inheritdoc/>
    public PortholeStatus Status => Node is { } node ? FixedNode.StatusOf(node) : _status;

    /// <inheritdoc/>
    public async ValueTask<PeerNode> GetNodeAsync(CancellationToken cancellationToken = default)
    {
        Task<PeerNode> waiting;
        lock (_lock)
        {
            if (_waiting.Task is { IsCompletedSuccessfully: true, Result.Stopped.IsCompleted: true }) _waiting = NewSignal(); // sooner than the loop, which has yet to see it
            waiting = _waiting.Task;
        }

        return await waiting.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins to start the peer, and returns at once.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_lock) _running ??= Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Ends the peer, and returns when nothing of it is left.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Task? running;
        lock (_lock) running = _running;
        if (running is not null) await running.WaitAsync(cancellationToken).ConfigureAwait(false);
        End();
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None).ConfigureAwait(false);

    private static TaskCompletionSource<PeerNode> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync()
    {
        var backoff = new Backoff(ShortestPause, LongestPause);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                _status = new PortholeStatus(PortholeStatusKind.Starting, $"Registering at {_options.Server}.");
                await using var node = await PeerNode.StartAsync(PortholeOptionsValidator.ToPeerOptions(_options, _loggerFactory, _clock), _stopping.Token).ConfigureAwait(false);
                Offer(node);
                backoff.Reset();
                await HoldAsync(node).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                break;
            }
            catch (Exception exception)
            {
                backoff.Grow();
                _status = new PortholeStatus(PortholeStatusKind.Starting, exception.Message);
                if (exception is PeerException known) HostingLog.NotStarted(_logger, known.Message, backoff.Pause);
                else HostingLog.Failed(_logger, backoff.Pause, exception); // a defect of a Customize, say: the host lives on, and its health check says it
            }

            _node = null;
            if (backoff.Pause == TimeSpan.Zero) backoff.Grow();
            await Task.Delay(backoff.Pause, _clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        End();
    }

    /// <summary>Returns when the node has ended, or its server will not have it back by itself and nobody uses it any more.</summary>
    private async Task HoldAsync(PeerNode node)
    {
        while (!node.Stopped.IsCompleted)
        {
            await Task.WhenAny(node.Stopped, Task.Delay(LongestPause, _clock, _stopping.Token)).ConfigureAwait(false);
            _stopping.Token.ThrowIfCancellationRequested();
            if (node.Server is not { IsRegistered: false, WillRetry: false } || await HasConnectionsAsync(node).ConfigureAwait(false)) continue;
            HostingLog.TurnedAway(_logger, node.Server.Text);
            return;
        }

        HostingLog.Ended(_logger, FixedNode.EndOf(node));
    }

    private static async Task<bool> HasConnectionsAsync(PeerNode node)
    {
        try
        {
            return (await node.CountConnectionsAsync().ConfigureAwait(false)).All > 0;
        }
        catch (PeerException)
        {
            return false; // it has ended
        }
    }

    private void Offer(PeerNode node)
    {
        _node = node;
        lock (_lock)
        {
            if (_waiting.Task.IsCompleted) _waiting = NewSignal();
            _waiting.TrySetResult(node);
        }
    }

    private void End()
    {
        _node = null;
        _status = new PortholeStatus(PortholeStatusKind.Ended, "The peer was ended with its host.");
        lock (_lock)
        {
            if (_waiting.Task.IsCompletedSuccessfully) _waiting = NewSignal();
            if (_waiting.TrySetException(new PeerException(PeerError.Closed, _status.Text))) _ = _waiting.Task.Exception; // seen, also when nobody waits
        }
    }
}
