using System.Text.RegularExpressions;

namespace Porthole.Tests.Docs;

/// <summary>A fenced block of a page.</summary>
/// <param name="Line">The line of the page on which its fence opens, from 1.</param>
/// <param name="Language">What stands behind the fence.</param>
/// <param name="Text">The lines between the fences.</param>
internal sealed record MarkdownBlock(int Line, string Language, string Text);

/// <summary>A heading, a piece of inline code or a link.</summary>
/// <param name="Line">The line of the page, from 1.</param>
/// <param name="Text">The words of the heading with its signs, the code, or the target of the link.</param>
internal sealed record MarkdownMark(int Line, string Text);

/// <summary>What a page of ours holds besides its prose. It knows the Markdown that our pages use, no more.</summary>
internal sealed partial class MarkdownPage
{
    private MarkdownPage(string name) => Name = name;

    /// <summary>The path from the root of the repository, with slashes.</summary>
    public string Name { get; }

    public List<MarkdownBlock> Blocks { get; } = [];

    public List<MarkdownMark> Headings { get; } = [];

    public List<MarkdownMark> InlineCode { get; } = [];

    public List<MarkdownMark> Links { get; } = [];

    public static MarkdownPage Parse(string name, string text)
    {
        var page = new MarkdownPage(name);
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int index = 0; index < lines.Length; index++)
        {
            string line = lines[index];
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                int open = index;
                while (++index < lines.Length && lines[index] != "```") { }
                page.Blocks.Add(new(open + 1, line[3..], string.Join('\n', lines[(open + 1)..Math.Min(index, lines.Length)])));
                continue;
            }

            if (Heading().IsMatch(line)) page.Headings.Add(new(index + 1, line));
            page.InlineCode.AddRange(Code().Matches(line).Select(match => new MarkdownMark(index + 1, match.Groups[1].Value)));
            page.Links.AddRange(Link().Matches(Code().Replace(line, "code")).Select(match => new MarkdownMark(index + 1, match.Groups[1].Value)));
        }

        return page;
    }

    /// <summary>What follows the sign # in a link to a heading, as the hosting sites make it.</summary>
    public static string AnchorOf(string heading) =>
        NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("^#{1,6} ")]
    private static partial Regex Heading();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
