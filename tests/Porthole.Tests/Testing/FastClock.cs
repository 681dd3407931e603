namespace Porthole.Tests.Testing;

/// <summary>A clock that runs faster than the system's.</summary>
internal sealed class FastClock(int speed) : TimeProvider
{
    private readonly long _began = System.GetTimestamp();
    private readonly DateTimeOffset _date = System.GetUtcNow();

    public override long TimestampFrequency => System.TimestampFrequency;

    public override long GetTimestamp() => (System.GetTimestamp() - _began) * speed;

    public override DateTimeOffset GetUtcNow() => _date + System.GetElapsedTime(_began) * speed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(System.CreateTimer(callback, state, Real(dueTime), Real(period)), this);

    private TimeSpan Real(TimeSpan time) => time > TimeSpan.Zero ? time / speed : time;

    private sealed class Timer(ITimer timer, FastClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(clock.Real(dueTime), clock.Real(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
