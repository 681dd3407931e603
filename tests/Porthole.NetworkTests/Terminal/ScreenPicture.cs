using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Porthole.NetworkTests.Terminal;

/// <summary>Draws the screen of a terminal as a picture (SVG): text, colours, bold and dim, which is all that porthole uses.</summary>
internal static partial class ScreenPicture
{
    private const double Column = 8.4, Row = 18, Margin = 14, Bar = 30;

    private static readonly string[] s_colours =
    [
        "#1e1e1e", "#e06c75", "#8cc265", "#d5b06b", "#6fa8dc", "#c678dd", "#56b6c2", "#d0d0d0",
        "#7f848e", "#f07178", "#a5e075", "#f0c674", "#8ab4f8", "#de8bf0", "#7fdbe5", "#ffffff",
    ];

    /// <summary>Draws it.</summary>
    /// <param name="screen">Lines with SGR sequences, as <c>tmux capture-pane -e</c> gives them.</param>
    /// <param name="title">What stands above.</param>
    public static string Draw(string screen, string title)
    {
        string[] lines = screen.TrimEnd('\n', ' ').Split('\n');
        int columns = lines.Max(static line => Codes().Replace(line, "").TrimEnd().Length);
        double width = Math.Max(columns, title.Length + 8) * Column + 2 * Margin, height = lines.Length * Row + 2 * Margin + Bar;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:0} {height:0}\" width=\"{width:0}\" height=\"{height:0}\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Margin:0}\" y=\"20\" fill=\"#7f848e\">{WebUtility.HtmlEncode(title)}</text>\n");
        var style = new Style();
        for (int row = 0; row < lines.Length; row++)
        {
            double x = Margin, y = Bar + Margin + row * Row;
            int at = 0;
            foreach (Match code in Codes().Matches(lines[row]))
            {
                Write(lines[row][at..code.Index]);
                style = style.After(code.Groups[1].Value);
                at = code.Index + code.Length;
            }

            Write(lines[row][at..]);

            void Write(string text)
            {
                if (text.Trim().Length > 0)
                {
                    svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.#}\" y=\"{y:0}\" xml:space=\"preserve\" textLength=\"{text.Length * Column:0.#}\" {style.Attributes}>{WebUtility.HtmlEncode(text)}</text>\n");
                }

                x += text.Length * Column;
            }
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>One of the 256 colours.</summary>
    private static string ColourOf(int number)
    {
        if (number < 16) return s_colours[number];
        if (number >= 232) return Hex(8 + (number - 232) * 10, 8 + (number - 232) * 10, 8 + (number - 232) * 10);
        int cube = number - 16;
        return Hex(Level(cube / 36), Level(cube / 6 % 6), Level(cube % 6));

        static int Level(int step) => step == 0 ? 0 : 55 + step * 40;
        static string Hex(int red, int green, int blue) => $"#{red:x2}{green:x2}{blue:x2}";
    }

    [GeneratedRegex(@"\x1b\[([0-9;]*)m|\x0e|\x0f")]
    private static partial Regex Codes();

    private readonly record struct Style(int? Colour, bool IsBold, bool IsDim)
    {
        public string Attributes => $"fill=\"{(Colour is { } colour ? ColourOf(colour) : "#d0d0d0")}\"{(IsBold ? " font-weight=\"bold\"" : "")}{(IsDim ? " opacity=\"0.6\"" : "")}";

        public Style After(string codes)
        {
            var style = this;
            int[] numbers = [.. codes.Split(';').Select(static code => int.TryParse(code, out int number) ? number : 0)];
            for (int i = 0; i < numbers.Length; i++)
            {
                style = numbers[i] switch
                {
                    0 => default,
                    1 => style with { IsBold = true },
                    2 => style with { IsDim = true },
                    22 => style with { IsBold = false, IsDim = false },
                    >= 30 and <= 37 => style with { Colour = numbers[i] - 30 },
                    >= 90 and <= 97 => style with { Colour = numbers[i] - 82 },
                    39 => style with { Colour = null },
                    38 when i + 2 < numbers.Length && numbers[i + 1] == 5 => style with { Colour = numbers[i + 2] },
                    _ => style,
                };
                if (numbers[i] == 38) i += 2;
            }

            return style;
        }
    }
}
