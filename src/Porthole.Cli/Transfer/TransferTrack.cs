using System.Diagnostics;
using Porthole.Protocol;

namespace Porthole.Cli.Transfer;

/// <summary>One transfer as a view shows it: what it is called, how far it is, over which path.</summary>
/// <param name="peer">The other side, as it is called here.</param>
internal sealed class TransferTrack(string peer)
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private int _toldPercent;
    private TimeSpan _toldAt;

    /// <summary>The other side.</summary>
    public string Peer { get; } = peer;

    /// <summary>What is carried.</summary>
    public string Name { get; set; } = "";

    /// <summary>The path now.</summary>
    public PathKind Kind { get; set; }

    /// <summary>Rate and rest.</summary>
    public TransferMeter Meter { get; } = new();

    /// <summary>Since the track was begun.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(_began);

    /// <summary>Begins, or goes on after an interruption, with so much there already.</summary>
    public void Begin(long bytes, long total)
    {
        Meter.Begin(Now, bytes, total);
        _toldPercent = Amounts.PercentOf(bytes, total);
        _toldAt = Now;
    }

    /// <summary>So much is there now.</summary>
    public void Report(long bytes, long total, PathKind kind)
    {
        if (total != Meter.Total) Meter.Begin(Now, bytes, total);
        Meter.Report(Now, bytes);
        Kind = kind;
    }

    /// <summary>Whether enough has happened since the last time for another word.</summary>
    /// <param name="span">So much time.</param>
    /// <param name="percent">Or so many percent more; by default time alone decides.</param>
    public bool IsDue(TimeSpan span, int percent = 101)
    {
        int now = Amounts.PercentOf(Meter.Bytes, Meter.Total);
        if (now / percent <= _toldPercent / percent && Now - _toldAt < span) return false;
        (_toldPercent, _toldAt) = (now, Now);
        return true;
    }
}
