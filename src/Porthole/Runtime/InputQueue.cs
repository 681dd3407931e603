namespace Porthole.Runtime;

/// <summary>One input of a host: a batch, an event, or a command with its state.</summary>
internal readonly record struct Input(object Item, object? State);

/// <summary>
/// The way into a host's thread: any thread adds, one takes everything that is there and waits, until a moment, when there is nothing. Its memory is bounded by
/// those who add: a socket owns few batches, and commands are answered or coalesced.
/// </summary>
internal sealed class InputQueue : IDisposable
{
    private static readonly TimeSpan s_resolution = TimeSpan.FromMilliseconds(1);

    private readonly object _gate = new();
    private readonly ITimer? _timer;
    private List<Input> _waiting = [];
    private List<Input> _taken = [];
    private bool _isWaiting;
    private bool _rang;
    private bool _complete;

    public InputQueue(TimeProvider clock)
    {
        // The system's clock is waited for by the wait itself; any other has to ring.
        if (clock != TimeProvider.System) _timer = clock.CreateTimer(static queue => ((InputQueue)queue!).Ring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Adds an input.</summary>
    /// <returns>False when the queue is complete.</returns>
    public bool TryAdd(object item, object? state)
    {
        lock (_gate)
        {
            if (_complete) return false;
            _waiting.Add(new Input(item, state));
            if (_isWaiting) Monitor.Pulse(_gate);
            return true;
        }
    }

    /// <summary>Takes no more inputs; those that are there can still be taken.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _complete = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Takes all inputs that are there, or waits for the first.</summary>
    /// <param name="wait">How long to wait at most; null is for ever. The inputs are then empty.</param>
    /// <param name="inputs">The inputs in order; valid until the next call.</param>
    /// <returns>False when the queue is complete and empty.</returns>
    public bool WaitAndTake(TimeSpan? wait, out List<Input> inputs)
    {
        lock (_gate)
        {
            _taken.Clear();
            if (_waiting.Count == 0 && !_complete) WaitForInput(wait);
            (_waiting, _taken) = (_taken, _waiting);
            inputs = _taken;
            return inputs.Count > 0 || !_complete;
        }
    }

    /// <summary>Takes one input that nobody will handle any more.</summary>
    public bool TryTakeRest(out Input input)
    {
        lock (_gate)
        {
            input = _waiting.Count > 0 ? _waiting[^1] : default;
            if (_waiting.Count == 0) return false;
            _waiting.RemoveAt(_waiting.Count - 1);
            return true;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void WaitForInput(TimeSpan? wait)
    {
        // Whole milliseconds, rounded up: a deadline that is met too early is met twice. At least one, or a machine that is always due would spin.
        int milliseconds = wait is { } time ? (int)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), s_resolution.TotalMilliseconds, int.MaxValue) : Timeout.Infinite;
        _isWaiting = true;
        _rang = false;
        if (_timer is null)
        {
            Monitor.Wait(_gate, milliseconds);
        }
        else
        {
            _timer.Change(wait is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan);
            while (_waiting.Count == 0 && !_complete && !_rang) Monitor.Wait(_gate);
        }

        _isWaiting = false;
    }

    private void Ring()
    {
        lock (_gate)
        {
            _rang = true;
            Monitor.Pulse(_gate);
        }
    }
}
