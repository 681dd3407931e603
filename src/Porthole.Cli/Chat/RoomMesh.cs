using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Chat;

/// <summary>
/// Who is in a room, and whom this peer calls when, so that every two of a room have one connection. Of two the one who was there first calls. Who comes later waits, and
/// calls only if nothing came. It decides and does nothing: times are given to it.
/// </summary>
internal sealed class RoomMesh(PeerId self)
{
    /// <summary>The most peers in a mesh, this one among them: everyone sends each line to everyone, and keeps a path alive to each.</summary>
    public const int MaxPeers = 32;

    /// <summary>How long those who were there first have for their call: several times what one takes.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>How long after the end of a connection the lower id calls again; the higher waits twice as long. Whoever leaves is gone from the room by then.</summary>
    public static readonly TimeSpan Redial = TimeSpan.FromSeconds(2);

    /// <summary>The longest pause between calls that fail.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Dictionary<PeerId, Member> _members = [];
    private readonly Dictionary<PeerId, int> _links = [];
    private readonly HashSet<PeerId> _stale = [];

    /// <summary>Whether the server has said who is here.</summary>
    public bool IsListed { get; private set; }

    /// <summary>Whether there is no place for one more connection.</summary>
    public bool IsFull => _links.Count + _members.Values.Count(member => member.IsCalling && !_links.ContainsKey(member.Info.Peer)) >= MaxPeers - 1;

    /// <summary>Whether everybody who is here is connected, or was found not to be reachable.</summary>
    public bool IsSettled => IsListed && _members.Values.All(member => _links.ContainsKey(member.Info.Peer) || member.Trouble is not null);

    /// <summary>Those who are here and not connected, with the reason as far as there is one.</summary>
    public IReadOnlyList<(PeerInfo Peer, string? Trouble)> Missing => [.. _members.Values.Where(member => !_links.ContainsKey(member.Info.Peer)).Select(static member => (member.Info, member.Trouble))];

    /// <summary>When <see cref="TryTakeDue"/> or <see cref="TryTakeExcess"/> has somebody next; null for never.</summary>
    public TimeSpan? WakeAt => Waiting.Where(member => !IsFull || member.Trouble is null).Select(static member => (TimeSpan?)member.NextCall).Min();

    private IEnumerable<Member> Waiting => _members.Values.Where(member => !member.IsCalling && !_links.ContainsKey(member.Info.Peer));

    /// <summary>Whether somebody is in the room.</summary>
    public bool Holds(PeerId peer) => _members.ContainsKey(peer);

    /// <summary>The server has said who is here.</summary>
    /// <param name="peers">All of them but this one.</param>
    /// <param name="askedAt">When the server was asked: who came since may be missing in the answer.</param>
    /// <param name="now">The time.</param>
    public void Listed(IReadOnlyCollection<PeerInfo> peers, TimeSpan askedAt, TimeSpan now)
    {
        IsListed = true;
        foreach (var member in _members.Values.Where(member => member.Since < askedAt && !peers.Any(peer => peer.Peer == member.Info.Peer)).ToArray()) Left(member.Info.Peer);
        foreach (var peer in peers.Where(peer => !_members.ContainsKey(peer.Peer))) Add(peer, now, now + Grace);
    }

    /// <summary>Somebody came after this peer, and is called.</summary>
    public void Arrived(PeerInfo peer, TimeSpan now) => Add(peer, now, now);

    /// <summary>Somebody is not in the room any more. A connection to them may live on, if only the server has lost them.</summary>
    public void Left(PeerId peer)
    {
        _members.Remove(peer);
        if (_links.ContainsKey(peer)) _stale.Add(peer);
    }

    /// <summary>A peer is connected, whoever called.</summary>
    /// <returns>Whether an older connection to them is of a run that has ended: they went and came back since.</returns>
    public bool Connected(PeerId peer)
    {
        bool isBack = _links.ContainsKey(peer) && _stale.Remove(peer);
        _links[peer] = _links.GetValueOrDefault(peer) + 1;
        if (_members.TryGetValue(peer, out var member)) (member.IsCalling, member.Failures, member.Trouble) = (false, 0, null);
        return isBack;
    }

    /// <summary>A connection is over.</summary>
    /// <param name="peer">To whom.</param>
    /// <param name="now">The time.</param>
    public void Ended(PeerId peer, TimeSpan now)
    {
        int left = _links.GetValueOrDefault(peer) - 1;
        if (left > 0)
        {
            _links[peer] = left;
            return;
        }

        _links.Remove(peer);
        _stale.Remove(peer);
        if (_members.TryGetValue(peer, out var member)) member.NextCall = now + (self < peer ? Redial : 2 * Redial);
    }

    /// <summary>A call came to nothing, or to something that is no chat.</summary>
    /// <returns>Whether the reason is news.</returns>
    public bool Failed(PeerId peer, PeerError error, string reason, TimeSpan now)
    {
        if (!_members.TryGetValue(peer, out var member)) return false; // who has left meanwhile need not be reached
        if (error is PeerError.PeerOffline or PeerError.UnknownPeer)
        {
            Left(peer);
            return false;
        }

        if (_links.ContainsKey(peer))
        {
            member.IsCalling = false; // they have called meanwhile
            return false;
        }

        bool isNews = member.Trouble != reason;
        member.IsCalling = false;
        member.Trouble = reason;
        member.NextCall = now + TimeSpan.FromTicks(Math.Min(Redial.Ticks << Math.Min(member.Failures++, 8), LongestPause.Ticks));
        return isNews;
    }

    /// <summary>Takes somebody who is to be called now.</summary>
    public bool TryTakeDue(TimeSpan now, out PeerInfo peer)
    {
        var due = IsFull ? null : Waiting.FirstOrDefault(member => member.NextCall <= now);
        peer = due?.Info!;
        if (due is null) return false;
        due.IsCalling = true;
        return true;
    }

    /// <summary>Takes somebody for whom there is no place, once; they are called when there is one.</summary>
    public bool TryTakeExcess(TimeSpan now, out PeerInfo peer)
    {
        var excess = IsFull ? Waiting.FirstOrDefault(member => member.NextCall <= now && member.Trouble is null) : null;
        peer = excess?.Info!;
        if (excess is null) return false;
        excess.Trouble = $"a mesh has at most {MaxPeers} peers";
        return true;
    }

    /// <summary>A call is over, however it ended; where that was told already, nothing happens.</summary>
    public void CallEnded(PeerId peer, TimeSpan now)
    {
        if (!_members.TryGetValue(peer, out var member) || !member.IsCalling) return;
        (member.IsCalling, member.NextCall) = (false, now + Redial);
    }

    private void Add(PeerInfo peer, TimeSpan now, TimeSpan call)
    {
        bool isCalling = _members.TryGetValue(peer.Peer, out var known) && known.IsCalling;
        _members[peer.Peer] = new Member(peer, now) { NextCall = call, IsCalling = isCalling };
    }

    private sealed class Member(PeerInfo info, TimeSpan since)
    {
        public PeerInfo Info { get; } = info;

        public TimeSpan Since { get; } = since;

        public TimeSpan NextCall { get; set; }

        public bool IsCalling { get; set; }

        public int Failures { get; set; }

        public string? Trouble { get; set; }
    }
}
