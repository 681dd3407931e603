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
        string[] beside = [.. samples.SelectMany(static list => list).SelectMany(static sample => sample.Beside).Select(static figure => figure.Heading).Distinct()];
        var table = new MarkdownTable(["", unit, .. beside, "ratio"]);
        for (int i = 0; i < all.Length; i++)
        {
            double[] values = [.. samples[i].Select(static sample => sample.Value)];
            double[] ratios = [.. samples[i].Zip(samples[0], static (sample, against) => sample.Value / against.Value)];
            string ratio = i == 0 ? "1 (reference)" : Figures.WithSpread(ratios, bold: true);
            table.Add([all[i].Name, Figures.WithSpread(values, bold: false), .. beside.Select(heading => Beside(samples[i], heading)), ratio]);
        }

        return $"### {title}\n\n{table}";
    }

    private static string Beside(List<Sample> samples, string heading)
    {
        double[] values = [.. samples.SelectMany(static sample => sample.Beside).Where(figure => figure.Heading == heading).Select(static figure => figure.Value)];
        return values.Length == 0 ? "" : Figures.Text(Figures.Median(values));
    }
}
