namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// The names of peers: 1 to 32 of a-z, 0-9, '-', '_' and '.', beginning with a letter or a digit. Upper and lower case are one name. Letters beyond
/// ASCII are left out, because two names that look alike are an attack on whoever types one.
/// </summary>
public static class PeerName
{
    /// <summary>Whether the text is a name.</summary>
    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > RendezvousLimits.MaxName || !char.IsAsciiLetterOrDigit(name[0])) return false;
        foreach (char character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_' or '.')) return false;
        }

        return true;
    }

    /// <summary>The one form of a name: lower case.</summary>
    public static string Normalize(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (char character in name)
        {
            if (char.IsAsciiLetterUpper(character)) return Lower(name);
        }

        return name;

        static string Lower(string name) => string.Create(name.Length, name, static (lower, name) =>
        {
            for (int i = 0; i < lower.Length; i++) lower[i] = char.IsAsciiLetterUpper(name[i]) ? (char)(name[i] | 0x20) : name[i];
        });
    }
}
