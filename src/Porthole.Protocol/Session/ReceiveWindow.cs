namespace Porthole.Protocol.Session;

/// <summary>
/// How far the peer may send, on one stream or on all (RFC 9000 section 4). The window doubles while the reader empties it within two round trips, so that it is
/// never what limits a fast path, and small where the path or the reader is slow.
/// </summary>
/// <param name="initial">The first window in bytes.</param>
/// <param name="max">The largest window in bytes.</param>
internal sealed class ReceiveWindow(int initial, int max)
{
    /// <summary>The least that the peer is told of when it waits: telling it of less would cost more than it brings.</summary>
    private const int LeastRoom = 64 << 10;

    private long _window = initial;
    private Instant? _lastAdvance;

    /// <summary>The offset that the peer may not pass.</summary>
    public long Limit { get; private set; } = initial;

    /// <summary>Raises the limit when half of the window has been read.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="consumed">How much was read.</param>
    /// <param name="roundTrip">The smoothed round trip.</param>
    /// <returns>True when the peer should be told.</returns>
    public bool TryAdvance(Instant now, long consumed, TimeSpan roundTrip)
    {
        if (Limit - consumed > _window / 2) return false;
        if (_lastAdvance is { } last && now - last < 2 * roundTrip) _window = Math.Min(2 * _window, max);
        _lastAdvance = now;
        Limit = Math.Max(Limit, consumed + _window);
        return true;
    }

    /// <summary>
    /// Raises the limit of all streams together where at least half of the window waits for readers that have stopped, so that the other half never suffices for <see cref="TryAdvance"/>: whoever does read goes on with what is left.
    /// </summary>
    /// <param name="received">How much came.</param>
    /// <param name="consumed">How much of it was read.</param>
    /// <returns>True when the peer should be told.</returns>
    public bool TryRelease(long received, long consumed)
    {
        if (received - consumed < _window / 2 || Limit - received >= LeastRoom || consumed + _window - Limit < LeastRoom) return false;
        Limit = consumed + _window;
        return true;
    }
}
