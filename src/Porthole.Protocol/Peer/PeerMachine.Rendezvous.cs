using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>What the server says, and who is let in.</summary>
public sealed partial class PeerMachine
{
    private readonly CallGuard _calls;
    private readonly Registrar _registrar;

    /// <summary>Takes what the parts have to say until all are silent.</summary>
    private void Pump(Instant now)
    {
        _now = now;
        bool more = true;
        while (more)
        {
            more = _registrar.Pump(now, _links);
            while (_context.Rendezvous.TryTakeEvent(out var rendezvousEvent))
            {
                HandleRendezvousEvent(now, rendezvousEvent);
                more = true;
            }
        }
    }

    private void HandleRendezvousEvent(Instant now, RendezvousEvent rendezvousEvent)
    {
        switch (rendezvousEvent)
        {
            case RendezvousEvent.Welcomed welcomed:
                _registrar.HandleWelcomed(now, welcomed);
                break;
            case RendezvousEvent.StunAccessChanged changed:
                _registrar.HandleAccess(now, changed.Access);
                break;
            case RendezvousEvent.Registered registered:
                _registrar.HandleRegistered(now, registered);
                foreach (var link in _links) link.Reopen(now);
                break;
            case RendezvousEvent.Disconnected disconnected:
                _registrar.HandleDisconnected(disconnected);
                _context.IsRelayCongested = false;
                foreach (var link in _links) link.HandleServerLost(now);
                break;
            case RendezvousEvent.Refused { Session: { } session } refused:
                Find(session)?.HandleRefused(now, refused.Error);
                break;
            case RendezvousEvent.Refused refused:
                _registrar.HandleRefused(refused.Error);
                break;
            case RendezvousEvent.SessionPushed pushed:
                HandlePush(now, pushed.Push);
                break;
            case RendezvousEvent.Superseded superseded:
                HandleSuperseded(now, superseded);
                break;
            case RendezvousEvent.Incoming incoming:
                HandleIncoming(now, incoming);
                break;
            case RendezvousEvent.Ringing ringing:
                Find(ringing.Session)?.HandleRinging(now);
                break;
            case RendezvousEvent.Waiting waiting:
                Find(waiting.Session)?.HandleWaiting(now);
                break;
            case RendezvousEvent.CandidatesReceived received:
                Find(received.Session)?.HandleCandidates(now, received.Generation, received.Candidates);
                break;
            case RendezvousEvent.Restarted restarted:
                Find(restarted.Session)?.HandleRestarted(now, restarted.Plan);
                break;
            case RendezvousEvent.Reopened reopened:
                if (_context.Rendezvous.Socket is { } main) Find(reopened.Session)?.HandleReopened(now, main, reopened.Generation);
                break;
            case RendezvousEvent.SessionClosed closed:
                Find(closed.Session)?.HandleSessionClosed(now, closed.Reason);
                break;
            case RendezvousEvent.Presence presence:
                _context.Events.Enqueue(new PeerEvent.PresenceChanged(presence.Peer, presence.Online));
                break;
            case RendezvousEvent.PeersListed listed:
                _context.Events.Enqueue(new PeerEvent.PeersListed(listed.Peers));
                break;
            case RendezvousEvent.AllowListTaken:
                _context.Events.Enqueue(new PeerEvent.AllowListTaken());
                break;
            case RendezvousEvent.ServerKeyLearned learned:
                _context.Events.Enqueue(new PeerEvent.ServerKeyLearned(learned.Key));
                break;
            case RendezvousEvent.ServerKeyMismatch:
                break; // the Disconnected that follows says it
        }
    }

    private void HandleSuperseded(Instant now, RendezvousEvent.Superseded superseded)
    {
        if (Find(superseded.Own) is not { } own) return;
        var other = Find(superseded.By);
        if (other is { IsUnanswered: true })
        {
            // To call back is to answer: the caller's session goes on as this side's own call, which is the one that the program waits for.
            StopRinging(other, PeerError.Closed, "The call was answered by calling back.");
            other = null;
        }

        own.HandleSuperseded(now, superseded.By, isElsewhere: other is not null);
    }

