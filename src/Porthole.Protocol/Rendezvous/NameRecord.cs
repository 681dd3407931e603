using System.Globalization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>Who holds a name. One line of the names file.</summary>
/// <param name="Name">The name in its one form, lower case.</param>
/// <param name="Peer">The peer whose key took it.</param>
/// <param name="LastUsed">When it was used last, to the second.</param>
public sealed record NameRecord(string Name, PeerId Peer, DateTimeOffset LastUsed)
{
    /// <summary>The record as one line: name, peer id, seconds since 1970, with single spaces.</summary>
    public string ToLine() => string.Create(CultureInfo.InvariantCulture, $"{Name} {Peer} {LastUsed.ToUnixTimeSeconds()}");

    /// <summary>Reads <see cref="ToLine"/>.</summary>
    /// <returns>False when the line is none, for instance the last one of a file whose writer was killed.</returns>
    public static bool TryParse(string line, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out NameRecord? record)
    {
        ArgumentNullException.ThrowIfNull(line);
        record = null;
        string[] parts = line.Split(' ');
        if (parts.Length != 3 || !PeerName.IsValid(parts[0]) || !PeerId.TryParse(parts[1], out var peer)) return false;
        if (!long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)) return false;
        if (seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return false;
        record = new NameRecord(PeerName.Normalize(parts[0]), peer, DateTimeOffset.FromUnixTimeSeconds(seconds));
        return true;
    }
}
