using System.Collections.Immutable;
using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Identity;

/// <summary>
/// The keys of servers that were used before: the key of the first contact is asked for ever after. A line of the file is: host and port, public key in base64,
/// first seen.
/// </summary>
public sealed class KnownServers
{
    private const string Heading = "# Servers this user has used: host:port, public key, first seen. Delete a line to forget a server's key.\n";

    private readonly TrustFile<KnownServer> _file;

    private KnownServers(string? path) => (Location, _file) = (path, new TrustFile<KnownServer>(path, Heading, ParseLine, FormatLine));

    /// <summary>The file of a user's known servers.</summary>
    public static string DefaultPath => Path.Combine(PortholeDirectory.Default, "known_servers");

    /// <summary>The file; null for none.</summary>
    public string? Location { get; }

    /// <summary>All known servers.</summary>
    public ImmutableArray<KnownServer> Servers => _file.Entries;

    /// <summary>Reads a file; one that does not exist is empty, and is written when the first server is met.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or is damaged.</exception>
    public static KnownServers Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var known = new KnownServers(path);
        known._file.Refresh();
        return known;
    }

    /// <summary>Servers are remembered as long as the object lives.</summary>
    public static KnownServers InMemory() => new(null);

    /// <summary>The key a server must hold: the one in its address, else the one it had; null at first contact.</summary>
    public PublicKey? Find(ServerAddress server)
    {
        ArgumentNullException.ThrowIfNull(server);
        string address = AddressOf(server);
        return server.Key ?? Servers.FirstOrDefault(one => one.Address == address)?.Key;
    }

    /// <summary>Writes a server down, or finds it unchanged.</summary>
    /// <returns>True when the server is new.</returns>
    /// <exception cref="PeerException"><see cref="PeerError.WrongServerKey"/>: it is known with another key; <see cref="PeerError.BadFile"/>.</exception>
    public bool Trust(ServerAddress server, PublicKey key, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(key);
        string address = AddressOf(server);
        bool isNew = false;
        _file.Update(servers =>
        {
            if (servers.FirstOrDefault(one => one.Address == address) is { } known) return known.Key.Equals(key) ? servers : throw Changed(server);
            isNew = true;
            return servers.Add(new KnownServer(address, key, now));
        });
        return isNew;
    }

    internal PeerException Changed(ServerAddress server) => new(
        PeerError.WrongServerKey,
        server.Key is not null
            ? $"The server {AddressOf(server)} does not hold the key in its address: the address is wrong, or somebody is in between. Ask its operator for the address."
            : $"The key of the server {AddressOf(server)} has changed: it was set up anew, or somebody is in between. Ask its operator; if the change is expected, delete its line from {Location ?? "the known servers"}.");

    private static string AddressOf(ServerAddress server) => string.Create(CultureInfo.InvariantCulture, $"{server.Uri.Host}:{server.Uri.Port}");

    private static KnownServer? ParseLine(string line)
    {
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var address, var keyText, var seen]) return null;
        if (!ServerAddress.TryParseKey(keyText, out var key)) return null;
        return DateTimeOffset.TryParse(seen, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var firstSeen) ? new KnownServer(address, key, firstSeen) : null;
    }

    private static string FormatLine(KnownServer server) =>
        string.Create(CultureInfo.InvariantCulture, $"{server.Address} {ServerAddress.FormatKey(server.Key)} {server.FirstSeen.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}");
}
