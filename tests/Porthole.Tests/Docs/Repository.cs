using System.Runtime.CompilerServices;

namespace Porthole.Tests.Docs;

/// <summary>The documents where they lie: beside the sources of these tests.</summary>
internal static class Repository
{
    /// <summary>The folder of the README.</summary>
    public static string Root { get; } = Find();

    /// <summary>The pages in a folder, as paths from the root with slashes.</summary>
    public static IEnumerable<string> PagesIn(string folder, SearchOption depth = SearchOption.TopDirectoryOnly) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.md", depth).Select(static file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal);

    public static MarkdownPage Read(string page) => MarkdownPage.Parse(page, File.ReadAllText(Path.Combine(Root, page)));

    private static string Find([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));
}