    private void StopRinging(PeerLink link, PeerError error, string text)
    {
        link.StopRinging(error, text);
        _links.Remove(link);
    }

    private void HandlePush(Instant now, SessionPush push)
    {
        if (_context.Rendezvous.Socket is not { } main) return;
        if (Find(push.Session) is { } link)
        {
            if (!link.IsUnanswered)
            {
                link.HandlePush(now, push, main);
                return;
            }

            // It begins without the program's yes, and is judged like a call that nobody was asked about.
            StopRinging(link, PeerError.Refused, "The call ended before it was answered.");
        }

        if (push.IsInitiator)
        {
            _context.Rendezvous.Release(now, push.Session); // a call that was taken back meanwhile
            return;
        }

        if (FindOwnCall(push.Remote, push.RemoteName) is { } own)
        {
            // Both called at once, and the server's push says whose call lives: this side's connection goes on with it.
            own.HandleSuperseded(now, push.Session, isElsewhere: false);
            own.HandlePush(now, push, main);
            return;
        }

        if ((_calls.Judge(now, push.RemoteKey, push.RemoteName) ?? JudgeRoom(push.RemoteName)) is { } problem)
        {
            _context.Rendezvous.Release(now, push.Session);
            TurnAway(push.Remote, push.RemoteName, problem);
            return;
        }

        // The oldest gives way: whoever is real has had the time to show it.
        if (_links.Count(static other => other.IsHalfOpen) >= CallGuard.MaxHalfOpen)
            _links.Find(static other => other is { IsHalfOpen: true, Session: not null })?.GiveUp(now);
        var answered = PeerLink.Answer(_context, push);
        _links.Add(answered);
        answered.HandlePush(now, push, main);
    }

    private void HandleIncoming(Instant now, RendezvousEvent.Incoming incoming)
    {
        if (Find(incoming.Session) is not null) return;

        // Both called at once: this side's own call is on its way to the server, and is the answer that it waits for.
        if (FindOwnCall(incoming.Key.PeerId, incoming.Name) is { IsRinging: false }) return;
        if ((_calls.JudgeAsked(now, incoming.Key, incoming.Name) ?? JudgeRoom(incoming.Name) ?? JudgeRinging(incoming.Name)) is { } problem)
        {
            _context.Rendezvous.Refuse(now, incoming.Session);
            TurnAway(incoming.Key.PeerId, incoming.Name, problem);
            return;
        }

        var link = PeerLink.Ring(_context, now, incoming.Session, incoming.Key, incoming.Name);
        _links.Add(link);
        _context.Events.Enqueue(new PeerEvent.Incoming(link.Handle, incoming.Key, incoming.Name));
    }

    private CallProblem? JudgeRoom(string? name) => _links.Count(static link => link.IsIncoming) < _context.Options.MaxIncoming
        ? null
        : new CallProblem(
            PeerError.LimitReached,
            $"A call from {name ?? "a peer without a name"} was turned away: {_context.Options.MaxIncoming} callers are connected already.");

    // Calls that ring are before a person's eyes: the ones that came first stay.
    private CallProblem? JudgeRinging(string? name) => _links.Count(static link => link.IsHalfOpen) < CallGuard.MaxHalfOpen
        ? null
        : new CallProblem(
            PeerError.LimitReached,
            $"A call from {name ?? "a peer without a name"} was turned away: {CallGuard.MaxHalfOpen} others wait for an answer.");

    private void TurnAway(PeerId peer, string? name, CallProblem problem) =>
        _context.Events.Enqueue(new PeerEvent.TurnedAway(peer, name, problem.Error, problem.Text));

    /// <summary>This side's own unanswered call to a peer that calls: known by key, or at first contact by the name that was dialled.</summary>
    private PeerLink? FindOwnCall(PeerId caller, string? callerName) => _links.Find(link => link is { IsIncoming: false, Session: null, IsOver: false }
        && (link.Remote is { } remote ? remote == caller : link.Name is { } name && callerName is not null && PeerName.Normalize(name) == PeerName.Normalize(callerName)));
}
