using System.Globalization;

namespace Porthole.Benchmarks.Harness;

/// <summary>Figures for people: three digits, the median, and how far the rounds lie apart.</summary>
internal static class Figures
{
    public static string Text(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.01 => value.ToString("0.00", CultureInfo.InvariantCulture),
        0 => "0",
        _ => value.ToString("0.0000", CultureInfo.InvariantCulture),
    };

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The median, with the least and the greatest round.</summary>
    public static string WithSpread(IReadOnlyCollection<double> values, bool bold)
    {
        string median = Text(Median(values));
        return $"{(bold ? $"**{median}**" : median)} ({Text(values.Min())} .. {Text(values.Max())})";
    }
}
