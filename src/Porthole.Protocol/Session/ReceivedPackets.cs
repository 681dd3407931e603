namespace Porthole.Protocol.Session;

/// <summary>
/// Which packets came, over all paths, and when to say so (RFC 9000 section 13.2). Acknowledgements go out on the path that the packets came on, so that the
/// sender gets samples of its round trip.
/// </summary>
internal sealed class ReceivedPackets
{
    /// <summary>The most ranges that are remembered. Older ones were reported many times by then.</summary>
    public const int MaxRanges = 256;

    /// <summary>RFC 9000 section 13.2.2: at least every second packet that asks for it.</summary>
    private const int PacketsPerAck = 2;

    private readonly RangeSet _ranges = new(MaxRanges);
    private Instant _largestAt;

    /// <summary>The ranges of numbers that came.</summary>
    public RangeSet Ranges => _ranges;

    /// <summary>The largest number that came; -1 before the first.</summary>
    public long Largest { get; private set; } = -1;

    /// <summary>Takes a packet.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="number">Its number.</param>
    /// <param name="path">The path it came on.</param>
    /// <param name="eliciting">Whether it calls for an acknowledgement.</param>
    /// <param name="immediate">Whether it calls for one at once.</param>
    public void Add(Instant now, long number, SessionPath path, bool eliciting, bool immediate)
    {
        if (!_ranges.TryAdd(number, number + 1))
        {
            _ranges.RemoveAt(0);
            _ranges.TryAdd(number, number + 1);
        }

        bool inOrder = number == Largest + 1;
        if (number > Largest) (Largest, _largestAt) = (number, now);
        if (!eliciting) return;
        if (++path.UnacknowledgedCount >= PacketsPerAck || immediate || !inOrder) path.AckDue = true;
        else path.AckAt ??= now + SessionLimits.AckDelay;
    }

    /// <summary>Writes an ACK frame, if anything is to be acknowledged.</summary>
    /// <returns>The largest number in it; -1 when nothing was written.</returns>
    public long TryWriteAck(Instant now, ref FrameWriter frames, SessionPath path, int maxSize)
    {
        (path.AckDue, path.AckAt, path.UnacknowledgedCount) = (false, null, 0);
        if (_ranges.Count == 0) return -1;
        long largest = _ranges[_ranges.Count - 1].End - 1;
        var delay = largest == Largest ? now - _largestAt : TimeSpan.Zero;
        return frames.TryWriteAck(_ranges, delay, maxSize) ? largest : -1;
    }

    /// <summary>The peer knows that we know: what it was told need not be told again (RFC 9000 section 13.2.4).</summary>
    public void HandleAcknowledged(long largestTold) => _ranges.Remove(0, largestTold + 1);
}
