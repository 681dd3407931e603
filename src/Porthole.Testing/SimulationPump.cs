using System.Runtime.ExceptionServices;
using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Runtime;

namespace Porthole.Testing;

/// <summary>
/// Runs a simulation beside a real clock, on one thread of its own: the only one that touches the simulation. Others hand it what is to be done. It never waits for
/// any of them, so whoever waits for it cannot wait for ever.
/// </summary>
internal sealed class SimulationPump : IAsyncDisposable
{
    private readonly InputQueue _inputs;
    private readonly InstantClock _clock;
    private readonly List<HostSocket> _received = []; // sockets with datagrams that their machines have not seen
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;

    public SimulationPump(Simulation simulation, TimeProvider clock)
    {
        (Simulation, _clock, _inputs) = (simulation, new InstantClock(clock), new InputQueue(clock));
        _thread = new Thread(Run) { IsBackground = true, Name = "porthole test net" };
        _thread.Start();
    }

    /// <summary>The simulation, for what runs on the pump's thread.</summary>
    public Simulation Simulation { get; }

    /// <summary>Why the pump has stopped by itself, which is a defect; null when it has not.</summary>
    public Exception? Defect { get; private set; }

    /// <summary>Has something done on the pump's thread, in order.</summary>
    /// <returns>False when the pump has stopped: it will not be done.</returns>
    public bool Post(Action action) => _inputs.TryAdd(action, null);

    /// <summary>Has something done on the pump's thread, and waits for it.</summary>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public TResult Invoke<TResult>(Func<TResult> function)
    {
        if (Thread.CurrentThread == _thread) return function();
        using var call = new Call<TResult>(function);
        return Post(call.Run) ? call.Wait() : throw Stopped();
    }

    /// <inheritdoc cref="Invoke{TResult}"/>
    public void Invoke(Action action) => Invoke(() =>
    {
        action();
        return true;
    });

    /// <summary>A socket has datagrams: they are delivered together when everything has happened that happens now.</summary>
    public void NoteReceived(HostSocket socket) => _received.Add(socket);

    /// <summary>Does what was handed over before, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _inputs.Complete();
        await _completion.Task.ConfigureAwait(false);
    }

    private ObjectDisposedException Stopped() => new(
        nameof(PortholeTestNetwork), Defect is null ? "The test network was disposed." : $"The test network has failed: {Defect.Message}");

    private void Run()
    {
        while (true)
        {
            Guard(Advance);
            Deliver();
            if (!_inputs.WaitAndTake(Wait(), out var inputs)) break;
            Guard(Advance);
            foreach (var input in inputs) Guard((Action)input.Item);
        }

        _inputs.Dispose();
        _completion.SetResult();
    }

    // Whatever goes wrong, it is a defect of a simulated machine: time stands still from then on, but sockets are still closed, and nobody waits for ever.
    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception exception)
        {
            Defect ??= exception;
            _inputs.Complete();
        }
    }

    // To the present, what takes no time included.
    private void Advance()
    {
        if (Defect is null) Simulation.RunFor(Max(_clock.Now - Simulation.Now, TimeSpan.Zero));
    }

    private void Deliver()
    {
        foreach (var socket in _received) socket.Deliver();
        _received.Clear();
    }

    private TimeSpan? Wait() => Simulation.NextEventAt is var next && next == Instant.Never ? null : next - _clock.Now;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    /// <summary>Something that one thread wants from another, and waits for.</summary>
    private sealed class Call<TResult>(Func<TResult> function) : IDisposable
    {
        private readonly ManualResetEventSlim _done = new();
        private Exception? _failure;
        private TResult _result = default!;

        public void Run()
        {
            try
            {
                _result = function();
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                _failure = exception; // the caller's mistake, not the simulation's
            }
            finally
            {
                _done.Set();
            }
        }

        public TResult Wait()
        {
            _done.Wait();
            if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
            return _result;
        }

        public void Dispose() => _done.Dispose();
    }
}
