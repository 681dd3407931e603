using System.Diagnostics;

namespace Porthole.Tests.Runtime;

/// <summary>A clock that a test moves by hand.</summary>
internal sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    /// <summary>How long it is to the moment of the next timer; the longest time where none is set.</summary>
    public TimeSpan TimeToNextTimer
    {
        get
        {
            lock (_gate) return _timers.Select(static timer => timer.Due).DefaultIfEmpty(long.MaxValue).Min() is var next && next == long.MaxValue ? TimeSpan.MaxValue : TimeSpan.FromTicks(next - _now);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        lock (_gate)
        {
            timer.Change(dueTime, period);
            _timers.Add(timer);
        }

        return timer;
    }

    public void Advance(TimeSpan time)
    {
        ManualTimer[] due;
        lock (_gate) due = MoveTo(_now + time.Ticks);
        foreach (var timer in due) timer.Ring();
    }

    /// <summary>Moves to the moment of the next timer, if one is set: who waits is woken exactly in time, and who still works has no time taken from it.</summary>
    public void AdvanceToNextTimer()
    {
        ManualTimer[] due;
        lock (_gate)
        {
            long next = _timers.Select(static timer => timer.Due).DefaultIfEmpty(long.MaxValue).Min();
            if (next == long.MaxValue) return;
            due = MoveTo(Math.Max(next, _now));
        }

        foreach (var timer in due) timer.Ring();
    }

    /// <summary>Moves from timer to timer until something is over. Whoever is woken is given real time to work in.</summary>
    public async Task PassUntilAsync(Task over)
    {
        long began = Stopwatch.GetTimestamp();
        while (!over.IsCompleted)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(1), "It is not over.");
            AdvanceToNextTimer();
            await Task.WhenAny(over, Task.Delay(10, TestContext.Current.CancellationToken));
        }
    }

    private ManualTimer[] MoveTo(long now)
    {
        Interlocked.Exchange(ref _now, now);
        return [.. _timers.Where(timer => timer.TakeDue(now))];
    }

    private sealed class ManualTimer(ManualTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        /// <summary>When it rings; touched under the clock's lock.</summary>
        public long Due { get; private set; } = long.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                _period = period;
                Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : clock._now + dueTime.Ticks;
                return true;
            }
        }

        public bool TakeDue(long now)
        {
            if (Due > now) return false;
            Due = _period == Timeout.InfiniteTimeSpan ? long.MaxValue : now + _period.Ticks;
            return true;
        }

        public void Ring() => callback(state);

        public void Dispose()
        {
            lock (clock._gate) clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
