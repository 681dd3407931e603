using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Peer;

/// <summary>Whom to connect to, as a person writes it: <c>bob</c>, <c>bob@PEERID</c>, or a bare peer id.</summary>
/// <param name="Name">The name that is dialled; null for a bare id.</param>
/// <param name="Id">The id that must answer; null where the name is trusted on first use.</param>
public sealed record PeerTarget(string? Name, PeerId? Id)
{
    /// <summary>The longest name, in characters: it must fit a line on a screen beside a message.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Reads what a person wrote.</summary>
    /// <returns>False when it is neither a name, nor a name with an id, nor an id.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out PeerTarget? target)
    {
        target = null;
        if (string.IsNullOrEmpty(text)) return false;
        if (PeerId.TryParse(text, out var bare))
        {
            target = new PeerTarget(null, bare);
            return true;
        }

        int at = text.IndexOf('@', StringComparison.Ordinal);
        string name = at < 0 ? text : text[..at];
        if (!IsName(name)) return false;
        if (at < 0)
        {
            target = new PeerTarget(name, null);
            return true;
        }

        if (!PeerId.TryParse(text[(at + 1)..], out var id)) return false;
        target = new PeerTarget(name, id);
        return true;
    }

    /// <summary>Whether a text may be a peer's name: 1 to 64 letters, digits, dots, hyphens and underscores, and not a peer id.</summary>
    public static bool IsName(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > MaxNameLength || PeerId.TryParse(text.ToString(), out _)) return false;
        foreach (char character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-' or '_')) return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => (Name, Id) switch
    {
        ({ } name, { } id) => $"{name}@{id}",
        ({ } name, null) => name,
        (null, { } id) => id.ToString(),
        (null, null) => "",
    };
}
