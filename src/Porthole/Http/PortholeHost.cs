using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Http;

/// <summary>
/// How a peer is written as the host of a URI: <c>NAME.porthole</c>, <c>PEERID.porthole</c>, or <c>NAME.PEERID.porthole</c> for a name with the id it must have. The top-level domain does not exist,
/// so such a URI means nothing to anything but this library.
/// </summary>
public static class PortholeHost
{
    /// <summary>What every such host ends with.</summary>
    public const string Suffix = ".porthole";

    /// <summary>Reads a host.</summary>
    /// <returns>False when it is no peer.</returns>
    public static bool TryParse([NotNullWhen(true)] string? host, [NotNullWhen(true)] out PeerTarget? target)
    {
        target = null;
        if (host is null || !host.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase)) return false;
        string label = host[..^Suffix.Length].ToLowerInvariant(); // names are lower case
        int dot = label.LastIndexOf('.');
        bool hasId = PeerId.TryParse(label[(dot + 1)..], out _); // longer than any name: no name is mistaken for one
        return PeerTarget.TryParse(hasId && dot >= 0 ? $"{label[..dot]}@{label[(dot + 1)..]}" : label, out target);
    }

    /// <summary>Writes a host.</summary>
    /// <param name="target">The peer.</param>
    public static string Format(PeerTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.ToString().Replace('@', '.') + Suffix;
    }
}
