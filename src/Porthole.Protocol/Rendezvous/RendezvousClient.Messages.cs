using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What the server says. It is believed as far as it can be checked: a server that breaks the rules is left.</summary>
public sealed partial class RendezvousClient
{
    /// <summary>The most peers of one list: ten times what a server sends.</summary>
    private const int MaxPeersListed = 10_000;

    /// <summary>How long before proofs are sent again though nothing changed: well within the 10 minutes that a server keeps them.</summary>
    private static readonly TimeSpan s_renewal = TimeSpan.FromMinutes(4);

    /// <summary>The most sessions that are asked about at a time: more than an honest server lets through before it gives up on the first.</summary>
    private const int MaxIncoming = 256;

    private ImmutableArray<PeerInfo>.Builder? _peers;
    private Instant? _candidatesSentAt;
    private ImmutableArray<CandidateInfo> _sent = [];
    private int _usable;
    private bool _hasListed;

    private void HandleControl(Instant now, Span<byte> message)
    {
        if (message is not [(byte)MainMessageKind.Control, ..])
        {
            Violated(now);
            return;
        }

        var body = message[1..];
        if (!_channel!.TryOpen(body, body, out int length) || !RendezvousCodec.TryDecode(body[..length], out ServerMessage? control))
        {
            Violated(now);
            return;
        }

        _seen++;
        if (IsOnline) NoteLife(now);
        HandleMessage(now, control);
    }

    private void HandleMessage(Instant now, ServerMessage message)
    {
        switch (message)
        {
            case ServerMessage.Refused refused:
                HandleRefused(now, refused);
                break;
            case ServerMessage.Welcome welcome when _state == State.Greeting && welcome.Version == RendezvousLimits.Version:
                HandleWelcome(now, welcome);
                break;
            case ServerMessage.Ping ping when IsOnline:
                Enqueue(now, new ClientMessage.Pong(ping.Stamp));
                break;
            case ServerMessage.Pong pong when IsOnline:
                if (pong.Stamp == _stamp) (RoundTrip, _answered) = (now - _stampedAt, _stamp); // a sign of life, as every message is
                if (pong.Stamp >= _allowStamp) TellAllowed();
                break;
            case ServerMessage.Credential credential when IsOnline:
                _events.Enqueue(new RendezvousEvent.StunAccessChanged(credential.Access));
                break;
            case ServerMessage.Registered registered when IsOnline:
                HandleRegistered(now, registered);
                break;
            case ServerMessage.SessionBegun { Push: var push } when IsRegistered:
                HandlePush(now, push);
                break;
            case ServerMessage.Superseded superseded when IsRegistered:
                if (_meetings.ContainsKey(superseded.Own)) _met[superseded.By] = superseded.Own; // the push comes next, or is asked for again
                if (!_pending.Remove(superseded.Own)) break;
                _accepted.Add(superseded.By);
                _events.Enqueue(new RendezvousEvent.Superseded(superseded.Own, superseded.By));
                break;
            case ServerMessage.Incoming incoming when IsRegistered:
                if (incoming.Key.Equals(_identity.PublicKey) || _registration?.Accept != AcceptPolicy.Ask) break;
                if (_incoming.Count < MaxIncoming && _incoming.Add(incoming.Session)) _events.Enqueue(new RendezvousEvent.Incoming(incoming.Session, incoming.Key, incoming.Name, incoming.Instance));
                break;
            case ServerMessage.Ringing ringing when IsRegistered:
                if (_pending.ContainsKey(ringing.Session)) _events.Enqueue(new RendezvousEvent.Ringing(ringing.Session));
                break;
            case ServerMessage.Waiting waiting when IsRegistered:
                if (_meetings.ContainsKey(waiting.Session)) _events.Enqueue(new RendezvousEvent.Waiting(waiting.Session));
                break;
            case ServerMessage.Candidates candidates when IsRegistered:
                HandleCandidates(candidates);
                break;
            case ServerMessage.Restarted restarted when IsRegistered:
                HandleRestarted(now, restarted);
                break;
            case ServerMessage.Reopened reopened when IsRegistered:
                if (!_sessions.TryGetValue(reopened.Session, out var session) || reopened.Generation < session.Generation) break;
                if (reopened.Generation > session.Generation) session.Begin(reopened.Generation);
                _events.Enqueue(new RendezvousEvent.Reopened(reopened.Session, reopened.Generation));
                break;
            case ServerMessage.Closed closed when IsRegistered:
                HandleClosed(closed);
                break;
            case ServerMessage.Presence presence when IsRegistered:
                _events.Enqueue(new RendezvousEvent.Presence(presence.Peer, presence.Online));
                break;
            case ServerMessage.PeerList list when IsRegistered:
                HandlePeers(now, list);
                break;
            default:
                Violated(now);
                break;
        }
    }

