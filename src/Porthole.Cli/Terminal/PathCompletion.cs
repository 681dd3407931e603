namespace Porthole.Cli.Terminal;

/// <summary>Names of files and folders that a text may become.</summary>
internal static class PathCompletion
{
    /// <summary>The most entries of a folder that are looked at.</summary>
    private const int MaxEntries = 10_000;

    /// <summary>What the text may become, folders with a slash behind them. Hidden ones only where the dot was typed.</summary>
    public static IReadOnlyList<string> Candidates(string text)
    {
        int cut = text.LastIndexOf('/') + 1;
        string folder = text[..cut], begin = text[cut..];
        try
        {
            return
            [
                .. new DirectoryInfo(folder.Length == 0 ? "." : Expand(folder)).EnumerateFileSystemInfos().Take(MaxEntries)
                    .Where(entry => entry.Name.StartsWith(begin, StringComparison.Ordinal) && (begin.StartsWith('.') || !entry.Name.StartsWith('.')) && Words.Safe(entry.Name) == entry.Name)
                    .Select(entry => folder + entry.Name + (Directory.Exists(entry.FullName) ? "/" : ""))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return []; // there is nothing, or nothing to be seen
        }
    }

    /// <summary>The path that is meant: <c>~</c> is the person's own folder.</summary>
    public static string Expand(string path) =>
        path == "~" || path.StartsWith("~/", StringComparison.Ordinal) ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..] : path;
}
