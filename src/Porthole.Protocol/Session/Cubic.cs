namespace Porthole.Protocol.Session;

/// <summary>The congestion window of one path: slow start (RFC 9002 section 7.3.1) with HyStart++, then CUBIC (RFC 9438).</summary>
/// <param name="packetSize">The size of full packets on this path, in bytes: the unit that CUBIC counts in.</param>
internal sealed class Cubic(int packetSize)
{
    /// <summary>RFC 9438 section 4.1: the constant C, in segments per second cubed.</summary>
    private const double Aggressiveness = 0.4;

    /// <summary>RFC 9438 section 4.6: the multiplicative decrease.</summary>
    private const double Decrease = 0.7;

    /// <summary>RFC 9438 section 4.3: the increase per round trip that makes the Reno estimate fair at this decrease.</summary>
    private const double RenoIncrease = 3 * (1 - Decrease) / (1 + Decrease);

    /// <summary>The most the window grows to: what the record of sent packets can hold, far above any real path.</summary>
    private const double MaxWindow = 48 << 20;

    private SlowStartExit _exit = new();
    private double _threshold = double.MaxValue;
    private double _window = InitialWindow(packetSize);
    private double _lastMaximum;
    private double _priorWindow;
    private double _renoWindow;
    private double _origin;
    private double _timeToOrigin;
    private Instant? _epoch;
    private Instant _recoveryStart = new(-1);

    /// <summary>The congestion window in bytes.</summary>
    public long Window => (long)_window;

    /// <summary>Whether the window still grows by what is acknowledged.</summary>
    public bool InSlowStart => _window < _threshold;

    /// <summary>RFC 9002 section 7.2: two packets.</summary>
    private double Minimum => 2 * packetSize;

    /// <summary>Takes an acknowledgement of bytes that were in flight on this path.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="bytes">How many bytes were newly acknowledged.</param>
    /// <param name="sentAt">When the newest of them was sent.</param>
    /// <param name="largest">The largest packet number that was acknowledged.</param>
    /// <param name="nextPacket">The next number to be sent.</param>
    /// <param name="sample">The round trip, if this acknowledgement gave one.</param>
    /// <param name="smoothed">The smoothed round trip.</param>
    /// <param name="windowWasUsed">Whether the window, not the application, held the sender back: else it must not grow (RFC 9002 section 7.8).</param>
    public void HandleAck(
        Instant now, int bytes, Instant sentAt, long largest, long nextPacket, TimeSpan? sample, TimeSpan smoothed, bool windowWasUsed)
    {
        if (sentAt <= _recoveryStart) return;
        if (InSlowStart)
        {
            int divisor = _exit.Divisor;
            if (_exit.HandleAck(largest, nextPacket, sample)) _threshold = _window;
            if (windowWasUsed) _window = Math.Min(_window + (double)bytes / divisor, MaxWindow);
            return;
        }

        if (!windowWasUsed)
        {
            _epoch = null; // RFC 9438 section 5.8: time without need does not count
            return;
        }

        Grow(now, bytes, smoothed);
    }

    /// <summary>Takes the loss of a packet: one reduction for all that were sent before it (RFC 9002 section 7.3.2).</summary>
    public void HandleLoss(Instant now, Instant sentAt)
    {
        if (sentAt <= _recoveryStart) return;
        _recoveryStart = now;
        _epoch = null;
        _priorWindow = _window;
        // Fast convergence (RFC 9438 section 4.7): a flow that lost before its last maximum leaves room for newcomers.
        _lastMaximum = _window < _lastMaximum ? _window * (1 + Decrease) / 2 : _window;
        _window = _threshold = Math.Max(_window * Decrease, Minimum);
    }

    /// <summary>Takes persistent congestion (RFC 9002 section 7.6): the window falls to its minimum.</summary>
    public void HandlePersistentCongestion()
    {
        _window = Minimum;
        _epoch = null;
        _recoveryStart = new Instant(-1);
    }

    /// <summary>Begins anew, with packets of this size: the path is used for the first time, or again.</summary>
    public void Reset(int newPacketSize)
    {
        packetSize = newPacketSize;
        _window = InitialWindow(packetSize);
        _threshold = double.MaxValue;
        _lastMaximum = _priorWindow = 0;
        _epoch = null;
        _recoveryStart = new Instant(-1);
        _exit = new SlowStartExit();
    }

    /// <summary>RFC 9002 section 7.2: ten packets, but not more than 14,720 bytes or two packets.</summary>
    private static double InitialWindow(int packetSize) => Math.Min(10 * packetSize, Math.Max(14_720, 2 * packetSize));

    private void Grow(Instant now, int bytes, TimeSpan smoothed)
    {
        if (_epoch is null)
        {
            _epoch = now;
            _renoWindow = _window;
            _origin = Math.Max(_lastMaximum, _window);
            _timeToOrigin = Math.Cbrt((_origin - _window) / packetSize / Aggressiveness); // RFC 9438 figure 2
        }

        double time = (now - _epoch.Value + smoothed).TotalSeconds - _timeToOrigin;
        double target = Math.Clamp(_origin + Aggressiveness * time * time * time * packetSize, _window, 1.5 * _window);
        _renoWindow += (_renoWindow >= _priorWindow ? 1 : RenoIncrease) * bytes * packetSize / _window;
        double cubic = _window + (target - _window) * bytes / _window;
        _window = Math.Min(Math.Max(cubic, _renoWindow), MaxWindow);
    }
}
