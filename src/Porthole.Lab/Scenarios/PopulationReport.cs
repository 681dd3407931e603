using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>What came of a study of a population.</summary>
/// <param name="Options">What was asked for.</param>
/// <param name="Classes">The kinds of peers, with their weights.</param>
/// <param name="Pairs">The pairs that met.</param>
public sealed record PopulationReport(PopulationOptions Options, ImmutableArray<PopulationClass> Classes, ImmutableArray<PopulationPair> Pairs)
{
    /// <summary>What stands before the report in a document.</summary>
    public const string BeginMark = "<!-- population: printed by porthole lab population -->";

    /// <summary>What stands behind it.</summary>
    public const string EndMark = "<!-- population: end -->";

    /// <summary>The quantile of the normal distribution for an interval of 95 %.</summary>
    private const double Normal95 = 1.959964;

    /// <summary>Cells of which less than this becomes direct are listed.</summary>
    private const double HardCell = 0.9;

    // What others do, on the same weights, as a model of their rules predicts it for the consumer mix: shares of all pairs, by UDP.
    private static readonly (string Name, double Share)[] s_others =
        [("libp2p (DCUtR)", 0.72), ("Tailscale, iroh", 0.80), ("frp (xtcp)", 0.91), ("EasyTier", 0.92)];

    /// <summary>How many pairs became direct by UDP.</summary>
    public int Direct => Pairs.Count(static pair => pair.Method is not null);

    /// <summary>How many pairs have UDP on both sides.</summary>
    public int WithUdp => Pairs.Count(static pair => pair.HasUdp);

    /// <summary>The share of pairs that UDP can serve at all: (1 − share of peers without it)².</summary>
    public double Ceiling
    {
        get
        {
            double blocked = Classes.Where(static one => one.Side.BlocksUdp).Sum(static one => one.Weight);
            return (1 - blocked) * (1 - blocked);
        }
    }

    /// <summary>The share of those with UDP on both sides that became direct.</summary>
    public double ShareOfCeiling => WithUdp == 0 ? 0 : (double)Direct / WithUdp;

    /// <summary>The interval in which the share of a whole population lies with 95 % confidence (Wilson's score interval).</summary>
    /// <param name="hits">How many of a sample.</param>
    /// <param name="count">The sample.</param>
    public static (double Low, double High) Wilson(int hits, int count)
    {
        if (count == 0) return (0, 1);
        const double Square = Normal95 * Normal95;
        double share = (double)hits / count;
        double middle = (share + Square / (2 * count)) / (1 + Square / count);
        double half = Normal95 / (1 + Square / count) * Math.Sqrt(share * (1 - share) / count + Square / (4.0 * count * count));
        return (middle - half, middle + half);
    }

    /// <summary>The pairs of two kinds of peers, whoever called: those that lost most first.</summary>
    public IReadOnlyList<PopulationCell> GetCells() =>
    [
        .. Pairs.GroupBy(static pair => pair.Cell)
            .Select(group => new PopulationCell(group.Key.First, group.Key.Second, Weight(group.Key), group.Count(), group.Count(static pair => pair.Method is not null)))
            .OrderByDescending(static cell => cell.Pairs - cell.Direct)
            .ThenBy(static cell => cell.First, StringComparer.Ordinal)
            .ThenBy(static cell => cell.Second, StringComparer.Ordinal),
    ];

    /// <summary>The report in Markdown.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        var (low, high) = Wilson(Direct, WithUdp);
        Line(text, $"{Pairs.Length} pairs of the mix {Options.Mix} (fixed/mobile/enterprise), seed {Options.Seed}; each pair met as whole peers.\n");
        Line(text, $"| by UDP alone | pairs | share |\n|---|---:|---:|");
        foreach (var group in Pairs.Where(static pair => pair.Method is not null).GroupBy(static pair => pair.Method!.Value).OrderBy(static group => group.Key))
        {
            Line(text, $"| {group.Key.Code} | {group.Count()} | {Percent(group.Count())} |");
        }

