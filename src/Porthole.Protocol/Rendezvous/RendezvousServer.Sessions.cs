namespace Porthole.Protocol.Rendezvous;

/// <summary>Introducing two peers to each other.</summary>
public sealed partial class RendezvousServer
{
    private readonly RateLimiter<(PeerId, PeerId)> _connectsToOne;
    private readonly RateLimiter<PeerId> _connectsToAll;
    private readonly RateLimiter<PeerId> _callsTo;

    private void HandleConnect(Instant now, ServerConnection caller, ClientMessage.Connect connect)
    {
        if (TryPrepare(now, caller, connect, out var callee) is { } error)
        {
            Send(caller, new ServerMessage.Refused(error, connect.Session));
            return;
        }

        if (FindCrossing(caller, callee!, connect) is { } crossing)
        {
            Send(caller, new ServerMessage.Superseded(connect.Session, crossing.Id));
            if (crossing.IsRinging) Begin(now, crossing); // wanting the same is an answer
            return;
        }

        if (Find(callee!, connect.Session) is { } known)
        {
            Revive(now, caller, callee!, known, connect);
            return;
        }

        bool asks = callee!.Policy == AcceptPolicy.Ask && !callee.Allows(caller.Peer);
        if (callee.Policy == AcceptPolicy.Nobody || (callee.Policy == AcceptPolicy.Known && !callee.Allows(caller.Peer)))
        {
            Send(caller, new ServerMessage.Refused(RendezvousError.RefusedByPolicy, connect.Session));
            return;
        }

        if (!HasRoom(caller) || !HasRoom(callee))
        {
            Send(caller, new ServerMessage.Refused(RendezvousError.TooManySessions, connect.Session));
            return;
        }

        var session = new ServerSession(connect.Session, caller.Peer, callee.Peer) { Dialled = connect.Target, Offer = connect.Offer };
        Attach(session, session.First, caller);
        Attach(session, session.Second, callee);
        if (asks) Ask(now, session);
        else Begin(now, session);
    }

    /// <summary>Finds whom a connect is for, and whether it may be made at all.</summary>
    private RendezvousError? TryPrepare(Instant now, ServerConnection caller, ClientMessage.Connect connect, out ServerConnection? callee)
    {
        callee = null;
        string? name = null;
        if (!_connectsToAll.TryTake(now, caller.Peer)) return RendezvousError.RateLimited;
        if (!PeerId.TryParse(connect.Target, out var peer))
        {
            if (!PeerName.IsValid(connect.Target)) return RendezvousError.InvalidName;
            name = PeerName.Normalize(connect.Target);
            if (!_names.TryFind(name, out peer)) return RendezvousError.UnknownPeer;
        }

        if (peer == caller.Peer) return RendezvousError.ConnectToSelf;
        if (!_connectsToOne.TryTake(now, (caller.Peer, peer))) return RendezvousError.RateLimited;
        callee = _directory.Choose(peer, name, connect.Instance);
        if (callee is null)
        {
            bool isKnown = name is not null || _directory.Find(peer) is not null || _names.Knows(peer);
            return isKnown ? RendezvousError.PeerOffline : RendezvousError.UnknownPeer;
        }

        if (!_callsTo.TryTake(now, peer)) return RendezvousError.RateLimited;
        return Find(caller, connect.Session) is null ? null : RendezvousError.SessionInUse;
    }

    /// <summary>
    /// Glare: a session that the other side has asked for, and that the caller did not know of when it sent its connect (or has not answered yet). How
    /// many messages the caller had seen decides, so that no clock has to.
    /// </summary>
    private static ServerSession? FindCrossing(ServerConnection caller, ServerConnection callee, ClientMessage.Connect connect)
    {
        if (caller.Sessions is null) return null;
        foreach (var session in caller.Sessions.Values)
        {
            if (session.Meeting is not null) continue; // who meets strangers has dialled nobody
            bool isFromCallee = session.Second.Connection == caller && session.First.Peer == callee.Peer && session.First.Connection is not null;
            bool isMeant = connect.Instance is null || session.First.Connection?.Instance == connect.Instance;
            if (isFromCallee && isMeant && (session.IsRinging || session.Second.ToldAt > connect.Seen)) return session;
        }

        return null;
    }

