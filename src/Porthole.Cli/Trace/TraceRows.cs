using System.Globalization;

namespace Porthole.Cli.Trace;

/// <summary>The steps of a trace as the rows of a chart: runs of the same thing are one row, and there is an end to it.</summary>
internal static class TraceRows
{
    /// <summary>Rows of a chart; a browser draws as many at once, and nobody reads more.</summary>
    public const int MaxRows = 2_000;

    /// <summary>Of a run of equal steps, so many are shown each for itself.</summary>
    public const int ShownOfRun = 4;

    /// <summary>Makes the rows.</summary>
    /// <param name="steps">The steps in order.</param>
    /// <param name="leftOut">How many steps lie behind the last row.</param>
    public static IReadOnlyList<TraceStep> Of(IEnumerable<TraceStep> steps, out int leftOut)
    {
        var rows = new List<TraceStep>();
        int run = 0;
        leftOut = 0;
        foreach (var step in steps)
        {
            run = rows.Count > 0 && AreAlike(rows[^1], step) ? run + 1 : 1;
            if (run > ShownOfRun + 1) rows[^1] = rows[^1] with { Count = rows[^1].Count + 1, Until = step.At };
            else if (rows.Count < MaxRows) rows.Add(step);
            else leftOut++;
        }

        for (int i = 0; i < rows.Count; i++)
        {
            if (rows[i].Count > 1) rows[i] = rows[i] with { Text = string.Create(CultureInfo.InvariantCulture, $"… {rows[i].Count} such, until {rows[i].Until.TotalMilliseconds:0.0} ms, the first: {rows[i].Text}") };
        }

        return rows;
    }

    private static bool AreAlike(TraceStep one, TraceStep other) =>
        one.Kind == other.Kind && one.From == other.From && one.To == other.To && one.IsLost == other.IsLost && one.Kind != TraceKind.Note;
}
