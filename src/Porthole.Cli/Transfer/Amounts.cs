using System.Globalization;
using Porthole.Protocol;

namespace Porthole.Cli.Transfer;

/// <summary>How sizes, rates and spans of a transfer are written for people.</summary>
internal static class Amounts
{
    /// <summary>A thousand of one is one of the next, as disks and networks count.</summary>
    private const double Step = 1_000;

    private static readonly string[] s_units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>A number of bytes in three digits: 0 B, 999 B, 1.25 MB, 340 kB.</summary>
    public static string Bytes(long bytes)
    {
        double value = Math.Max(bytes, 0);
        int unit = 0;
        while (Rounded(value) >= Step && unit < s_units.Length - 1)
        {
            value /= Step;
            unit++;
        }

        string digits = unit == 0 || value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(digits, CultureInfo.InvariantCulture)} {s_units[unit]}";

        // 999.6 kB must not be written as 1000 kB.
        double Rounded(double number) => unit == 0 ? number : Math.Round(number, MidpointRounding.AwayFromZero);
    }

    /// <summary>A rate: 84.2 MB/s.</summary>
    public static string Rate(double bytesPerSecond) => $"{Bytes((long)Math.Clamp(bytesPerSecond, 0, long.MaxValue / 2))}/s";

    /// <summary>How much of the whole is there: 31 %. The whole is 100 % only when nothing is missing.</summary>
    public static string Percent(long bytes, long total) => $"{PercentOf(bytes, total)} %";

    /// <summary>The same as a number, rounded down.</summary>
    public static int PercentOf(long bytes, long total) => total <= 0 || bytes >= total ? 100 : (int)(Math.Max(bytes, 0) / (double)total * 100);

    /// <summary>A span, roughly: 8 s, 2 min 05 s, 3 h 20 min.</summary>
    public static string Span(TimeSpan span)
    {
        double seconds = Math.Max(Math.Round(span.TotalSeconds), 0);
        return seconds switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
            < 3_600 => string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 60} min {(int)seconds % 60:00} s"),
            < 360_000 => string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 3_600} h {(int)seconds / 60 % 60:00} min"),
            _ => "more than 4 days",
        };
    }

    /// <summary>A number of files, folders, and so on: 1 file, 2 files.</summary>
    public static string Count(long number, string one) => string.Create(CultureInfo.InvariantCulture, $"{number} {one}{(number == 1 ? "" : "s")}");

    /// <summary>What a path is made of, in two words.</summary>
    public static string Kind(PathKind kind) => kind switch
    {
        PathKind.Relay => "relayed",
        PathKind.Udp => "direct UDP",
        PathKind.Tcp => "direct TCP",
        PathKind.Turn => "relayed (TURN)",
    };
}
