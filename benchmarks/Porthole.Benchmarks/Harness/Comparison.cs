using System.Globalization;

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
                await Console.Error.WriteLineAsync($"{title}, round {round + 1}: {all[i].Name} {Figures.Text(sample.Value)} {unit}").ConfigureAwait(false);
                if (round >= 0) samples[i].Add(sample);
            }
        }

        return Table(all, samples);
    }

    private string Table(Contender[] all, List<Sample>[] samples)
    {
        var columns = new List<Column> { new(unit, static sample => sample.Value, WithSpread: true) };
        if (samples.Any(static list => list.Any(static sample => sample.Allocated is not null))) columns.Add(new Column("bytes allocated", static sample => sample.Allocated));
        if (samples.Any(static list => list.Any(static sample => sample.Processor is not null))) columns.Add(new Column("processor s/GB", static sample => sample.Processor));
        var table = new MarkdownTable(["", .. columns.Select(static column => column.Heading), "ratio"]);
        for (int i = 0; i < all.Length; i++)
        {
            double[] ratios = [.. samples[i].Zip(samples[0], static (sample, against) => sample.Value / against.Value)];
            string ratio = i == 0 ? "1 (reference)" : Figures.WithSpread(ratios, bold: true);
            table.Add([all[i].Name, .. columns.Select(column => column.Text(samples[i])), ratio]);
        }

        return string.Create(CultureInfo.InvariantCulture, $"### {title}\n\n{table}");
    }

    private sealed record Column(string Heading, Func<Sample, double?> Select, bool WithSpread = false)
    {
        public string Text(List<Sample> samples)
        {
            double[] values = [.. samples.Select(Select).OfType<double>()];
            if (values.Length == 0) return "";
            return WithSpread ? Figures.WithSpread(values, bold: false) : Figures.Text(Figures.Median(values));
        }
    }
}
