using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Chat;

/// <summary>
/// The connections of a chat, and which of them carry what is said: one for each program. Two programs that called each other at nearly the same moment may have two, and then both say
/// everything over the newest that they have; the one with the lower id retires the others, so that both go on with the same. The newest, because it lives: an older one may be dead and not
/// know it yet.
/// </summary>
internal sealed class ChatLinks(PeerId self)
{
    private readonly Lock _gate = new();
    private readonly List<ChatLink> _links = [];

    /// <summary>All connections, oldest first.</summary>
    public ChatLink[] All
    {
        get
        {
            lock (_gate) return [.. _links];
        }
    }

    /// <summary>For each program the connection that carries what is said.</summary>
    public ChatLink[] Carriers
    {
        get
        {
            lock (_gate) return [.. _links.Select(CarrierOf).Distinct()];
        }
    }

    /// <summary>Takes a connection.</summary>
    /// <returns>Its chat, and whether another connection to its program carries one already.</returns>
    public (ChatLink Link, bool IsMore) Add(PeerConnection connection, IChatView view, ChatFiles files)
    {
        lock (_gate)
        {
            var other = _links.FindLast(one => AreOne(one.Connection, connection));
            var link = new ChatLink(other?.Label ?? NewLabel(connection), connection, view, files, this);
            bool isMore = _links.Exists(one => AreOne(one.Connection, connection) && !one.IsRetired);
            _links.Add(link);
            return (link, isMore);
        }
    }

    /// <summary>A connection is over.</summary>
    /// <returns>Whether the chat with its program is over: it was the one that carried it, and there is no other.</returns>
    public bool Remove(ChatLink link)
    {
        lock (_gate)
        {
            _links.Remove(link);
            return !link.IsReplaced && !_links.Exists(one => AreOne(one.Connection, link.Connection) && !one.IsRetired);
        }
    }

    /// <summary>Both sides have said hello on a connection.</summary>
    public void Begin(ChatLink link)
    {
        ChatLink[] older;
        lock (_gate)
        {
            link.HasBegun = true;
            var carrier = CarrierOf(link);
            older = [.. _links.Where(one => one != carrier && AreOne(one.Connection, link.Connection) && one is { HasBegun: true, IsRetired: false })];
            if (older.Length > 0) carrier.Follow(older);
            if (!(self < link.Connection.RemotePeerId)) return;
            foreach (var one in older) one.IsReplaced = true;
        }

        foreach (var one in older) one.Retire();
    }

    /// <summary>The other side has said its last message on a connection.</summary>
    public void Retire(ChatLink link)
    {
        link.Retire();
        lock (_gate)
        {
            var carrier = CarrierOf(link);
            if (carrier == link) return; // it was the only one: they are gone
            link.IsReplaced = true;
            carrier.Follow([link]);
        }
    }

    /// <summary>Hands a message to the connection that carries what is said to the program of a link.</summary>
    /// <param name="link">The link.</param>
    /// <param name="number">The message's number.</param>
    /// <param name="text">Its text.</param>
    /// <param name="patience">How long a peer that is behind is waited for.</param>
    /// <returns>False when it is too far behind, or gone.</returns>
    public async Task<bool> SendAsync(ChatLink link, ulong number, string text, TimeSpan patience)
    {
        while (true)
        {
            ChatLink carrier;
            lock (_gate) carrier = CarrierOf(link);
            if (await carrier.SendAsync(number, text, patience).ConfigureAwait(false)) return true;
            lock (_gate)
            {
                if (CarrierOf(link) == carrier) return false; // else it was retired in between
            }
        }
    }

    private ChatLink CarrierOf(ChatLink link)
    {
        ChatLink? begun = null, other = null;
        foreach (var one in _links)
        {
            if (!AreOne(one.Connection, link.Connection) || one.IsRetired || one.Connection.Closed.IsCompleted) continue;
            if (one.HasBegun) begun = one;
            else other ??= one;
        }

        return begun ?? other ?? _links.FindLast(one => AreOne(one.Connection, link.Connection)) ?? link;
    }

    private string NewLabel(PeerConnection connection)
    {
        string name = connection.RemoteName is { } called && PeerName.IsValid(called) ? PeerName.Normalize(called) : connection.RemotePeerId.Short;
        string label = name;
        for (int i = 2; _links.Exists(other => other.Label == label); i++) label = string.Create(CultureInfo.InvariantCulture, $"{name}~{i}"); // another instance of the same peer
        return label;
    }

    private static bool AreOne(PeerConnection one, PeerConnection other) => one.RemotePeerId == other.RemotePeerId && one.RemoteInstance == other.RemoteInstance;
}
