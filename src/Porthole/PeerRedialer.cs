using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole;

/// <summary>
/// Keeps one connection to a peer: dials, and dials again when the connection is lost, with pauses that grow from <see cref="ShortestPause"/> to <see cref="LongestPause"/>.
/// It begins with the first <see cref="GetAsync"/> or <see cref="Start"/>, and ends when it is disposed or an attempt fails for good. Members may be used from any thread.
/// </summary>
public sealed class PeerRedialer : IAsyncDisposable
{
    /// <summary>The pause after the first failure: a peer that restarts is soon back.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause: who comes back after an hour is not waited for much longer. A connection that lived so long was a good one, and its successor is dialled at once.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly Func<CancellationToken, Task<PeerConnection>> _dial;
    private readonly TimeProvider _clock;
    private readonly PeerNode? _node;
    private readonly EventQueue _events;
    private readonly CancellationTokenSource _stop = new();
    private readonly Wakeup _hurry = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource<PeerConnection> _current = NewSignal();
    private TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PeerConnection? _live;
    private PeerConnection? _predecessor;
    private Task? _running;
    private int _disposed;

    /// <summary>Keeps a connection from a node to a peer.</summary>
    /// <param name="node">Who dials. When it is registered at its server again, the next attempt is made at once.</param>
    /// <param name="target">Who is dialled.</param>
    public PeerRedialer(PeerNode node, PeerTarget target)
        : this(token => node.ConnectAsync(target, token), node?.Options.TimeProvider, node?.Options.LoggerFactory.CreateLogger("Porthole"))
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(target);
        _node = node;
        node.ServerChanged += HandleServer;
    }

    /// <summary>Keeps a connection that a function makes.</summary>
    /// <param name="dial">Makes a connection; throws <see cref="PeerException"/> when that fails.</param>
    /// <param name="clock">The clock of the pauses; null for the system's.</param>
    /// <param name="logger">Is told of handlers that throw; null for nobody.</param>
    public PeerRedialer(Func<CancellationToken, Task<PeerConnection>> dial, TimeProvider? clock = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(dial);
        (_dial, _clock) = (dial, clock ?? TimeProvider.System);
        _events = new EventQueue(exception =>
        {
            if (logger is not null) PeerLog.HandlerFailed(logger, exception);
        });
    }

    /// <summary>Raised when the connection is found or lost, and when an attempt fails; in order, one at a time.</summary>
    public event EventHandler<PeerRedialerEvent>? Changed;

    /// <summary>Which errors end it. By default those that another attempt will not change: <see cref="IsFinal"/>.</summary>
    public Func<PeerError, bool> EndsWith { get; init; } = IsFinal;

    /// <summary>The connection as it is now; null while there is none.</summary>
    public PeerConnection? Current
    {
        get
        {
            var live = Volatile.Read(ref _live);
            return live is { Closed.IsCompleted: false } ? live : null;
        }
    }

    /// <summary>
    /// Whether another attempt will not change anything: the peer refuses, it holds another key than it should, the request makes no sense, the server turns this peer away. A peer that is offline or not known (yet), and a server that
    /// cannot be reached, may come back.
    /// </summary>
    public static bool IsFinal(PeerError error) => error
        is PeerError.Refused or PeerError.KeyChanged or PeerError.WrongPeer or PeerError.BadRequest or PeerError.WrongServerKey or PeerError.WrongToken or PeerError.NameTaken or PeerError.NotAServer
        or PeerError.WrongCode or PeerError.BadFile or PeerError.Closed;

    /// <summary>Begins to dial, if that has not begun.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_disposed == 0) _running ??= Task.Run(RunAsync);
        }
    }

    /// <summary>Gives the connection, or waits for it.</summary>
    /// <param name="cancellationToken">Ends the wait; the attempts go on.</param>
    /// <exception cref="PeerException">There will be none: an attempt failed for good, or this object was disposed.</exception>
    public async Task<PeerConnection> GetAsync(CancellationToken cancellationToken = default)
    {
        Start();
        while (true)
        {
            Task<PeerConnection> current;
            lock (_gate) current = _current.Task;
            PeerConnection connection;
            try
            {
                connection = await current.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PeerException exception)
            {
                throw new PeerException(exception.Error, exception.Message, exception) { Code = exception.Code }; // many may be told
            }

            if (!connection.Closed.IsCompleted) return connection;
            lock (_gate) Renew(connection); // sooner than the loop, which has yet to see it
        }
    }

    /// <summary>
    /// Dials a successor at once, because the connection carries nothing: a peer that was killed and came back does not know it, and it would linger until its idle time-out. The one that is replaced is not closed: streams on it that
    /// live after all go on (a second replacement closes it). Until the attempt has ended <see cref="GetAsync"/> waits; when it failed and the connection is still there, it is given again.
    /// </summary>
    /// <param name="connection">The connection that carries nothing; nothing happens if it is not the current one any more.</param>
    public void Replace(PeerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        lock (_gate)
        {
            if (!ReferenceEquals(_live, connection)) return;
            Renew(connection);
            _replaced.TrySetResult();
        }
    }

    /// <summary>Ends a pause between attempts: something has changed.</summary>
    public void DialNow() => _hurry.Set();

    /// <summary>Dials no more and closes the connection. May be called more than once.</summary>
    public async ValueTask DisposeAsync()
    {
        Task? running;
        lock (_gate)
        {
            running = _running;
            if (_disposed != 0) running = null;
            _disposed = 1;
        }

        if (_node is not null) _node.ServerChanged -= HandleServer;
        await _stop.CancelAsync().ConfigureAwait(false);
        if (running is not null) await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        End(new PeerException(PeerError.Closed, "The connection is not kept any more: it was given up here."));
        if (Interlocked.Exchange(ref _live, null) is { } live) await live.DisposeAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _predecessor, null) is { } predecessor) await predecessor.DisposeAsync().ConfigureAwait(false);
        await _events.CompleteAsync().ConfigureAwait(false);
    }

    private static TaskCompletionSource<PeerConnection> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void HandleServer(object? sender, ServerState state)
    {
        if (state.IsRegistered) DialNow();
    }

    private async Task RunAsync()
    {
        try
        {
            var backoff = new Backoff(ShortestPause, LongestPause);
            while (true)
            {
                long began = _clock.GetTimestamp();
                var (live, failure) = await DialAsync().ConfigureAwait(false);
                if (live is not null)
                {
                    await TakeAsync(live).ConfigureAwait(false);
                }
                else
                {
                    backoff.Grow();
                    live = KeepLive();
                    if (live is null && EndsWith(failure!.Error))
                    {
                        End(failure, tell: true);
                        return;
                    }

                    Tell(new PeerRedialerEvent.Failed(failure!, live is null ? backoff.Pause : TimeSpan.Zero));
                    if (live is null)
                    {
                        await PauseAsync(backoff.Pause).ConfigureAwait(false);
                        continue;
                    }
                }

                bool isToBeReplaced = await HoldAsync(live).ConfigureAwait(false);
                if (isToBeReplaced && failure is null) backoff.Reset();
                else if (isToBeReplaced) await PauseAsync(backoff.Pause).ConfigureAwait(false); // the attempt before failed
                else if (_clock.GetElapsedTime(began) >= LongestPause) backoff.Reset();
                else await PauseAsync(backoff.Grow()).ConfigureAwait(false); // one that ends as soon as it stands must not be dialled without end
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
        catch (Exception exception)
        {
            End(new PeerException(PeerError.Closed, $"The connection is not kept any more: {exception.Message}", exception), tell: true);
        }
    }

    /// <summary>One attempt: a connection, or why there is none.</summary>
    private async Task<(PeerConnection? Connection, PeerException? Failure)> DialAsync()
    {
        try
        {
            return (await _dial(_stop.Token).ConfigureAwait(false), null);
        }
        catch (PeerException exception)
        {
            return (null, exception);
        }
    }

    /// <summary>A connection stands.</summary>
    private async Task TakeAsync(PeerConnection found)
    {
        PeerConnection? oldest = null;
        lock (_gate)
        {
            if (_live is { } before) (oldest, _predecessor) = (_predecessor, before);
            Offer(found);
        }

        Tell(new PeerRedialerEvent.Found(found));
        if (oldest is not null) await oldest.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>The connection that was to be replaced, if there is one: it is the current one again, also if it has ended meanwhile, which is seen at once.</summary>
    private PeerConnection? KeepLive()
    {
        lock (_gate)
        {
            if (_live is { } live) Offer(live);
            return _live;
        }
    }

    /// <summary>Waits until the connection is lost, or is to be replaced.</summary>
    /// <returns>Whether it is to be replaced.</returns>
    private async Task<bool> HoldAsync(PeerConnection live)
    {
        Task replaced;
        lock (_gate) replaced = _replaced.Task;
        await Task.WhenAny(live.Closed, replaced).WaitAsync(_stop.Token).ConfigureAwait(false);
        if (!live.Closed.IsCompleted) return true;
        lock (_gate)
        {
            Renew(live);
            _live = null;
        }

        Tell(new PeerRedialerEvent.Lost(live, await live.Closed.ConfigureAwait(false)));
        return false;
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        using var late = new CancellationTokenSource(pause, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _stop.Token);
        try
        {
            await _hurry.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // The pause is over.
        }
    }

    /// <summary>Under the lock: whoever waits is given the connection.</summary>
    private void Offer(PeerConnection connection)
    {
        _live = connection;
        _replaced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_current.TrySetResult(connection))
        {
            _current = NewSignal();
            _current.SetResult(connection);
        }
    }

    /// <summary>Under the lock: whoever comes now waits.</summary>
    private void Renew(PeerConnection connection)
    {
        if (_current.Task is { IsCompletedSuccessfully: true, Result: var offered } && ReferenceEquals(offered, connection)) _current = NewSignal();
    }

    private void End(PeerException reason, bool tell = false)
    {
        lock (_gate)
        {
            if (_current.Task.IsCompleted && !_current.Task.IsFaulted) _current = NewSignal();
            if (_current.TrySetException(reason)) _ = _current.Task.Exception; // seen, also when nobody waits
        }

        if (tell) Tell(new PeerRedialerEvent.Ended(reason));
    }

    private void Tell(PeerRedialerEvent happened)
    {
        if (Changed is { } handler) _events.Add(() => handler(this, happened));
    }
}