    private void Violated(Instant now) => Disconnect(now, RendezvousError.ProtocolViolation, "", atOnce: false);

    private void HandleRefused(Instant now, ServerMessage.Refused refused)
    {
        if (refused.Session is { } session)
        {
            bool isKnown = _sessions.ContainsKey(session);
            if (refused.Error == RendezvousError.UnknownSession) _sessions.Remove(session); // else it goes on: only the request failed
            if (isKnown | _pending.Remove(session) | _meetings.Remove(session) | _incoming.Remove(session) | _accepted.Remove(session))
                _events.Enqueue(new RendezvousEvent.Refused(refused.Error, session));
            return;
        }

        bool isAboutRegistration = IsOnline && refused.Error is RendezvousError.NameTaken or RendezvousError.InvalidName or RendezvousError.TooManyNames
            or RendezvousError.RoomFull or RendezvousError.RateLimited or RendezvousError.NotRegistered;
        if (isAboutRegistration) _events.Enqueue(new RendezvousEvent.Refused(refused.Error, null));
        else Disconnect(now, refused.Error, "", atOnce: false); // the server closes after these
    }

    private void HandleWelcome(Instant now, ServerMessage.Welcome welcome)
    {
        _state = State.Online;
        _wasOnline = true;
        _attempt = 0;
        _deadlines[Alarm.ConnectTimeout] = null;
        NoteLife(now);
        bool isInside = _server.IsPrivate || _server.IsLoopback;
        var stun = welcome.Stun
            .Select(address => address.IsUnspecified ? _server.WithPort(address.Port) : address)
            .Where(address => CandidateRules.IsSane(address) && (isInside || !(address.IsPrivate || address.IsLoopback)))
            .ToImmutableArray();
        _events.Enqueue(new RendezvousEvent.Welcomed(_local, _server, welcome.Observed, stun, welcome.Access));
        if (_registration is not null) SendRegistration(now);
    }

    private void SendRegistration(Instant now)
    {
        var registration = _registration!;
        if (_hasListed || !registration.Allowed.IsEmpty) Enqueue(now, new ClientMessage.Allow(registration.Allowed));
        if (_hasListed || !registration.KnownPeers.IsEmpty) Enqueue(now, new ClientMessage.Know(registration.KnownPeers));
        _hasListed |= !registration.Allowed.IsEmpty || !registration.KnownPeers.IsEmpty;
        string? room = registration.Presence == PresenceMode.Room ? registration.Room : null;
        Enqueue(now, new ClientMessage.Register(
            registration.Name, registration.Accept, registration.Presence, room, registration.Candidates, registration.Nat));
        NoteSent(now);
    }

    private void SendCandidates(Instant now)
    {
        Enqueue(now, new ClientMessage.Update(_registration!.Candidates, _registration.Nat));
        NoteSent(now);
    }

    private void NoteSent(Instant now)
    {
        _candidatesSentAt = now;
        _sent = _registration!.Candidates;
        _usable = _sent.Length;
    }

    private void HandleRegistered(Instant now, ServerMessage.Registered registered)
    {
        // New proofs for the same candidates were held back while the answer was on its way: a server that is new itself could not use the old ones.
        if (registered.Usable < _sent.Length && _sent != _registration!.Candidates) SendCandidates(now);
        else _usable = registered.Usable;
        bool isFirst = !IsRegistered;
        _state = State.Registered;
        _events.Enqueue(new RendezvousEvent.Registered(registered.Name, registered.Usable));
        if (!isFirst) return;
        foreach (var (session, pending) in _pending) SendConnect(now, session, pending);
        foreach (var (session, pending) in _meetings) SendMeet(now, session, pending);
    }

    private void SendMeet(Instant now, SessionId session, PendingMeeting pending) => Enqueue(now, new ClientMessage.Meet(session, pending.Code, pending.Offer));

    private void SendConnect(Instant now, SessionId session, PendingConnect pending) =>
        Enqueue(now, new ClientMessage.Connect(session, pending.Target.Dialled, pending.Target.Instance, pending.Offer, _seen));

