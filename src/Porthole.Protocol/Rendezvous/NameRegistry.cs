using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// Which key holds which name. The first key to take a name keeps it, until it was not used for 90 days. Wall-clock time is an argument; the records go
/// in when it is made and come out as they change, and where they are kept is the owner's matter.
/// </summary>
/// <param name="namesPerPeer">How many names one key may hold.</param>
/// <param name="maxNames">How many names there may be in all.</param>
public sealed class NameRegistry(int namesPerPeer = 8, int maxNames = 1_000_000)
{
    /// <summary>How long a name that nobody uses is kept.</summary>
    public static readonly TimeSpan Expiry = TimeSpan.FromDays(90);

    /// <summary>How much later a use must be to be worth a new record.</summary>
    private static readonly TimeSpan s_resolution = TimeSpan.FromDays(1);

    private readonly Dictionary<string, NameRecord> _names = [];
    private readonly Dictionary<PeerId, int> _namesOf = [];

    /// <summary>How many names are held; expired ones count until somebody else takes them.</summary>
    public int Count => _names.Count;

    /// <summary>Puts a record from a file in. Of several with one name the last wins; expired ones are left out.</summary>
    public void Load(NameRecord record, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(record);
        Remove(record.Name);
        if (now - record.LastUsed < Expiry) Put(record);
    }

    /// <summary>Whether the peer holds any name.</summary>
    public bool Knows(PeerId peer) => _namesOf.ContainsKey(peer);

    /// <summary>Who holds a name.</summary>
    public bool TryFind(string name, out PeerId peer)
    {
        bool isFound = _names.TryGetValue(PeerName.Normalize(name), out var record);
        peer = isFound ? record!.Peer : default;
        return isFound;
    }

    /// <summary>Takes a name for a peer, or uses the one it has.</summary>
    /// <param name="name">The name, in any case.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="now">Wall-clock time.</param>
    /// <param name="isInUse">Whether the name's holder is online with it: then it does not expire, however long ago it registered.</param>
    /// <param name="changed">The record to be kept, if there is a new one.</param>
    /// <returns>Null when the peer holds the name now; else why not.</returns>
    public RendezvousError? Take(string name, PeerId peer, DateTimeOffset now, bool isInUse, out NameRecord? changed)
    {
        ArgumentNullException.ThrowIfNull(name);
        changed = null;
        if (!PeerName.IsValid(name)) return RendezvousError.InvalidName;
        name = PeerName.Normalize(name);
        if (_names.TryGetValue(name, out var record))
        {
            if (record.Peer == peer)
            {
                TryTouch(name, now, out changed);
                return null;
            }

            if (isInUse || now - record.LastUsed < Expiry) return RendezvousError.NameTaken;
        }
        else if (_names.Count >= maxNames)
        {
            return RendezvousError.TooManyNames;
        }

        if (_namesOf.GetValueOrDefault(peer) >= namesPerPeer) return RendezvousError.TooManyNames;
        Remove(name);
        Put(changed = new NameRecord(name, peer, Seconds(now)));
        return null;
    }

    /// <summary>Notes that a name is in use. A record comes out only when the last is older than a day, so that a file of them stays small.</summary>
    public bool TryTouch(string name, DateTimeOffset now, [NotNullWhen(true)] out NameRecord? changed)
    {
        changed = null;
        if (!_names.TryGetValue(PeerName.Normalize(name), out var record) || now - record.LastUsed < s_resolution) return false;
        _names[record.Name] = changed = record with { LastUsed = Seconds(now) };
        return true;
    }

    private static DateTimeOffset Seconds(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());

    private void Put(NameRecord record)
    {
        _names[record.Name] = record;
        _namesOf[record.Peer] = _namesOf.GetValueOrDefault(record.Peer) + 1;
    }

    private void Remove(string name)
    {
        if (!_names.Remove(name, out var record)) return;
        if (_namesOf[record.Peer] == 1) _namesOf.Remove(record.Peer);
        else _namesOf[record.Peer]--;
    }
}
