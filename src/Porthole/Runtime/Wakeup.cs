using System.Threading.Tasks.Sources;

namespace Porthole.Runtime;

/// <summary>
/// A reusable signal for one waiter: what is set before the wait is not lost, what is set twice counts once. It allocates nothing, so a stream can wait for each
/// of its bytes.
/// </summary>
internal sealed class Wakeup : IValueTaskSource
{
    private const int Idle = 0;
    private const int Signaled = 1;
    private const int Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private int _state;

    /// <summary>Wakes the waiter, or the next one. Any thread may call it.</summary>
    public void Set()
    {
        while (true)
        {
            switch (Volatile.Read(ref _state))
            {
                case Idle when Interlocked.CompareExchange(ref _state, Signaled, Idle) == Idle:
                case Signaled:
                    return;
                case Waiting when Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting:
                    _core.SetResult(true);
                    return;
            }
        }
    }

    /// <summary>Waits for <see cref="Set"/>. One caller at a time, which awaits the result once.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        if (Interlocked.CompareExchange(ref _state, Idle, Signaled) == Signaled) return default;
        _core.Reset();
        _token = cancellationToken;
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) != Idle)
        {
            Volatile.Write(ref _state, Idle); // it was set meanwhile
            return default;
        }

        if (cancellationToken.CanBeCanceled) _registration = cancellationToken.UnsafeRegister(static wakeup => ((Wakeup)wakeup!).Cancel(), this);
        return new ValueTask(this, _core.Version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _registration.Dispose(); // returns when a callback that runs has ended, so that it cannot meet the next wait
        _registration = default;
        _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting) _core.SetException(new OperationCanceledException(_token));
    }
}
