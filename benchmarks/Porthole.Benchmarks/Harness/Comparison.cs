using System.Globalization;
using System.Text;

namespace Porthole.Benchmarks.Harness;

/// <summary>
/// Contenders beside a reference, in interleaved rounds: whatever else the machine does hits all of them alike, so that the ratios stand where the absolute
/// figures drift. The ratio is taken in each round, and its median is what counts.
/// </summary>
/// <param name="title">The table's heading.</param>
/// <param name="unit">What the figures are.</param>
/// <param name="reference">What the others are measured against.</param>
/// <param name="contenders">The others.</param>
internal sealed class Comparison(string title, string unit, Contender reference, params Contender[] contenders)
{
    /// <summary>How figures are written: three digits that mean something.</summary>
    private const string Format = "G3";

    /// <summary>Runs the rounds and gives the table, in Markdown.</summary>
    /// <param name="rounds">How many rounds count.</param>
    /// <param name="warmUps">Rounds before them that do not.</param>
    public async Task<string> RunAsync(int rounds, int warmUps = 1)
    {
        Contender[] all = [reference, .. contenders];
        var samples = all.Select(_ => new List<Sample>()).ToArray();
        for (int round = -warmUps; round < rounds; round++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                var sample = await all[i].RunRound().ConfigureAwait(false);
                await Console.Error.WriteLineAsync($"{title}, round {round + 1}: {all[i].Name} {Number(sample.Value)} {unit}").ConfigureAwait(false);
                if (round >= 0) samples[i].Add(sample);
            }
        }

        return Table(all, samples);
    }

    private static string Number(double value) => Math.Abs(value) >= 1000
        ? value.ToString("N0", CultureInfo.InvariantCulture)
        : value.ToString(Format, CultureInfo.InvariantCulture);

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Spread(IReadOnlyCollection<double> values) => $"{Number(values.Min())} .. {Number(values.Max())}";

    private string Table(Contender[] all, List<Sample>[] samples)
    {
        var table = new StringBuilder();
        table.AppendLine(CultureInfo.InvariantCulture, $"### {title}").AppendLine();
        table.AppendLine(CultureInfo.InvariantCulture, $"| | {unit} | spread | allocated bytes | ratio | spread |");
        table.AppendLine("|---|---:|---:|---:|---:|---:|");
        for (int i = 0; i < all.Length; i++)
        {
            double[] values = [.. samples[i].Select(static sample => sample.Value)];
            double[] ratios = [.. values.Select((value, round) => value / samples[0][round].Value)];
            double[] allocated = [.. samples[i].Where(static sample => sample.Allocated is not null).Select(static sample => sample.Allocated!.Value)];
            string bytes = allocated.Length == 0 ? "" : Number(Math.Round(Median(allocated), 1));
            string ratio = i == 0 ? "1 | reference" : $"**{Number(Median(ratios))}** | {Spread(ratios)}";
            table.AppendLine(CultureInfo.InvariantCulture, $"| {all[i].Name} | {Number(Median(values))} | {Spread(values)} | {bytes} | {ratio} |");
        }

        return table.ToString();
    }
}
