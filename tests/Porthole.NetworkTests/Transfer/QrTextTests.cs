using Porthole.Cli.Transfer;

namespace Porthole.NetworkTests.Transfer;

public sealed class QrTextTests
{
    private const string Text = "porthole receive --code 7K2QD-M4TX-9WCB-J6RPG --server http://203.0.113.1:8848";

    /// <summary>The quiet zone of a QR code, in modules (ISO/IEC 18004 section 5.3.8).</summary>
    private const int Quiet = 4;

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

    /// <summary>Around it nothing, in three corners the finder patterns.</summary>
    private static void AssertCode(bool[,] dark)
    {
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
}
