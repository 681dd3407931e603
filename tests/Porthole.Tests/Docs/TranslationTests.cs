namespace Porthole.Tests.Docs;

/// <summary>The README and the pages about the five systems say the same in English and in Chinese: the same commands, blocks, headings and links.</summary>
public sealed class TranslationTests
{
    private const string English = """
        # A page

        English · [简体中文](page.zh-CN.md)

        Run `porthole server`, then `./demo.sh`. [More](other.md)

        ```
        porthole chat --as bob
        porthole chat --as alice
        ```
        """;

    private const string Chinese = """
        # 页面

        [English](page.md) · 简体中文

        运行 `porthole server`，再运行 `./demo.sh`。[更多](other.zh-CN.md)

        ```
        porthole chat --as bob
        porthole chat --as alice
        ```
        """;

    /// <summary>All pages that must be there in both languages.</summary>
    public static TheoryData<string> Pages => [.. OriginalPages()];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Both_languages_show_the_same_commands_blocks_headings_and_links(string page)
    {
        string[] differences = [.. Translation.Differences(Repository.Read(page), Repository.Read(Translation.NameOf(page)))];

        Assert.True(differences.Length == 0, string.Join('\n', differences));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Each_page_links_to_the_other_language_below_its_title(string page)
    {
        string chinese = Translation.NameOf(page);

        Assert.Contains(Repository.Read(page).Links, link => link.Line <= 3 && link.Text == Path.GetFileName(chinese));
        Assert.Contains(Repository.Read(chinese).Links, link => link.Line <= 3 && link.Text == Path.GetFileName(page));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_Chinese_page_links_to_Chinese_pages_where_there_are_any(string page)
    {
        string folder = Path.GetDirectoryName(page)!;
        var elsewhere = Repository.Read(Translation.NameOf(page)).Links.Where(static link => link.Line > 3 && link.Text.EndsWith(".md", StringComparison.Ordinal) && !link.Text.EndsWith(Translation.Mark, StringComparison.Ordinal));

        Assert.DoesNotContain(elsewhere, link => File.Exists(Path.Combine(Repository.Root, folder, Translation.NameOf(link.Text))));
    }

    [Fact]
    public void No_translation_is_left_over()
    {
        var translated = Repository.PagesIn("").Concat(Repository.PagesIn("docs", SearchOption.AllDirectories)).Where(static page => page.EndsWith(Translation.Mark, StringComparison.Ordinal));

        Assert.Equal(OriginalPages().Select(Translation.NameOf).Order(StringComparer.Ordinal), translated.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Pages_that_differ_in_their_prose_alone_are_in_step() => Assert.Empty(Compare(Chinese));

    [Theory]
    [InlineData("--as alice", "--as carol", "block 1: 'porthole chat --as alice' at page.md:9, 'porthole chat --as carol' at page.zh-CN.md:9")]
    [InlineData("porthole chat --as bob\n", "", "block 1: 'porthole chat --as bob' at page.md:8, 'porthole chat --as alice' at page.zh-CN.md:8")]
    [InlineData("`porthole server`", "`porthole server --lobby`", "command 1: 'porthole server' at page.md:5, 'porthole server --lobby' at page.zh-CN.md:5")]
    [InlineData("`./demo.sh`", "示例", "command 2: './demo.sh' at page.md:5, none in page.zh-CN.md")]
    [InlineData("# 页面", "## 页面", "heading 1: '#' at page.md:1, '##' at page.zh-CN.md:1")]
    [InlineData("other.zh-CN.md", "another.md", "link 1: 'other.md' at page.md:5, 'another.md' at page.zh-CN.md:5")]
    public void What_is_out_of_step_is_named_with_file_and_line(string was, string becomes, string complaint)
    {
        string changed = Chinese.ReplaceLineEndings("\n").Replace(was, becomes, StringComparison.Ordinal);

        Assert.Equal([complaint], Compare(changed));
    }

    [Fact]
    public void A_block_that_is_missing_is_noticed() =>
        Assert.Equal(["1 blocks in page.md, 0 in page.zh-CN.md"], Compare(Chinese.ReplaceLineEndings("\n").Split("```")[0]));

    private static IEnumerable<string> Compare(string chinese) => Translation.Differences(MarkdownPage.Parse("page.md", English), MarkdownPage.Parse("page.zh-CN.md", chinese));

    private static IEnumerable<string> OriginalPages() =>
        Repository.PagesIn("docs/systems").Where(static page => !page.EndsWith(Translation.Mark, StringComparison.Ordinal)).Prepend("README.md");
}
