using System.Buffers;
using System.Text;

namespace Porthole.Protocol.Files;

/// <summary>
/// Which names a receiver writes. A manifest names single steps, never paths, so nothing that passes leaves the folder it is written to. What only Windows cannot hold is refused
/// on Windows and kept elsewhere.
/// </summary>
public static class EntryName
{
    /// <summary>The end of the names of files and folders that are not complete.</summary>
    public const string PartSuffix = ".porthole-part";

    /// <summary>The beginning of the names of journals.</summary>
    public const string JournalPrefix = ".porthole-transfer-";

    private static readonly SearchValues<char> s_windowsCharacters = SearchValues.Create("<>:\"|?*");

    private static readonly string[] s_devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

    /// <summary>Judges a name.</summary>
    /// <param name="name">One step of a path.</param>
    /// <param name="windows">Whether the rules of Windows hold too.</param>
    public static EntryNameFault Check(ReadOnlySpan<char> name, bool windows)
    {
        if (name.IsEmpty) return EntryNameFault.Empty;
        if (name is "." or "..") return EntryNameFault.Dots;
        int bytes = 0;
        foreach (var rune in name.EnumerateRunes())
        {
            if (rune.Value is '/' or '\\') return EntryNameFault.Separator;
            if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029) return EntryNameFault.Control; // line breaks too: a name is part of one line
            bytes += rune.Utf8SequenceLength;
        }

        if (HasLoneSurrogate(name)) return EntryNameFault.NotText;
        if (bytes > FileLimits.MaxName) return EntryNameFault.TooLong;
        return windows ? CheckWindows(name) : EntryNameFault.None;
    }

    /// <summary>Judges the name of something at the top of a transfer, which must not look like this program's own files beside it.</summary>
    public static EntryNameFault CheckRoot(ReadOnlySpan<char> name, bool windows)
    {
        if (name.StartsWith(JournalPrefix, StringComparison.OrdinalIgnoreCase) || name.EndsWith(PartSuffix, StringComparison.OrdinalIgnoreCase)) return EntryNameFault.Own;
        return Check(name, windows);
    }

    /// <summary>Under which name a root is written until it is complete: its own, the transfer's, and <see cref="PartSuffix"/>, shortened in the middle if it must be.</summary>
    /// <param name="name">The root's name.</param>
    /// <param name="key">A few letters that tell the transfer from others.</param>
    public static string PartOf(string name, string key)
    {
        ArgumentNullException.ThrowIfNull(name);
        string end = $".{key}{PartSuffix}";
        var kept = new StringBuilder(name.Length + end.Length);
        int room = FileLimits.MaxName - Encoding.UTF8.GetByteCount(end);
        foreach (var rune in name.EnumerateRunes())
        {
            if ((room -= rune.Utf8SequenceLength) < 0) break;
            kept.Append(rune.ToString());
        }

        return kept.Append(end).ToString();
    }

    private static EntryNameFault CheckWindows(ReadOnlySpan<char> name)
    {
        if (name.ContainsAny(s_windowsCharacters)) return EntryNameFault.WindowsCharacter;
        if (name[^1] is '.' or ' ') return EntryNameFault.TrailingDotOrBlank;
        int dot = name.IndexOf('.');
        var stem = (dot < 0 ? name : name[..dot]).TrimEnd(' ');
        foreach (string device in s_devices)
        {
            if (stem.Equals(device, StringComparison.OrdinalIgnoreCase)) return EntryNameFault.Device;
        }

        bool numbered = stem.Length == 4
            && (stem.StartsWith("COM", StringComparison.OrdinalIgnoreCase) || stem.StartsWith("LPT", StringComparison.OrdinalIgnoreCase))
            && (char.IsAsciiDigit(stem[3]) || stem[3] is '\u00B9' or '\u00B2' or '\u00B3'); // the small 1, 2 and 3 count as digits there
        return numbered ? EntryNameFault.Device : EntryNameFault.None;
    }

    private static bool HasLoneSurrogate(ReadOnlySpan<char> name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (!char.IsSurrogate(name[i])) continue;
            if (i + 1 == name.Length || !char.IsSurrogatePair(name[i], name[i + 1])) return true;
            i++;
        }

        return false;
    }
}
