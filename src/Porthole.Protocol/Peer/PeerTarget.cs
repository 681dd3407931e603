using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Whom to connect to, as a person writes it: <c>bob</c>, <c>bob@PEERID</c>, or a bare peer id.</summary>
/// <param name="Name">The name that is dialled; null for a bare id.</param>
/// <param name="Id">The id that must answer; null where the name is trusted on first use.</param>
public sealed record PeerTarget(string? Name, PeerId? Id)
{
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
        if (!PeerName.IsValid(name)) return false;
        if (at < 0)
        {
            target = new PeerTarget(name, null);
            return true;
        }

        if (!PeerId.TryParse(text[(at + 1)..], out var id)) return false;
        target = new PeerTarget(name, id);
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