    private void HandlePush(Instant now, SessionPush push)
    {
        if (push.RemoteKey.Equals(_identity.PublicKey) || push.Plan.Controlling != _identity.PeerId < push.Remote)
        {
            Violated(now);
            return;
        }

        bool wasAsked = _incoming.Remove(push.Session);
        if (_sessions.ContainsKey(push.Session)) return; // a replay: what comes again within one connection is not new
        if (MeetingOf(push) is { } meeting)
        {
            // A stranger is let in whatever the accept policy says: this side has asked for one.
            if (push.Dialled != MeetingDialled.Of(_meetings[meeting].Code))
            {
                Violated(now);
                return;
            }

            _meetings.Remove(meeting);
            if (_met.Remove(push.Session)) _events.Enqueue(new RendezvousEvent.Superseded(meeting, push.Session));
        }
        else if (push.IsInitiator)
        {
            if (!_pending.TryGetValue(push.Session, out var pending)) return; // taken back meanwhile
            // Who was dialled by id is that peer and no other.
            if (pending.Target.Dialled != push.Dialled || (PeerId.TryParse(push.Dialled, out var dialled) && dialled != push.Remote))
            {
                Violated(now);
                return;
            }

            _pending.Remove(push.Session);
        }
        else if (!Accepts(push))
        {
            Enqueue(now, new ClientMessage.Release(push.Session));
            if (wasAsked) _events.Enqueue(new RendezvousEvent.SessionClosed(push.Session, SessionCloseReason.Released)); // there is nothing left to answer
            return;
        }
        else if (FindOwnConnect(push) is { } own)
        {
            // Both connected at once, and theirs came first: the session that is pushed lives, whoever has the lower id. The server says so too, in a moment.
            _pending.Remove(own);
            _events.Enqueue(new RendezvousEvent.Superseded(own, push.Session));
        }

        var session = new ClientSession(push.Remote, push.Plan.Generation);
        _sessions[push.Session] = session;
        _events.Enqueue(new RendezvousEvent.SessionPushed(push with { Plan = Filtered(session, push.Plan) }));
    }

    /// <summary>This side's own meeting that a push is the end of.</summary>
    private SessionId? MeetingOf(SessionPush push)
    {
        if (push.IsInitiator) return _meetings.ContainsKey(push.Session) ? push.Session : null;
        return _met.TryGetValue(push.Session, out var own) && _meetings.ContainsKey(own) ? own : null;
    }

    /// <summary>The own check of the own policy: the server's is a service, not a guard.</summary>
    private bool Accepts(SessionPush push)
    {
        bool wasAccepted = _accepted.Remove(push.Session);
        return _registration?.Accept switch
        {
            AcceptPolicy.Anyone => true,
            AcceptPolicy.Known => _registration.Allowed.Contains(push.Remote),
            AcceptPolicy.Ask => wasAccepted || _registration.Allowed.Contains(push.Remote),
            AcceptPolicy.Nobody or null => false,
        };
    }

    /// <summary>This side's own unanswered connect to the peer that a push is from.</summary>
    private SessionId? FindOwnConnect(SessionPush push)
    {
        string id = push.Remote.ToString();
        foreach (var (session, pending) in _pending)
        {
            if (pending.Target.Instance is { } instance && instance != push.RemoteInstance) continue;
            string dialled = pending.Target.Dialled;
            if (string.Equals(dialled, id, StringComparison.OrdinalIgnoreCase)) return session;
            if (string.Equals(dialled, push.RemoteName, StringComparison.OrdinalIgnoreCase)) return session;
        }

        return null;
    }

    private PunchPlan Filtered(ClientSession session, PunchPlan plan) =>
        plan with { Candidates = session.Filter(plan.Candidates, _registration?.Candidates ?? [], _server) };

    private void HandleCandidates(ServerMessage.Candidates message)
    {
        if (!_sessions.TryGetValue(message.Session, out var session) || session.Generation != message.Generation) return; // stale
        var candidates = session.Filter(message.List, _registration?.Candidates ?? [], _server);
        if (!candidates.IsEmpty) _events.Enqueue(new RendezvousEvent.CandidatesReceived(message.Session, message.Generation, candidates));
    }

    private void HandleRestarted(Instant now, ServerMessage.Restarted restarted)
    {
        if (!_sessions.TryGetValue(restarted.Session, out var session) || restarted.Plan.Generation <= session.Generation) return; // stale
        if (restarted.Plan.Controlling != _identity.PeerId < session.Remote)
        {
            Violated(now);
            return;
        }

        if (!session.TryTakeRestart(now)) return; // an honest server makes fewer
        session.Begin(restarted.Plan.Generation);
        _events.Enqueue(new RendezvousEvent.Restarted(restarted.Session, Filtered(session, restarted.Plan)));
    }

    private void HandleClosed(ServerMessage.Closed closed)
    {
        bool isKnown = closed.Reason == SessionCloseReason.PeerDisconnected
            ? _sessions.ContainsKey(closed.Session) // it waits at the server to be opened again
            : _sessions.Remove(closed.Session);
        if (isKnown | _incoming.Remove(closed.Session) | _accepted.Remove(closed.Session))
            _events.Enqueue(new RendezvousEvent.SessionClosed(closed.Session, closed.Reason));
    }

    private void HandlePeers(Instant now, ServerMessage.PeerList list)
    {
        _peers ??= ImmutableArray.CreateBuilder<PeerInfo>();
        _peers.AddRange(list.List);
        if (_peers.Count > MaxPeersListed)
        {
            Violated(now);
        }
        else if (list.Last)
        {
            _events.Enqueue(new RendezvousEvent.PeersListed(_peers.DrainToImmutable()));
            _peers = null;
        }
    }
}
