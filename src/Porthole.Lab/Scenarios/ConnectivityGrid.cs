using System.Globalization;
using System.Text;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>Every NAT against every NAT: whole peers, a whole server, virtual time. The result is a table.</summary>
/// <param name="options">Which NATs, how often, how far.</param>
public sealed class ConnectivityGrid(GridOptions options)
{
    /// <summary>What stands before the tables of UDP in a document.</summary>
    public const string BeginMark = "<!-- grid: printed by porthole lab grid -->";

    /// <summary>What stands before the tables of TCP in a document.</summary>
    public const string TcpBeginMark = "<!-- grid: printed by porthole lab grid --transport tcp -->";

    /// <summary>What stands before the tables of hard NATs in a document.</summary>
    public const string HardBeginMark = "<!-- grid: printed by porthole lab grid --hard -->";

    /// <summary>What stands behind the tables in a document.</summary>
    public const string EndMark = "<!-- grid: end -->";

    private readonly List<GridCell> _cells = [];

    /// <summary>The cells that have been run, row by row.</summary>
    public IReadOnlyList<GridCell> Cells => _cells;

    private string Mark => options.Transports == Transports.Tcp ? TcpBeginMark : options.IsHard ? HardBeginMark : BeginMark;

    /// <summary>Runs the whole grid.</summary>
    /// <param name="finished">Called after every cell; null for nobody.</param>
    public void Run(Action<GridCell>? finished = null)
    {
        foreach (var first in options.Profiles)
        {
            foreach (var second in options.Profiles)
            {
                var cell = RunCell(first, second);
                _cells.Add(cell);
                finished?.Invoke(cell);
            }
        }
    }

