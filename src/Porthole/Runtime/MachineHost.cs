using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Runtime;

/// <summary>
/// The one driver: runs a machine on real sockets and a real clock. One thread of its own takes inputs in order of arrival, feeds the machine, and drains it
/// after each; so the machine needs no lock, and nothing of it is ever seen half changed. The first input is the host's addresses.
/// </summary>
/// <typeparam name="TMachine">The machine.</typeparam>
public sealed class MachineHost<TMachine> : ISocketInbox, IAsyncDisposable
    where TMachine : class, ISocketUser
{
    private readonly TMachine _machine;
    private readonly INetwork _network;
    private readonly InstantClock _clock;
    private readonly Action<TMachine, Instant> _drained;
    private readonly ILogger _logger;
    private readonly InputQueue _inputs;
    private readonly SocketTable _sockets = new();
    private readonly HashSet<SocketId> _congested = []; // as the machine knows it
    private readonly byte[] _output = GC.AllocateUninitializedArray<byte>(DatagramBatchWriter.MaxBytes, pinned: true);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IDisposable _addressWatch;
    private readonly Thread _thread;
    private int _lastAccepted;
    private int _disposed;

    /// <summary>Starts to run a machine.</summary>
    /// <param name="machine">The machine; nobody else may touch it from now on.</param>
    /// <param name="network">Where its sockets come from.</param>
    /// <param name="clock">Its clock. Two hosts whose moments are compared share one.</param>
    /// <param name="drained">Called on the host's thread after every input, when sockets and datagrams are drained: take the machine's events here. It must not wait.</param>
    /// <param name="logger">Where a failing machine is reported; null for nowhere.</param>
    public MachineHost(TMachine machine, INetwork network, InstantClock clock, Action<TMachine, Instant> drained, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(drained);
        (_machine, _network, _clock, _drained, _logger) = (machine, network, clock, drained, logger ?? NullLogger.Instance);
        _inputs = new InputQueue(clock.Provider);
        _addressWatch = network.WatchAddresses(addresses => Deliver(new SocketEvent.NetworkChanged(addresses) { Gateways = network.Gateways }));
        _thread = new Thread(Run) { IsBackground = true, Name = $"porthole {typeof(TMachine).Name}" };
        _thread.Start();
    }

    /// <summary>Completes when the host has stopped and its sockets are closed; faults when the machine threw, which is a defect.</summary>
    public Task Completion => _completion.Task;

    /// <inheritdoc/>
    public InstantClock Clock => _clock;

    /// <summary>Runs a command on the machine's thread, after everything that was queued before. Dropped when the host has stopped.</summary>
    /// <param name="command">What to do. It must not wait.</param>
    /// <returns>False when the host has stopped.</returns>
    public bool Post(Action<TMachine, Instant> command) => _inputs.TryAdd(command, null);

    /// <summary>Runs a command on the machine's thread, with a state object instead of a closure.</summary>
    /// <param name="command">What to do. It must not wait.</param>
    /// <param name="state">Handed to the command.</param>
    /// <returns>False when the host has stopped.</returns>
    public bool Post(Action<TMachine, Instant, object?> command, object? state) => _inputs.TryAdd(command, state);

    /// <summary>Runs a function on the machine's thread and hands back what it gives.</summary>
    /// <exception cref="ObjectDisposedException">The host has stopped.</exception>
    public async Task<TResult> InvokeAsync<TResult>(Func<TMachine, Instant, TResult> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        var answer = new TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        bool posted = Post((machine, now) =>
        {
            try
            {
                answer.SetResult(function(machine, now));
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                answer.SetException(exception); // the caller's mistake, not the machine's
            }
        });
        ObjectDisposedException.ThrowIf(!posted, this);
        await Task.WhenAny(answer.Task, _completion.Task).ConfigureAwait(false);
        ObjectDisposedException.ThrowIf(!answer.Task.IsCompleted, this);
        return await answer.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public SocketId NextAcceptedId() => new(Interlocked.Decrement(ref _lastAccepted));

    /// <inheritdoc/>
    public bool Accept(SocketId listener, INetworkSocket socket, TransportAddress remote)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return _inputs.TryAdd(new SocketEvent.Accepted(listener, socket.Id, remote), socket);
    }

    /// <inheritdoc/>
    public void Deliver(ReceiveBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (!_inputs.TryAdd(batch, null)) batch.Release();
    }

    /// <inheritdoc/>
    public void Deliver(SocketEvent socketEvent) => _inputs.TryAdd(socketEvent, null);

    /// <summary>Stops the machine, closes its sockets, and returns when threads and descriptors are released. What was queued before is still done.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _addressWatch.Dispose();
            _inputs.Complete();
        }

        await ((Task)_completion.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Run()
    {
        Exception? defect = null;
        try
        {
            var start = _clock.Now;
            _machine.HandleSocketEvent(start, new SocketEvent.NetworkChanged(_network.LocalAddresses) { Gateways = _network.Gateways }); // the addresses to begin with
            Drain(start);
            while (_inputs.WaitAndTake(Wait(), out var inputs))
            {
                foreach (var input in inputs)
                {
                    var now = _clock.Now;
                    Handle(now, input);
                    Drain(now);
                }

                HandleDeadline();
            }
        }
        catch (Exception exception)
        {
            // Whatever it is, it is a defect: the machine cannot go on, and the process should.
            RuntimeLog.MachineFailed(_logger, typeof(TMachine).Name, exception);
            defect = exception;
            _inputs.Complete();
        }

        Stop(defect);
    }

    private void Handle(Instant now, in Input input)
    {
        switch (input.Item)
        {
            case ReceiveBatch batch:
                // A socket that the machine has closed may still have had something on the way.
                if (_sockets.Contains(batch.Socket)) _machine.HandleDatagrams(now, batch.Datagrams);
                batch.Release();
                break;
            case SocketEvent.Accepted accepted:
                _sockets.Add((INetworkSocket)input.State!);
                _machine.HandleSocketEvent(now, accepted);
                break;
            case SocketEvent socketEvent:
                HandleSocketEvent(now, socketEvent);
                break;
            case Action<TMachine, Instant> command:
                command(_machine, now);
                break;
            case Action<TMachine, Instant, object?> command:
                command(_machine, now, input.State);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        SocketId? about = socketEvent switch
        {
            SocketEvent.Opened opened => opened.Socket,
            SocketEvent.Failed failed => failed.Socket,
            SocketEvent.Unreachable unreachable => unreachable.Socket,
            SocketEvent.Writable writable => writable.Socket,
            SocketEvent.Congested congested => congested.Socket,
            SocketEvent.HttpAnswered answered => answered.Socket,
            _ => null,
        };
        if (about is { } id && !_sockets.Contains(id)) return; // closed by the machine meanwhile
        if (socketEvent is SocketEvent.Writable or SocketEvent.Congested)
        {
            TellCongestion(now, _sockets.Find(about!.Value)!);
            return;
        }

        if (socketEvent is SocketEvent.Failed or SocketEvent.HttpAnswered) Close(about!.Value, abortive: true);
        _machine.HandleSocketEvent(now, socketEvent);
    }

    // The event says when to look, not what is to be seen: a machine that writes may have filled the socket since, or the system may have emptied it.
    private void TellCongestion(Instant now, INetworkSocket socket)
    {
        if (socket.IsCongested)
        {
            if (_congested.Add(socket.Id)) _machine.HandleSocketEvent(now, new SocketEvent.Congested(socket.Id));
        }
        else if (_congested.Remove(socket.Id))
        {
            _machine.HandleSocketEvent(now, new SocketEvent.Writable(socket.Id));
        }
    }

    private void HandleDeadline()
    {
        var now = _clock.Now;
        if (_machine.NextDeadline is not { } due || due > now) return;
        _machine.HandleDeadline(now);
        Drain(now);
    }

    private void Drain(Instant now)
    {
        while (true)
        {
            var writer = new DatagramBatchWriter(_output);
            if (!_machine.TryWrite(now, ref writer)) break;
            if (writer.Count == 0 || _sockets.Find(writer.Socket) is not { } socket) continue;
            socket.Send(writer.Remote, writer.Written, writer.SegmentSize, writer.HopLimit);
            // At once: in one go a machine may have megabytes to say.
            if (socket.IsCongested) TellCongestion(now, socket);
        }

        // Behind what was written: a socket that the machine closes still carries its last word.
        while (_machine.TryTakeSocketRequest(out var request)) Handle(request);

        _drained(_machine, now);
    }

    private void Handle(SocketRequest request)
    {
        if (request is SocketRequest.Close close) Close(close.Socket, close.Abortive);
        else _sockets.Add(_network.Open(request, this));
    }

    private void Close(SocketId socket, bool abortive)
    {
        _congested.Remove(socket);
        _sockets.Close(socket, abortive);
    }

    /// <summary>How long nothing has to be done unless something arrives; null is for ever.</summary>
    private TimeSpan? Wait() => _machine.NextDeadline is { } due ? due - _clock.Now : null;

    private void Stop(Exception? defect)
    {
        while (_inputs.TryTakeRest(out var input))
        {
            if (input.Item is ReceiveBatch batch) batch.Release();
            else if (input.Item is SocketEvent.Accepted) ((INetworkSocket)input.State!).Close(abortive: true);
        }

        _addressWatch.Dispose();
        _sockets.CloseAllAsync().ContinueWith(
            _ =>
            {
                _inputs.Dispose();
                if (defect is null) _completion.SetResult();
                else _completion.SetException(defect);
            },
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }
}
