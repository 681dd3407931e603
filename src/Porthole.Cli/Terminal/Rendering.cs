using Spectre.Console;
using Spectre.Console.Rendering;

namespace Porthole.Cli.Terminal;

/// <summary>Turns what the console library lays out into lines for <see cref="LineEditor"/>. Only for a terminal: the library writes its codes wherever it is told to.</summary>
internal static class Rendering
{
    /// <summary>Whether a terminal is to have colours.</summary>
    public static bool HasColours => Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 };

    /// <summary>Lays something out.</summary>
    /// <param name="what">What: text of others goes into <see cref="Text"/> or <see cref="Paragraph"/>, never into <see cref="Markup"/>.</param>
    /// <param name="width">The columns there are.</param>
    /// <param name="hasColours">Whether to write any codes at all.</param>
    /// <returns>Lines without blanks at their ends, and without an end of the last one.</returns>
    public static string Lines(IRenderable what, int width, bool hasColours)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = hasColours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = hasColours ? ColorSystemSupport.EightBit : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = width;
        console.Profile.Capabilities.Unicode = true;
        console.Profile.Capabilities.Links = false;
        console.Write(what);
        return string.Join('\n', text.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Select(static line => line.TrimEnd(' ')));
    }
}