    /// <summary>The cells as two Markdown tables: the grid at a glance, and a row for each cell.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"One way {Milliseconds(options.OneWay)} ms between two hosts and between host and server");
        if (options.Loss > 0) text.Append(CultureInfo.InvariantCulture, $", {options.Loss:P0} loss each way");
        if (options.Jitter > TimeSpan.Zero) text.Append(CultureInfo.InvariantCulture, $", {Milliseconds(options.Jitter)} ms jitter");
        text.Append(CultureInfo.InvariantCulture, $"; {options.Seeds} runs a cell. Rows call, columns are called. ");
        text.Append("A number is the median time to a direct path in ms; `relay` means that the session stayed there.\n\n");
        AppendGlance(text);
        text.Append('\n');
        AppendRows(text);
        return text.ToString();
    }

    /// <summary>Makes sure, before the grid is run, that a document has a place for the tables.</summary>
    /// <param name="document">The document.</param>
    /// <exception cref="FormatException">The document has no marks.</exception>
    public void CheckPlace(string document) => MarkedSection.Check(document, Mark, EndMark);

    /// <summary>Puts the tables between the marks of a document, in place of what stands there.</summary>
    /// <param name="document">The document.</param>
    /// <returns>The document with the tables.</returns>
    /// <exception cref="FormatException">The document has no marks.</exception>
    public string WriteInto(string document) => MarkedSection.Replace(document, Mark, EndMark, ToMarkdown());

    private GridCell RunCell(NatProfile first, NatProfile second)
    {
        List<TimeSpan> firstByte = [], toDirect = [];
        var methods = new SortedDictionary<PunchMethod, int>();
        long packets = 0;
        var meeting = new MeetingOptions(first, second)
        {
            Transports = options.Transports,
            OneWay = options.OneWay,
            Loss = options.Loss,
            Jitter = options.Jitter,
            Patience = options.Patience,
        };
        for (int seed = 1; seed <= options.Seeds; seed++)
        {
            var run = Meeting.Run((ulong)seed, meeting);
            if (run.FirstByte is { } byteAt) firstByte.Add(byteAt);
            if (run.ToDirect is { } directAt) toDirect.Add(directAt);
            if (run.Method is { } method) methods[method] = methods.GetValueOrDefault(method) + 1;
            packets += run.CallerCost.Packets + run.CalledCost.Packets;
        }

        firstByte.Sort();
        toDirect.Sort();
        var (model, isPlain) = Decide(first, second);
        double mean = (double)packets / options.Seeds;
        return new GridCell(first, second, model, isPlain, options.Seeds, firstByte.Count, toDirect.Count, firstByte, toDirect, mean) { Methods = methods };
    }

    private (string Sign, bool IsPlain) Decide(NatProfile first, NatProfile second)
    {
        if (options.Transports == Transports.Tcp)
        {
            var outcome = TcpPunchModel.Decide(TcpSide(first), TcpSide(second));
            return (TcpPunchModel.Symbol(outcome), outcome == TcpPunchOutcome.Plain);
        }

        var plain = PunchModel.Decide(Side(first), Side(second));
        return (PunchModel.Symbol(plain), plain == PunchOutcome.Plain);
    }

    // A NAT that keeps the port for every 5-tuple that is free is endpoint-independent to all who look at it from outside.
    private static PunchSide Side(NatProfile profile) => new(
        profile.Allocation is PortAllocation.PreserveWithOverload ? NatMapping.EndpointIndependent : profile.Mapping,
        profile.Filtering,
        profile.FilterScope,
        profile.Answers);

    private static TcpPunchSide TcpSide(NatProfile profile)
    {
        var tcp = profile.Tcp ?? NatTcpProfile.Default;
        bool overloads = (tcp.Allocation ?? profile.Allocation) is PortAllocation.PreserveWithOverload;
        return new TcpPunchSide(
            overloads ? NatMapping.EndpointIndependent : tcp.Mapping ?? profile.Mapping,
            tcp.Filtering ?? profile.Filtering,
            tcp.UnsolicitedSyn,
            tcp.Resets,
            tcp.TracksSimultaneousOpen);
    }

    private void AppendGlance(StringBuilder text)
    {
        text.Append("| A \\ B |");
        foreach (var profile in options.Profiles) text.Append(CultureInfo.InvariantCulture, $" {profile} |");
        text.Append("\n|---|").Insert(text.Length, "---:|", options.Profiles.Count).Append('\n');
        foreach (var row in _cells.Chunk(options.Profiles.Count))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row[0].First} |");
            foreach (var cell in row)
            {
                string median = Milliseconds(GridCell.Percentile(cell.ToDirect, 0.5));
                string direct = cell.Direct switch
                {
                    0 => cell.Open == cell.Runs ? "relay" : "**no**",
                    _ when cell.Direct == cell.Runs => median,
                    _ => string.Create(CultureInfo.InvariantCulture, $"{median} ({cell.Direct}/{cell.Runs})"),
                };
                text.Append(CultureInfo.InvariantCulture, $" {direct} |");
            }

            text.Append('\n');
        }
    }

    private void AppendRows(StringBuilder text)
    {
        text.Append("| caller | called | model | direct | by | first byte p50 / p95, ms | direct p50 / p95, ms | packets |\n");
        text.Append("|---|---|---|---:|---|---:|---:|---:|\n");
        foreach (var cell in _cells)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {cell.First} | {cell.Second} | {cell.Model} ");
            text.Append(CultureInfo.InvariantCulture, $"| {cell.Direct}/{cell.Runs} | {Describe(cell.Methods)} ");
            text.Append(CultureInfo.InvariantCulture, $"| {Both(cell.FirstByte)} | {Both(cell.ToDirect)} | {cell.Packets:0.0} |\n");
        }
    }

    private static string Describe(IReadOnlyDictionary<PunchMethod, int> methods) => methods.Count switch
    {
        0 => "–",
        1 => methods.Keys.Single().Code,
        _ => string.Join(", ", methods.OrderByDescending(static entry => entry.Value).Select(static entry => $"{entry.Key.Code} {entry.Value}")),
    };

    private static string Both(IReadOnlyList<TimeSpan> times) => times.Count == 0
        ? "–"
        : $"{Milliseconds(GridCell.Percentile(times, 0.5))} / {Milliseconds(GridCell.Percentile(times, 0.95))}";

    private static string Milliseconds(TimeSpan? time) =>
        time is { } value ? value.TotalMilliseconds.ToString("0.#", CultureInfo.InvariantCulture) : "–";
}
