using System.Collections.Immutable;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Rendezvous;

/// <summary>Registration, names, candidates and presence.</summary>
public sealed partial class RendezvousServer
{
    /// <summary>The most proved hosts that are kept of one peer.</summary>
    private const int MaxProvedHosts = 8;

    private readonly RateLimiter<TransportAddress> _newNames;
    private readonly Dictionary<string, Room> _rooms = [];

    private void HandleMessage(Instant now, ServerConnection connection, ClientMessage message)
    {
        switch (message)
        {
            case ClientMessage.Ping ping:
                Send(connection, new ServerMessage.Pong(ping.Stamp));
                return;
            case ClientMessage.Pong pong:
                HandlePong(now, connection, pong);
                return;
            case ClientMessage.Hello:
                CloseWith(now, connection, RendezvousError.ProtocolViolation);
                return;
            case ClientMessage.Allow allow:
                connection.Allowed = Sorted(allow.List);
                return;
            case ClientMessage.Know know:
                connection.PendingKnown = Sorted(know.List);
                return;
            case ClientMessage.Register register:
                HandleRegister(now, connection, register);
                return;
        }

        if (!connection.IsRegistered)
        {
            Send(connection, new ServerMessage.Refused(RendezvousError.NotRegistered, (message as ClientMessage.Connect)?.Session ?? (message as ClientMessage.Meet)?.Session));
            return;
        }

        connection.LastActive = now;
        switch (message)
        {
            case ClientMessage.Update update:
                SetCandidates(now, connection, update.List, update.Nat);
                break;
            case ClientMessage.Connect connect:
                HandleConnect(now, connection, connect);
                break;
            case ClientMessage.Meet meet:
                HandleMeet(now, connection, meet);
                break;
            case ClientMessage.Met met:
                HandleMet(connection, met.Session);
                break;
            case ClientMessage.Accept accept:
                HandleAnswer(now, connection, accept.Session, isAccepted: true);
                break;
            case ClientMessage.Refuse refuse:
                HandleAnswer(now, connection, refuse.Session, isAccepted: false);
                break;
            case ClientMessage.Candidates candidates:
                HandleCandidates(now, connection, candidates);
                break;
            case ClientMessage.Restart restart:
                HandleRestart(now, connection, restart);
                break;
            case ClientMessage.Outcome outcome:
                HandleOutcome(now, connection, outcome);
                break;
            case ClientMessage.Reopen reopen:
                HandleReopen(connection, reopen);
                break;
            case ClientMessage.Release release:
                HandleRelease(now, connection, release.Session);
                break;
            case ClientMessage.Peers:
                SendPeers(connection);
                break;
        }
    }

    private static PeerId[] Sorted(ImmutableArray<PeerId> peers)
    {
        PeerId[] sorted = [.. peers.Distinct()];
        Array.Sort(sorted);
        return sorted;
    }

    private void HandleRegister(Instant now, ServerConnection connection, ClientMessage.Register register)
    {
        string? name = null;
        if ((TakeRoom(connection, register, out var room) ?? TakeName(now, connection, register.Name, out name)) is { } error)
        {
            Send(connection, new ServerMessage.Refused(error));
            return;
        }

        connection.LastActive = now;
        connection.Policy = register.Policy;
        SetCandidates(now, connection, register.List, register.Nat);
        connection.IsRegistered = true;
        Send(connection, new ServerMessage.Registered(name, connection.Candidates.Length));
        SetPresence(connection, name, register.Presence, room);
        _events.Enqueue(new RendezvousServerEvent.PeerRegistered(connection.Socket, connection.Peer, name));
    }

    private RendezvousError? TakeName(Instant now, ServerConnection connection, string? wanted, out string? name)
    {
        name = null;
        if (wanted is null) return null;
        if (!PeerName.IsValid(wanted)) return RendezvousError.InvalidName;
        string normal = PeerName.Normalize(wanted);
        bool isHeld = _names.TryFind(normal, out var holder);
        if (!isHeld && !_newNames.TryTake(now, CandidateRules.Site(connection.Remote))) return RendezvousError.RateLimited;
        bool isInUse = isHeld && holder != connection.Peer && _directory.Choose(holder, normal, instance: null) is not null;
        if (_names.Take(normal, connection.Peer, WallClock(now), isInUse, out var record) is { } error) return error;
        if (record is not null) _events.Enqueue(new RendezvousServerEvent.NameChanged(record));
        name = normal;
        return null;
    }

    private RendezvousError? TakeRoom(ServerConnection connection, ClientMessage.Register register, out Room? room)
    {
        room = null;
        if (register.Presence != PresenceMode.Room) return null;
        if (!_rooms.TryGetValue(register.Room!, out room))
        {
            if (_rooms.Count >= _options.MaxRooms) return RendezvousError.RoomFull;
            room = new Room(register.Room!);
        }

        return room.Members.Count >= _options.MaxRoomMembers && !room.Members.Contains(connection) ? RendezvousError.RoomFull : null;
    }

