using System.Text;
using QRCoder;

namespace Porthole.Cli.Transfer;

/// <summary>A text as a QR code of half-block characters, two modules to a character, with the quiet zone around it that readers want.</summary>
internal static class QrText
{
    private const string BlackOnWhite = "\e[38;5;16;48;5;231m";
    private const string Reset = "\e[0m";

    /// <summary>Draws it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="colours">
    /// Whether to set the colours: then it is black on white whatever the terminal's own are. Without them light modules are drawn, which is right on a dark terminal;
    /// on a light one the code is inverted, which most readers read too.
    /// </param>
    /// <returns>Its lines.</returns>
    public static IReadOnlyList<string> Draw(string text, bool colours)
    {
        using var generator = new QRCodeGenerator();
        using var code = generator.CreateQrCode(text, QRCodeGenerator.ECCLevel.L);
        var modules = code.ModuleMatrix;
        int width = modules.Count;
        var lines = new List<string>((width + 1) / 2);
        for (int y = 0; y < width; y += 2)
        {
            var line = new StringBuilder(colours ? BlackOnWhite : "");
            for (int x = 0; x < width; x++)
            {
                bool upper = modules[y][x], lower = y + 1 < width && modules[y + 1][x];
                if (!colours) (upper, lower) = (!upper, !lower);
                line.Append((upper, lower) switch
                {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }

            lines.Add(line.Append(colours ? Reset : "").ToString());
        }

        return lines;
    }
}
