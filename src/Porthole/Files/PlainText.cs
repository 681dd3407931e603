namespace Porthole.Files;

/// <summary>Names as they may stand in a line for a person.</summary>
internal static class PlainText
{
    /// <summary>The text with a question mark in place of every control character, for a terminal would obey them.</summary>
    public static string Of(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(static letter => char.IsControl(letter) ? '?' : letter)) : text;
}