    /// <summary>The caller lost its connection before the push reached it, and asks again: the callee goes on with the session that it has.</summary>
    private void Revive(Instant now, ServerConnection caller, ServerConnection callee, ServerSession session, ClientMessage.Connect connect)
    {
        if (session.First.Peer != caller.Peer || session.Second.Connection != callee || session.First.Connection is not null || session.Meeting is not null || !HasRoom(caller))
        {
            Send(caller, new ServerMessage.Refused(RendezvousError.SessionInUse, connect.Session));
            return;
        }

        session.Dialled = connect.Target;
        PushAgain(now, session, session.First, caller);
    }

    /// <summary>A push that was lost with its connection is sent on the new one; the other side keeps its handshake, and gets a new plan and the relay back.</summary>
    private void PushAgain(Instant now, ServerSession session, SessionSide side, ServerConnection connection)
    {
        Attach(session, side, connection);
        session.Generation++;
        var (first, second) = Plans(now, session);
        SendPush(session, side, side == session.First ? first : second);
        (session.Offer, session.Dialled) = (null, "");
        var other = session.Other(side).Connection!;
        Send(other, new ServerMessage.Restarted(session.Id, side == session.First ? second : first));
        Open(session);
        Send(other, new ServerMessage.Reopened(session.Id, session.Generation));
    }

    private void Ask(Instant now, ServerSession session)
    {
        session.IsRinging = true;
        var (caller, callee) = (session.First.Connection!, session.Second.Connection!);
        Send(caller, new ServerMessage.Ringing(session.Id));
        Send(callee, new ServerMessage.Incoming(session.Id, caller.Key!, caller.Name, caller.Instance));
        _asked.Enqueue((now + _options.AskTimeout, session));
    }

    private void HandleAnswer(Instant now, ServerConnection callee, SessionId id, bool isAccepted)
    {
        if (Find(callee, id) is not { IsRinging: true } session || session.Second.Connection != callee)
        {
            // Taken back, timed out, or never asked: the answer comes too late.
            Send(callee, new ServerMessage.Refused(RendezvousError.UnknownSession, id));
        }
        else if (isAccepted)
        {
            Begin(now, session);
        }
        else
        {
            EndAsking(session, RendezvousError.RefusedByPeer, reason: null);
        }
    }

    private void EndAsking(ServerSession session, RendezvousError error, SessionCloseReason? reason)
    {
        session.IsRinging = false;
        if (session.First.Connection is { } caller) Send(caller, new ServerMessage.Refused(error, session.Id));
        if (session.Second.Connection is { } callee && reason is { } why) Send(callee, new ServerMessage.Closed(session.Id, why));
        Detach(session, session.First);
        Detach(session, session.Second);
    }

    /// <summary>THE push: everything, to both, at once.</summary>
    private void Begin(Instant now, ServerSession session)
    {
        session.IsRinging = false;
        var (first, second) = Plans(now, session);
        SendPush(session, session.First, first);
        SendPush(session, session.Second, second);
        session.Offer = null; // both have what they need
        session.Dialled = "";
        Open(session);
    }

    private void SendPush(ServerSession session, SessionSide side, PunchPlan plan)
    {
        bool isInitiator = side == session.First;
        var other = session.Other(side).Connection!;
        Send(side.Connection!, new ServerMessage.SessionBegun(new SessionPush(
            session.Id, isInitiator, other.Key!, other.Name, other.Instance, session.Dialled, isInitiator ? null : session.Offer, plan)));
        side.ToldAt = side.Connection!.MessagesQueued;
    }

