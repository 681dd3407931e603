using Porthole.Protocol;

namespace Porthole.Cli.Transfer;

/// <summary>A transfer in one line: name, percent, bytes, rate, time left, path.</summary>
internal static class ProgressLine
{
    /// <summary>The shortest that a name is cut to.</summary>
    private const int MinName = 8;

    /// <summary>Writes the line.</summary>
    /// <param name="name">What is carried.</param>
    /// <param name="meter">How far it is.</param>
    /// <param name="kind">The path.</param>
    /// <param name="width">How many columns there are; the name gives way first, then what stands at the end.</param>
    public static string Write(string name, TransferMeter meter, PathKind kind, int width)
    {
        string figures = $"{Amounts.Percent(meter.Bytes, meter.Total),5}  {Amounts.Bytes(meter.Bytes)} of {Amounts.Bytes(meter.Total)}";
        if (meter.Rate is { } rate) figures += $"  {Amounts.Rate(rate)}";
        if (meter.Left is { } left && meter.Bytes < meter.Total) figures += $"  {Amounts.Span(left)} left";
        figures += $"  {Amounts.Kind(kind)}";
        int room = Math.Max(width - figures.Length - 1, MinName);
        string line = $"{Shorten(name, room)} {figures}";
        return line.Length <= width ? line : line[..Math.Max(width, 0)];
    }

    /// <summary>A name that fits: its middle gives way, since its end often tells more than that.</summary>
    public static string Shorten(string name, int room)
    {
        if (name.Length <= room) return name;
        int end = (room - 1) / 2;
        return $"{name[..(room - 1 - end)]}…{name[^end..]}";
    }

    /// <summary>What is carried, in a few words: the one thing, or the first and how many more.</summary>
    public static string NameOf(IReadOnlyList<string> roots) => roots switch
    {
        [] => "nothing",
        [var one] => Words.Safe(one),
        [var one, ..] => $"{Words.Safe(one)} and {roots.Count - 1} more",
    };
}
