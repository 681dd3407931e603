namespace Porthole.Protocol.Session;

/// <summary>An ACK frame (RFC 9000 section 19.3), read in place; its ranges have been checked. Enumerates them from the highest down.</summary>
internal ref struct AckFrame(long largest, long delay, long firstRange, ReadOnlySpan<byte> ranges)
{
    private ReadOnlySpan<byte> _ranges = ranges;
    private long _smallest = -1;

    /// <summary>The largest packet number that is acknowledged.</summary>
    public long Largest { get; } = largest;

    /// <summary>How long the acknowledgement of <see cref="Largest"/> was held back.</summary>
    public readonly TimeSpan Delay =>
        TimeSpan.FromMicroseconds(Math.Min(delay, (long)SessionLimits.MaxAckDelay.TotalMicroseconds) << SessionLimits.AckDelayExponent);

    /// <summary>Takes the next range, both ends included.</summary>
    public bool TryTakeRange(out long smallest, out long largestInRange)
    {
        if (_smallest < 0)
        {
            (smallest, largestInRange) = (Largest - firstRange, Largest);
            _smallest = smallest;
            return true;
        }

        (smallest, largestInRange) = (0, 0);
        if (!VariableLength.TryRead(_ranges, out long gap, out int gapSize)) return false;
        VariableLength.TryRead(_ranges[gapSize..], out long length, out int lengthSize);
        _ranges = _ranges[(gapSize + lengthSize)..];
        largestInRange = _smallest - gap - 2;
        smallest = _smallest = largestInRange - length;
        return true;
    }
}