    private void SetCandidates(Instant now, ServerConnection connection, ImmutableArray<CandidateInfo> candidates, NatFacts nat)
    {
        TakeProofs(now, connection, candidates);
        connection.Candidates = CandidateRules.Keep(candidates, connection, now);
        connection.Nat = nat;
    }

    /// <summary>Remembers the hosts that the candidates prove. A token is for this peer alone, whatever connection it comes over.</summary>
    private void TakeProofs(Instant now, ServerConnection connection, ImmutableArray<CandidateInfo> candidates)
    {
        var wallClock = WallClock(now);
        foreach (var candidate in candidates)
        {
            if (candidate.Proof.IsEmpty || candidate.Address.IsUnspecified) continue;
            if (!ReflexiveProof.TryVerify(_stunKey, connection.Peer, candidate.Address, candidate.Base, wallClock, candidate.Proof.Span)) continue;
            var proved = new ProvedHost(candidate.Address.Host, now + _options.ProofLifetime);
            connection.Proved = [proved, .. connection.Proved.Where(host => host.Host != proved.Host && host.Until > now).Take(MaxProvedHosts - 1)];
        }
    }

    private void SetPresence(ServerConnection connection, string? name, PresenceMode presence, Room? room)
    {
        bool isUnchanged = connection.Name == name && connection.Presence == presence && connection.Room == room
            && connection.Known.AsSpan().SequenceEqual(connection.PendingKnown ?? connection.Known) && connection.IsAnnounced;
        if (isUnchanged) return;
        LeavePresence(connection);
        connection.Name = name;
        connection.Presence = presence;
        connection.Room = room;
        connection.Known = connection.PendingKnown ?? connection.Known;
        connection.PendingKnown = null;
        if (room is not null) _rooms[room.Name] = room;
        bool isFirst = room?.Add(connection) ?? !IsElsewhere(connection);
        connection.IsAnnounced = true;
        if (isFirst) Announce(connection, isOnline: true);
    }

    private void LeavePresence(ServerConnection connection)
    {
        if (!connection.IsAnnounced) return;
        connection.IsAnnounced = false;
        var room = connection.Room;
        bool isLast = room?.Remove(connection) ?? !IsElsewhere(connection);
        if (isLast) Announce(connection, isOnline: false);
        if (room is { Members.Count: 0 }) _rooms.Remove(room.Name);
    }

    /// <summary>Whether another instance of the peer is seen by the same others.</summary>
    private bool IsElsewhere(ServerConnection connection)
    {
        for (var other = _directory.Find(connection.Peer); other is not null; other = other.Sibling)
        {
            if (other != connection && other.IsAnnounced && (other.Presence == connection.Presence || (_options.PublicPresence && other.Room is null))) return true;
        }

        return false;
    }

    private void Announce(ServerConnection connection, bool isOnline)
    {
        var message = new ServerMessage.Presence(connection.ToInfo(), isOnline);
        foreach (var other in Watchers(connection)) Send(other, message);
    }

    /// <summary>The connections that see a connection, and that it sees.</summary>
    private IEnumerable<ServerConnection> Watchers(ServerConnection connection)
    {
        if (_options.PublicPresence && connection.Room is null) return Instances(_directory.All).Where(other => other.Peer != connection.Peer && other.IsRegistered && other.Room is null);
        return connection.Presence switch
        {
            PresenceMode.None => [],
            PresenceMode.Room => connection.Room!.Members.Where(other => other.Peer != connection.Peer),
            PresenceMode.Known => Instances(connection.Known.Select(_directory.Find).OfType<ServerConnection>()).Where(other =>
                other.IsAnnounced && other.Presence == PresenceMode.Known && other.Peer != connection.Peer && other.KnowsPeer(connection.Peer)),
        };
    }

    private static IEnumerable<ServerConnection> Instances(IEnumerable<ServerConnection> firsts)
    {
        foreach (var first in firsts)
        {
            for (var connection = first; connection is not null; connection = connection.Sibling) yield return connection;
        }
    }

    private void SendPeers(ServerConnection connection)
    {
        PeerInfo[] peers = [.. Watchers(connection).Take(_options.MaxListedPeers).Select(other => other.ToInfo()).Distinct()];
        int sent = 0;
        do
        {
            int count = Math.Min(RendezvousLimits.MaxPeersPerMessage, peers.Length - sent);
            Send(connection, new ServerMessage.PeerList([.. peers.AsSpan(sent, count)], Last: sent + count == peers.Length));
            sent += count;
        }
        while (sent < peers.Length);
    }
}
