using Porthole.Cli.Transfer;

namespace Porthole.NetworkTests.Transfer;

/// <summary>A code as a reader sees it: where it is, how it is turned, and what it says.</summary>
public sealed class QrTextTests
{
    private const string Text = "porthole receive --code 7K2QD-M4TX-9WCB-J6RPG --server http://203.0.113.1:8848";

    /// <summary>The quiet zone of a QR code, in modules (ISO/IEC 18004 section 5.3.8).</summary>
    private const int Quiet = 4;

    /// <summary>Table 5.</summary>
    private const string Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

    [Fact]
    public void A_code_with_colours_is_black_on_white_whatever_the_terminal()
    {
        var lines = QrText.Draw(Text, colours: true);
        Assert.All(lines, static line => Assert.StartsWith("\e[38;5;16;48;5;231m", line, StringComparison.Ordinal));
        Assert.All(lines, static line => Assert.EndsWith("\e[0m", line, StringComparison.Ordinal));
        AssertCode(Modules([.. lines.Select(static line => line["\e[38;5;16;48;5;231m".Length..^"\e[0m".Length])], isInverted: false));
    }

    [Fact]
    public void A_code_without_colours_draws_the_light_modules()
    {
        var lines = QrText.Draw(Text, colours: false);
        Assert.DoesNotContain(lines, static line => line.Contains('\e', StringComparison.Ordinal));
        AssertCode(Modules(lines, isInverted: true));
    }

    /// <summary>The dark modules of a drawing.</summary>
    private static bool[,] Modules(IReadOnlyList<string> lines, bool isInverted)
    {
        int width = lines[0].Length;
        Assert.InRange(lines.Count, width / 2, (width + 1) / 2);
        Assert.InRange(width, 21 + 2 * Quiet, 79); // fits into a terminal of 80 columns
        bool[,] dark = new bool[width, width];
        for (int y = 0; y < width; y++)
        {
            for (int x = 0; x < width; x++)
            {
                char character = lines[y / 2][x];
                dark[y, x] = isInverted != (character == '█' || character == (y % 2 == 0 ? '▀' : '▄'));
            }
        }

        return dark;
    }

    /// <summary>Around it nothing, in three corners the finder patterns, and what a reader reads is the text.</summary>
    private static void AssertCode(bool[,] dark)
    {
        Assert.Equal(Text, Read(dark));
        int width = dark.GetLength(0);
        for (int i = 0; i < width; i++)
        {
            for (int edge = 0; edge < Quiet; edge++) Assert.False(dark[edge, i] || dark[i, edge] || dark[width - 1 - edge, i] || dark[i, width - 1 - edge]);
        }

        foreach (var (top, left) in new[] { (Quiet, Quiet), (Quiet, width - Quiet - 7), (width - Quiet - 7, Quiet) })
        {
            for (int y = 0; y < 7; y++)
            {
                for (int x = 0; x < 7; x++)
                {
                    int ring = Math.Max(Math.Abs(y - 3), Math.Abs(x - 3));
                    Assert.Equal(ring != 2, dark[top + y, left + x]);
                }
            }
        }
    }

    /// <summary>Reads a code of one block, which is what a command needs: versions 1 to 5 at level L (ISO/IEC 18004 sections 7.4, 7.7 to 7.9). Nothing is corrected: a drawn code has no errors.</summary>
    private static string Read(bool[,] dark)
    {
        int size = dark.GetLength(0) - 2 * Quiet, version = (size - 17) / 4;
        Assert.InRange(version, 1, 5);
        bool IsDark(int x, int y) => dark[y + Quiet, x + Quiet];
        int format = 0;
        for (int i = 0; i < 15; i++)
        {
            var (x, y) = i switch { < 6 => (8, i), 6 => (8, 7), 7 => (8, 8), 8 => (7, 8), _ => (14 - i, 8) };
            if (IsDark(x, y)) format |= 1 << i;
        }

        format ^= 0b101_0100_0001_0010;
        Assert.Equal(1, format >> 13); // level L
        var bits = new List<bool>();
        bool isUpward = true;
        for (int right = size - 1; right > 0; right -= 2, isUpward = !isUpward)
        {
            if (right == 6) right--; // the timing pattern
            for (int step = 0; step < size; step++)
            {
                int y = isUpward ? size - 1 - step : step;
                for (int x = right; x > right - 2; x--)
                {
                    if (!IsPattern(x, y, size, version)) bits.Add(IsDark(x, y) != IsMasked(x, y, (format >> 10) & 7));
                }
            }
        }

        int at = 0;
        int Take(int count)
        {
            int value = 0;
            for (int i = 0; i < count; i++) value = (value << 1) | (bits[at++] ? 1 : 0);
            return value;
        }

        var text = new System.Text.StringBuilder();
        for (int mode = Take(4); mode != 0; mode = Take(4))
        {
            Assert.Contains(mode, (int[])[0b0010, 0b0100]); // letters and digits of which two share 11 bits, or bytes
            if (mode == 0b0100)
            {
                for (int left = Take(8); left > 0; left--) text.Append((char)Take(8));
                continue;
            }

            int count = Take(9);
            for (; count >= 2; count -= 2)
            {
                int pair = Take(11);
                text.Append(Alphanumeric[pair / Alphanumeric.Length]).Append(Alphanumeric[pair % Alphanumeric.Length]);
            }

            if (count == 1) text.Append(Alphanumeric[Take(6)]);
        }

        return text.ToString();
    }

    private static bool IsPattern(int x, int y, int size, int version) =>
        x == 6 || y == 6 || (x < 9 && (y < 9 || y >= size - 8)) || (x >= size - 8 && y < 9) || (version > 1 && Math.Abs(x - (size - 7)) <= 2 && Math.Abs(y - (size - 7)) <= 2);

    private static bool IsMasked(int x, int y, int mask) => mask switch
    {
        0 => (x + y) % 2 == 0,
        1 => y % 2 == 0,
        2 => x % 3 == 0,
        3 => (x + y) % 3 == 0,
        4 => (x / 3 + y / 2) % 2 == 0,
        5 => x * y % 2 + x * y % 3 == 0,
        6 => (x * y % 2 + x * y % 3) % 2 == 0,
        _ => ((x + y) % 2 + x * y % 3) % 2 == 0,
    };
}
