using System.Collections.Immutable;
using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Identity;

/// <summary>
/// The keys of peers that were met before: trust on first use, and an error when the key behind a name has changed since. A line of the file is:
/// name or <c>-</c>, peer id, public key in base64, first seen, id of the server where the name was held.
/// </summary>
public sealed class KnownPeers
{
    private const string NoName = "-";

    private const string Heading = "# Peers this user has met: name, peer id, public key, first seen, server. Delete a line to forget a peer.\n";

    private readonly TrustFile<KnownPeer> _file;

    private KnownPeers(string? path) => (Location, _file) = (path, new TrustFile<KnownPeer>(path, Heading, ParseLine, FormatLine));

    /// <summary>The file of a user's known peers.</summary>
    public static string DefaultPath => Path.Combine(PortholeDirectory.Default, "known_peers");

    /// <summary>The file; null for none.</summary>
    public string? Location { get; }

    /// <summary>All known peers.</summary>
    public ImmutableArray<KnownPeer> Peers => _file.Entries;

    /// <summary>Reads a file; one that does not exist is empty, and is written when the first peer is met.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or is damaged.</exception>
    public static KnownPeers Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var known = new KnownPeers(path);
        known.Refresh();
        return known;
    }

    /// <summary>Peers are remembered as long as the object lives.</summary>
    public static KnownPeers InMemory() => new(null);

    /// <summary>Reads the file again if another process has changed it.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or is damaged.</exception>
    public void Refresh() => _file.Refresh();

    /// <summary>The key that holds a name at a server; null if the name was never met there.</summary>
    public PublicKey? FindByName(PeerId server, string name)
    {
        string normal = PeerName.Normalize(name);
        return Peers.FirstOrDefault(peer => peer.Server == server && peer.Name == normal)?.Key;
    }

    /// <summary>The key behind an id; null if the id was never met.</summary>
    public PublicKey? FindById(PeerId id) => Peers.FirstOrDefault(peer => peer.Key.PeerId == id)?.Key;

    /// <summary>Writes a peer down, or finds it unchanged.</summary>
    /// <returns>True when the peer is new.</returns>
    /// <exception cref="PeerException"><see cref="PeerError.KeyChanged"/>: the name is known with another key; <see cref="PeerError.BadFile"/>.</exception>
    public bool Trust(KnownPeer peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        var entry = peer with { Name = peer.Name is null ? null : PeerName.Normalize(peer.Name) };
        bool isNew = false;
        _file.Update(peers =>
        {
            if (entry.Name is not null && peers.FirstOrDefault(one => one.Server == entry.Server && one.Name == entry.Name) is { } known)
            {
                return known.Key.Equals(entry.Key) ? peers : throw Changed(entry.Name, known.Key.PeerId, entry.Key.PeerId);
            }

            if (entry.Name is null && peers.Any(one => one.Key.Equals(entry.Key))) return peers;
            isNew = true;
            return peers.Add(entry);
        });
        return isNew;
    }

    /// <summary>Forgets a peer, by name or by id.</summary>
    /// <returns>How many lines were deleted.</returns>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or written, or is damaged.</exception>
    public int Forget(string nameOrId)
    {
        string normal = PeerName.Normalize(nameOrId);
        int forgotten = 0;
        _file.Update(peers =>
        {
            var rest = peers.RemoveAll(peer => peer.Name == normal || (PeerId.TryParse(nameOrId, out var id) && peer.Key.PeerId == id));
            forgotten = peers.Length - rest.Length;
            return forgotten == 0 ? peers : rest;
        });
        return forgotten;
    }

    internal PeerException Changed(string name, PeerId known, PeerId offered) => new(
        PeerError.KeyChanged,
        $"The key of {name} has changed: it was {known.Short}…, now {offered.Short}… is offered. Somebody else may be using the name; if the change is expected, delete its line from {Location ?? "the known peers"} and connect again.");

    /// <summary>What a machine may ask, for the names of one server.</summary>
    internal IKnownPeers At(Func<PeerId> server) => new View(this, server);

    private static KnownPeer? ParseLine(string line)
    {
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var name, var id, var keyText, var seen, var serverText]) return null;
        if (name != NoName && !PeerName.IsValid(name)) return null;
        if (!ServerAddress.TryParseKey(keyText, out var key) || !PeerId.TryParse(id, out var peer) || key.PeerId != peer) return null;
        if (!PeerId.TryParse(serverText, out var server)) return null;
        if (!DateTimeOffset.TryParse(seen, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var firstSeen)) return null;
        return new KnownPeer(server, name == NoName ? null : PeerName.Normalize(name), key, firstSeen);
    }

    private static string FormatLine(KnownPeer peer) => string.Create(
        CultureInfo.InvariantCulture,
        $"{peer.Name ?? NoName} {peer.Key.PeerId} {ServerAddress.FormatKey(peer.Key)} {peer.FirstSeen.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ} {peer.Server}");

    private sealed class View(KnownPeers known, Func<PeerId> server) : IKnownPeers
    {
        public PublicKey? FindByName(string name) => known.FindByName(server(), name);

        public PublicKey? FindById(PeerId id) => known.FindById(id);
    }
}
