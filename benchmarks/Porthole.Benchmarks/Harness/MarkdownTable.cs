using System.Text;

namespace Porthole.Benchmarks.Harness;

/// <summary>A table in Markdown: the first column is text, the others are figures.</summary>
/// <param name="headings">One for each column.</param>
internal sealed class MarkdownTable(string[] headings)
{
    private readonly List<string[]> _rows = [];

    public void Add(string[] row) => _rows.Add(row);

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append("| ").AppendJoin(" | ", headings).Append(" |\n|---|");
        for (int i = 1; i < headings.Length; i++) text.Append("---:|");
        text.Append('\n');
        foreach (string[] row in _rows) text.Append("| ").AppendJoin(" | ", row).Append(" |\n");
        return text.ToString();
    }
}