    private (PunchPlan First, PunchPlan Second) Plans(Instant now, ServerSession session)
    {
        var hint = BeginOutcome(now, session);
        var firstCredentials = DrawCredentials();
        var secondCredentials = DrawCredentials();
        return (PlanFor(session.First, firstCredentials, secondCredentials), PlanFor(session.Second, secondCredentials, firstCredentials));

        PunchPlan PlanFor(SessionSide side, IceCredentialInfo local, IceCredentialInfo remote)
        {
            var (own, other) = (side.Connection!, session.Other(side).Connection!);
            var visible = CandidateRules.VisibleTo(own, other.Candidates, other, now);
            session.Other(side).BeginCandidates(visible);
            // The push takes r to arrive: who is nearer waits for the difference, so that both begin together.
            var ahead = (other.Rtt - own.Rtt) / 2;
            var delay = ahead <= TimeSpan.Zero ? TimeSpan.Zero : ahead < RendezvousLimits.MaxStartDelay ? ahead : RendezvousLimits.MaxStartDelay;
            return new PunchPlan(session.Generation, side.Peer < session.Other(side).Peer, local, remote, visible, other.Nat, delay, own.Rtt, other.Rtt)
            {
                OwnNat = own.Nat,
                Hint = hint,
                WantsOutcome = true,
            };
        }
    }

    private IceCredentialInfo DrawCredentials()
    {
        // RFC 8445 section 5.3: at least 24 and 128 bits; 48 and 144 here. Base64 is made of ice-chars.
        Span<byte> bytes = stackalloc byte[6 + 18];
        _entropy.Fill(bytes);
        return new IceCredentialInfo(Convert.ToBase64String(bytes[..6]), Convert.ToBase64String(bytes[6..]));
    }

    private void HandleCandidates(Instant now, ServerConnection sender, ClientMessage.Candidates message)
    {
        if (Find(sender, message.Session) is not { IsOpen: true } session || session.Generation != message.Generation) return; // stale
        var side = session.SideOf(sender);
        var receiver = session.Other(side).Connection!;
        TakeProofs(now, sender, message.List);
        var visible = CandidateRules.VisibleTo(receiver, CandidateRules.Keep(message.List, sender, now), sender, now).ToBuilder();
        for (int i = 0; i < visible.Count; i++)
        {
            if (!side.TryTakeCandidate(visible[i])) visible.RemoveAt(i--);
        }

        if (visible.Count > 0) Send(receiver, new ServerMessage.Candidates(session.Id, session.Generation, visible.DrainToImmutable()));
    }

    private void HandleRestart(Instant now, ServerConnection sender, ClientMessage.Restart restart)
    {
        var session = Find(sender, restart.Session);
        if (session is not { IsOpen: true })
        {
            Send(sender, new ServerMessage.Refused(session is null ? RendezvousError.UnknownSession : RendezvousError.PeerOffline, restart.Session));
            return;
        }

        if (session.Generation != restart.Generation) return; // both asked at once: the restart is on its way
        var next = Instant.Max(session.RestartsFullAt, now) + s_minute / _options.RestartsPerMinute;
        if (next - now > s_minute)
        {
            Send(sender, new ServerMessage.Refused(RendezvousError.RateLimited, restart.Session));
            return;
        }

        session.RestartsFullAt = next;
        session.Generation++;
        var (first, second) = Plans(now, session);
        Send(session.First.Connection!, new ServerMessage.Restarted(session.Id, first));
        Send(session.Second.Connection!, new ServerMessage.Restarted(session.Id, second));
    }

    private void HandleReopen(ServerConnection caller, ClientMessage.Reopen reopen)
    {
        if (reopen.Peer == caller.Peer)
        {
            Send(caller, new ServerMessage.Refused(RendezvousError.ConnectToSelf, reopen.Session));
            return;
        }

        if (Find(caller, reopen.Session) is { } own)
        {
            // Asked before: the answer is given now, or comes when the other side asks too.
            if (own.IsOpen && own.Other(own.SideOf(caller)).Peer == reopen.Peer) Send(caller, new ServerMessage.Reopened(own.Id, own.Generation));
            return;
        }

        if (!HasRoom(caller))
        {
            Send(caller, new ServerMessage.Refused(RendezvousError.TooManySessions, reopen.Session));
            return;
        }

        for (var other = _directory.Find(reopen.Peer); other is not null; other = other.Sibling)
        {
            // Only the session's own two peers: the counterpart holds it, and holds it with this peer, whose side is empty.
            if (Find(other, reopen.Session) is not { IsRinging: false, IsOpen: false } session) continue;
            var side = session.Other(session.SideOf(other));
            if (side.Peer != caller.Peer || side.Connection is not null) continue;
            session.Generation = Math.Max(session.Generation, reopen.Generation);
            Attach(session, side, caller);
            Open(session);
            Send(caller, new ServerMessage.Reopened(session.Id, session.Generation));
            Send(other, new ServerMessage.Reopened(session.Id, session.Generation));
            return;
        }

        var waiting = new ServerSession(reopen.Session, caller.Peer, reopen.Peer) { Generation = reopen.Generation };
        Attach(waiting, waiting.First, caller);
    }

