namespace Porthole.Tests.Docs;

/// <summary>Compares a page with its translation in everything that is not prose.</summary>
internal static class Translation
{
    /// <summary>What stands before the ending of a translated page.</summary>
    public const string Mark = ".zh-CN.md";

    /// <summary>What begins a piece of inline code that a reader types.</summary>
    private static readonly string[] s_commands = ["porthole", "./", "dotnet"];

    /// <summary>The name of the Chinese page that belongs to an English one.</summary>
    public static string NameOf(string english) => english[..^".md".Length] + Mark;

    /// <summary>One line for each difference: what, in which file, on which line.</summary>
    public static IEnumerable<string> Differences(MarkdownPage english, MarkdownPage chinese) =>
    [
        .. Blocks(english, chinese),
        .. Marks("command", english, Commands(english), chinese, Commands(chinese)),
        .. Marks("heading", english, Levels(english), chinese, Levels(chinese)),
        .. Marks("link", english, Targets(english), chinese, Targets(chinese)),
    ];

    private static IEnumerable<string> Blocks(MarkdownPage english, MarkdownPage chinese)
    {
        for (int index = 0; index < Math.Min(english.Blocks.Count, chinese.Blocks.Count); index++)
        {
            var (here, there) = (english.Blocks[index], chinese.Blocks[index]);
            if (here.Language != there.Language) yield return $"block {index + 1}: '{here.Language}' at {english.Name}:{here.Line}, '{there.Language}' at {chinese.Name}:{there.Line}";
            string[] ours = here.Text.Split('\n'), theirs = there.Text.Split('\n');
            int line = ours.Zip(theirs).TakeWhile(static pair => pair.First == pair.Second).Count();
            if (line < Math.Max(ours.Length, theirs.Length))
                yield return $"block {index + 1}: '{ours.ElementAtOrDefault(line)}' at {english.Name}:{here.Line + 1 + line}, '{theirs.ElementAtOrDefault(line)}' at {chinese.Name}:{there.Line + 1 + line}";
        }

        if (english.Blocks.Count != chinese.Blocks.Count) yield return $"{english.Blocks.Count} blocks in {english.Name}, {chinese.Blocks.Count} in {chinese.Name}";
    }

    /// <summary>The first difference is enough: what follows is most often its consequence.</summary>
    private static IEnumerable<string> Marks(string what, MarkdownPage english, List<MarkdownMark> ours, MarkdownPage chinese, List<MarkdownMark> theirs)
    {
        int same = ours.Zip(theirs).TakeWhile(static pair => pair.First.Text == pair.Second.Text).Count();
        if (same == ours.Count && same == theirs.Count) yield break;
        yield return $"{what} {same + 1}: {Describe(english, ours.ElementAtOrDefault(same))}, {Describe(chinese, theirs.ElementAtOrDefault(same))}";
    }

    private static string Describe(MarkdownPage page, MarkdownMark? mark) => mark is null ? $"none in {page.Name}" : $"'{mark.Text}' at {page.Name}:{mark.Line}";

    private static List<MarkdownMark> Commands(MarkdownPage page) =>
        [.. page.InlineCode.Where(static code => s_commands.Any(begin => code.Text.StartsWith(begin, StringComparison.Ordinal)))];

    private static List<MarkdownMark> Levels(MarkdownPage page) => [.. page.Headings.Select(static heading => heading with { Text = heading.Text.Split(' ')[0] })];

    /// <summary>The targets but for the link to the other language. A page that is translated counts as one, in whichever language it is linked to.</summary>
    private static List<MarkdownMark> Targets(MarkdownPage page)
    {
        string self = Path.GetFileName(page.Name).Replace(Mark, ".md", StringComparison.Ordinal);
        return [.. page.Links.Select(static link => link with { Text = link.Text.Replace(Mark, ".md", StringComparison.Ordinal) }).Where(link => link.Text != self)];
    }
}
