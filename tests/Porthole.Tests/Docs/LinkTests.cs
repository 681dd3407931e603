namespace Porthole.Tests.Docs;

/// <summary>Every link between the documents leads to a file that is there, and to a heading that is on it.</summary>
public sealed class LinkTests
{
    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading_that_are_there()
    {
        string[] pages = [.. Repository.PagesIn(""), .. Repository.PagesIn("docs", SearchOption.AllDirectories), .. Repository.PagesIn("samples", SearchOption.AllDirectories)];
        string[] dead = [.. pages.Select(Repository.Read).SelectMany(static page => page.Links.Where(link => IsOurs(link.Text) && !Leads(page.Name, link.Text)).Select(link => $"{page.Name}:{link.Line} links to {link.Text}"))];

        Assert.True(pages.Length > 10, "the documents are found");
        Assert.True(dead.Length == 0, string.Join('\n', dead));
    }

    private static bool IsOurs(string target) => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal);

    private static bool Leads(string page, string target)
    {
        string[] parts = target.Split('#', 2);
        string file = parts[0].Length == 0 ? page : Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, parts[0]));
        if (!Path.Exists(Path.Combine(Repository.Root, file))) return false;
        return parts.Length == 1 || Repository.Read(file).Headings.Any(heading => MarkdownPage.AnchorOf(heading.Text) == parts[1]);
    }
}
