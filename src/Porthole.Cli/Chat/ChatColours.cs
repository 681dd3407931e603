using Spectre.Console;

namespace Porthole.Cli.Chat;

/// <summary>The colours of a chat in a terminal.</summary>
internal static class ChatColours
{
    public static readonly Style Dim = new(decoration: Decoration.Dim);
    public static readonly Style Bold = new(decoration: Decoration.Bold);
    public static readonly Style Good = new(Color.Green);
    public static readonly Style Attention = new(Color.Yellow);
    public static readonly Style Bad = new(Color.Red);

    /// <summary>Can be read on black and on white, and none of them is the red of what went wrong.</summary>
    private static readonly Color[] s_speakers =
    [
        Color.DodgerBlue1, Color.DarkOrange, Color.MediumOrchid, Color.DarkCyan, Color.HotPink3, Color.Chartreuse4,
        Color.SlateBlue1, Color.DarkGoldenrod, Color.MediumVioletRed, Color.SteelBlue, Color.SeaGreen3, Color.RosyBrown,
    ];

    /// <summary>The style of a speaker: the same in every chat and on every machine.</summary>
    public static Style Of(string peer)
    {
        uint hash = 2_166_136_261; // FNV-1a: string.GetHashCode differs from run to run
        foreach (char letter in peer) hash = (hash ^ letter) * 16_777_619;
        return new Style(s_speakers[hash % (uint)s_speakers.Length], decoration: Decoration.Bold);
    }
}
