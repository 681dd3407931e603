namespace Porthole.NetworkTests.Transfer;

/// <summary>A clock that goes when it is told to, whose timers go off when they are told to.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _now;

    /// <summary>The timers, oldest first.</summary>
    public List<ManualTimer> Timers { get; } = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now;

    public void Advance(TimeSpan span) => _now += span.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(() => callback(state), dueTime);
        Timers.Add(timer);
        return timer;
    }

    internal sealed class ManualTimer(Action callback, TimeSpan due) : ITimer
    {
        /// <summary>When it is to go off.</summary>
        public TimeSpan Due { get; private set; } = due;

        /// <summary>It goes off, also where it was on its way while it was stopped.</summary>
        public void Fire() => callback();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
