namespace Porthole.Cli.Transfer;

/// <summary>How fast a transfer goes, smoothed, and how long it still takes. Time comes in with each call.</summary>
internal sealed class TransferMeter
{
    /// <summary>How long a change of the rate takes to show for the most part: short enough to see that a path has become direct, long enough that the figure can be read.</summary>
    public static readonly TimeSpan Smoothing = TimeSpan.FromSeconds(3);

    /// <summary>Samples closer together than this are taken together: a rate over a millisecond says nothing.</summary>
    public static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(100);

    /// <summary>No span that is longer is worth a figure.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(365);

    private TimeSpan _sampledAt;
    private long _sampledBytes;
    private double _rate;
    private double _weight;

    /// <summary>How much there is in all.</summary>
    public long Total { get; private set; }

    /// <summary>How much of it is there.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes in a second; null before there is something to say.</summary>
    public double? Rate => _weight > 0 ? _rate / _weight : null;

    /// <summary>How long the rest takes at this rate; null when that cannot be said.</summary>
    public TimeSpan? Left
    {
        get
        {
            if (Rate is not (> 0 and var rate)) return null;
            double seconds = Math.Max(Total - Bytes, 0) / rate;
            return seconds < s_longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
        }
    }

    /// <summary>Begins, or goes on after an interruption: what is there already was not carried now.</summary>
    public void Begin(TimeSpan now, long bytes, long total)
    {
        (Bytes, Total) = (bytes, total);
        (_sampledAt, _sampledBytes, _rate, _weight) = (now, bytes, 0, 0);
    }

    /// <summary>So much is there now.</summary>
    public void Report(TimeSpan now, long bytes)
    {
        Bytes = bytes;
        var span = now - _sampledAt;
        if (span < Grain) return;
        double rate = Math.Max(bytes - _sampledBytes, 0) / span.TotalSeconds;

        // An exponential mean, whose first samples count as much as if they had gone on before (the weight rises from 0 to 1).
        double fresh = 1 - Math.Exp(-span / Smoothing);
        (_rate, _weight) = (_rate + fresh * (rate - _rate), _weight + fresh * (1 - _weight));
        (_sampledAt, _sampledBytes) = (now, bytes);
    }
}