        Line(text, $"| **direct** | **{Direct}** | **{Percent(Direct)}** |");
        Line(text, $"| relay, with UDP on both sides | {WithUdp - Direct} | {Percent(WithUdp - Direct)} |");
        Line(text, $"| relay, without UDP on one side | {Pairs.Length - WithUdp} | {Percent(Pairs.Length - WithUdp)} |\n");
        Line(text, $"The ceiling of UDP is (1 − blocked)² = {Ceiling:P1} of all pairs. Of the {WithUdp} pairs with UDP on both sides **{ShareOfCeiling:P1}** became direct (95 % interval: {low:P1} to {high:P1}).");
        AppendTimes(text);
        if (Options.Transports != Transports.Udp) AppendGains(text);
        AppendCells(text);
        if (Options.Mix == PopulationMix.Consumer) AppendOthers(text);
        return text.ToString();
    }

    /// <summary>Makes sure, before a study is run, that a document has a place for its report.</summary>
    /// <param name="document">The document.</param>
    /// <exception cref="FormatException">The document has no marks.</exception>
    public static void CheckPlace(string document) => MarkedSection.Check(document, BeginMark, EndMark);

    /// <summary>Puts the report between the marks of a document, in place of what stands there.</summary>
    /// <param name="document">The document.</param>
    /// <returns>The document with the report.</returns>
    /// <exception cref="FormatException">The document has no marks.</exception>
    public string WriteInto(string document) => MarkedSection.Replace(document, BeginMark, EndMark, ToMarkdown());

    private void AppendTimes(StringBuilder text)
    {
        TimeSpan[] times = [.. Pairs.Select(static pair => pair.ToDirect).OfType<TimeSpan>().Order()];
        if (times.Length == 0) return;
        Line(text, $"Time to direct: p50 {Milliseconds(0.5)} ms, p95 {Milliseconds(0.95)} ms, p99 {Milliseconds(0.99)} ms.\n");

        string Milliseconds(double share) => GridCell.Percentile(times, share)!.Value.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
    }

    private void AppendGains(StringBuilder text)
    {
        int tcp = Pairs.Count(static pair => pair.GainsByTcp), mapping = Pairs.Count(static pair => pair.GainsByMapping), both = Pairs.Count(static pair => pair.GainsByBoth);
        Line(text, $"| what is added | pairs gained | direct then |\n|---|---:|---:|");
        Line(text, $"| nothing: UDP alone | – | {Percent(Direct)} |");
        Line(text, $"| TCP | {tcp} | {Percent(Direct + tcp)} |");
        Line(text, $"| mapped ports | {mapping} | {Percent(Direct + mapping)} |");
        Line(text, $"| both | {both} | {Percent(Direct + both)} |\n");
    }

    private void AppendCells(StringBuilder text)
    {
        Line(text, $"Cells that become direct by UDP in less than {HardCell:P0} of cases, with their weight among all pairs:\n");
        Line(text, $"| one side | the other | weight | pairs | direct |\n|---|---|---:|---:|---:|");
        var hard = GetCells().Where(static cell => cell.Direct < HardCell * cell.Pairs).ToList();
        var blocked = hard.Where(static cell => cell.IsBlocked).ToList();
        foreach (var cell in hard.Except(blocked)) Line(text, $"| {cell.First} | {cell.Second} | {cell.Weight:P2} | {cell.Pairs} | {cell.Direct} |");
        if (blocked.Count > 0) Line(text, $"| {PopulationClass.BlockedKind} | any | {1 - Ceiling:P2} | {blocked.Sum(static cell => cell.Pairs)} | {blocked.Sum(static cell => cell.Direct)} |");
        text.Append('\n');
    }

    private void AppendOthers(StringBuilder text)
    {
        Line(text, $"| system | direct, all pairs | of the ceiling | |\n|---|---:|---:|---|");
        Line(text, $"| **Porthole** | **{Percent(Direct)}** | **{ShareOfCeiling:P1}** | measured here, UDP alone |");
        foreach (var (name, share) in s_others) Line(text, $"| {name} | {share:P0} | {share / Ceiling:P0} | a model of its rules on the same weights, not measured |");
    }

    private double Weight((string First, string Second) cell)
    {
        double first = WeightOf(cell.First), second = WeightOf(cell.Second);
        return cell.First == cell.Second ? first * second : 2 * first * second;

        double WeightOf(string kind) => Classes.Where(one => one.Kind == kind).Sum(static one => one.Weight);
    }

    private string Percent(int count) => ((double)count / Pairs.Length).ToString("P1", CultureInfo.InvariantCulture);

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
