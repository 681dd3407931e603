namespace Porthole.Lab.Scenarios;

/// <summary>What a command has printed into a document, between two marks.</summary>
internal static class MarkedSection
{
    /// <summary>Makes sure that a document has the marks.</summary>
    /// <exception cref="FormatException">It has none.</exception>
    public static void Check(string document, string beginMark, string endMark) => _ = Replace(document, beginMark, endMark, "");

    /// <summary>Puts text between the marks in place of what stands there.</summary>
    /// <exception cref="FormatException">The document has no marks.</exception>
    public static string Replace(string document, string beginMark, string endMark, string text)
    {
        ArgumentNullException.ThrowIfNull(document);
        int begin = document.IndexOf(beginMark, StringComparison.Ordinal);
        int end = begin < 0 ? begin : document.IndexOf(endMark, begin, StringComparison.Ordinal);
        if (end < 0) throw new FormatException($"The document has no place for the tables: {beginMark} … {endMark}");
        return $"{document[..(begin + beginMark.Length)]}\n\n{text}\n{document[end..]}";
    }
}
