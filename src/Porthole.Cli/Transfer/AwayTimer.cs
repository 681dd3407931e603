namespace Porthole.Cli.Transfer;

/// <summary>Gives up when nobody was there for too long: a clock that runs while there is no connection.</summary>
internal sealed class AwayTimer : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeSpan _wait;
    private readonly Action _giveUp;
    private readonly ITimer _timer;
    private int _here;
    private bool _isOver;

    /// <summary>Starts the clock.</summary>
    /// <param name="wait">How long nobody may be there.</param>
    /// <param name="giveUp">Is called once, when nobody was.</param>
    /// <param name="clock">The clock.</param>
    public AwayTimer(TimeSpan wait, Action giveUp, TimeProvider clock)
    {
        (_wait, _giveUp) = (wait, giveUp);
        lock (_gate) _timer = clock.CreateTimer(_ => GiveUp(), null, wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Somebody is there.</summary>
    public void Came()
    {
        lock (_gate)
        {
            if (_here++ == 0) _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Somebody who was there is gone.</summary>
    public void Went()
    {
        lock (_gate)
        {
            if (--_here == 0 && !_isOver) _timer.Change(_wait, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Stops the clock for good.</summary>
    public void Dispose()
    {
        lock (_gate) _isOver = true;
        _timer.Dispose();
    }

    private void GiveUp()
    {
        lock (_gate)
        {
            if (_here > 0 || _isOver) return; // it was on its way when somebody came
            _isOver = true;
        }

        _giveUp();
    }
}