    private void HandleRelease(Instant now, ServerConnection connection, SessionId id)
    {
        if (StopWaiting(connection, id) || Find(connection, id) is not { } session) return;
        Settle(now, session);
        End(session, session.SideOf(connection), SessionCloseReason.Released);
        if (session.Meeting is { } meeting) EndTrial(meeting, hasFailed: true);
    }

    /// <summary>Ends a session for both sides and tells the other one.</summary>
    private void End(ServerSession session, SessionSide side, SessionCloseReason reason)
    {
        Close(session);
        var other = session.Other(side);
        if (session.IsRinging && side == session.Second) Send(other.Connection!, new ServerMessage.Refused(RendezvousError.RefusedByPeer, session.Id));
        else if (other.Connection is { } connection) Send(connection, new ServerMessage.Closed(session.Id, reason));
        session.IsRinging = false;
        Detach(session, side);
        Detach(session, other);
    }

    /// <summary>A connection is gone: what it asked for ends, what was open waits for it at the other side.</summary>
    private void LeaveSessions(Instant now, ServerConnection connection)
    {
        if (connection.Sessions is null) return;
        foreach (var session in connection.Sessions.Values.ToArray())
        {
            Settle(now, session);
            var side = session.SideOf(connection);
            var other = session.Other(side).Connection;
            if (session.IsRinging && side == session.Second)
            {
                EndAsking(session, RendezvousError.PeerOffline, reason: null);
            }
            else if (session.IsRinging)
            {
                End(session, side, SessionCloseReason.Released);
            }
            else
            {
                Close(session);
                Detach(session, side);
                if (other is not null) Send(other, new ServerMessage.Closed(session.Id, SessionCloseReason.PeerDisconnected));
            }
        }
    }

    private void Open(ServerSession session)
    {
        var (first, second) = (session.First.Connection!, session.Second.Connection!);
        session.IsOpen = true;
        _router.Add(session.Id, first.Socket, first.Relayed ??= new RelayCounter(), second.Socket, second.Relayed ??= new RelayCounter());
        _events.Enqueue(new RendezvousServerEvent.RouteAdded(session.Id, first.Socket, second.Socket));
    }

    private void Close(ServerSession session)
    {
        if (!session.IsOpen) return;
        var (first, second) = (session.First.Connection!.Socket, session.Second.Connection!.Socket);
        session.IsOpen = false;
        _router.Remove(session.Id, first, second);
        _events.Enqueue(new RendezvousServerEvent.RouteRemoved(session.Id, first, second));
    }

    private static ServerSession? Find(ServerConnection connection, SessionId id) => connection.Sessions?.GetValueOrDefault(id);

    private static void Attach(ServerSession session, SessionSide side, ServerConnection connection)
    {
        side.Connection = connection;
        (connection.Sessions ??= [])[session.Id] = session;
    }

    private static void Detach(ServerSession session, SessionSide side)
    {
        if (side.Connection is not { } connection) return;
        side.Connection = null;
        connection.Sessions!.Remove(session.Id);
        if (connection.Sessions.Count == 0) connection.Sessions = null; // idle peers hold nothing
    }

    /// <summary>Whether a connection may have one more session; one that only waits for its other side gives way.</summary>
    private bool HasRoom(ServerConnection connection)
    {
        if (connection.Sessions is not { } sessions || sessions.Count < _options.MaxSessions) return true;
        foreach (var session in sessions.Values)
        {
            if (session.IsOpen || session.IsRinging) continue;
            Detach(session, session.SideOf(connection));
            return true;
        }

        return false;
    }
}
