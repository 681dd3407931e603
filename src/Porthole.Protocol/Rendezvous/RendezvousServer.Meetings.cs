namespace Porthole.Protocol.Rendezvous;

/// <summary>Bringing strangers together: the first who comes waits, the second completes the pair.</summary>
public sealed partial class RendezvousServer
{
    private readonly RateLimiter<TransportAddress> _meetsPerSite;
    private readonly MeetingPlace _lobby = new(code: null);
    private readonly Dictionary<string, MeetingPlace> _places = [];

    /// <summary>By who has asked under which number: both sides of every meeting that is not long ago.</summary>
    private readonly Dictionary<(PeerId, SessionId), Meeting> _meetings = [];

    /// <summary>How many codes the server remembers.</summary>
    internal int RememberedCodes => _places.Count;

    /// <summary>How many codes wait to be forgotten.</summary>
    internal int CodesToForget => _remembered.Count;

    private void HandleMeet(Instant now, ServerConnection comer, ClientMessage.Meet meet)
    {
        if (!_meetsPerSite.TryTake(now, CandidateRules.Site(comer.Remote)))
        {
            Send(comer, new ServerMessage.Refused(RendezvousError.RateLimited, meet.Session));
            return;
        }

        if (TryPushAgain(now, comer, meet)) return;
        if (TryEnter(comer, meet, out var place) is { } error)
        {
            Send(comer, new ServerMessage.Refused(error, meet.Session));
            return;
        }

        if (place!.Waiter is not { } waiter)
        {
            Wait(now, comer, meet.Session, place);
            return;
        }

        var own = place.WaiterSession;
        Vacate(place);
        if (!HasRoom(waiter))
        {
            Send(waiter, new ServerMessage.Refused(RendezvousError.TooManySessions, own));
            Wait(now, comer, meet.Session, place);
            return;
        }

        Introduce(now, place, comer, meet, waiter, own);
    }

    /// <summary>Finds where a client wants to meet, and whether it may.</summary>
    private RendezvousError? TryEnter(ServerConnection comer, ClientMessage.Meet meet, out MeetingPlace? place)
    {
        place = _lobby;
        if (meet.Code is null && !_options.Lobby) return RendezvousError.NoLobby;
        if (meet.Code is not null && !_places.TryGetValue(meet.Code, out place)) place = new MeetingPlace(meet.Code);
        if (place!.Closed is { } closed) return closed;
        if (IsInUse(comer, meet.Session) || (place.Waiter is { } other && IsInUse(other, meet.Session))) return RendezvousError.SessionInUse;
        if (place.Waiter?.Peer == comer.Peer) return RendezvousError.ConnectToSelf;
        if (!HasRoom(comer)) return RendezvousError.TooManySessions;
        if (place.Waiter is not null) return place.Trial is null ? null : RendezvousError.CodeUsed; // four with one code: one trial at a time
        if (comer.WaitsAt?.Count >= _options.MaxWaitingPerConnection) return RendezvousError.TooManySessions;
        if (meet.Code is null || _places.ContainsKey(meet.Code)) return null;
        if (_places.Count >= _options.MaxCodes) return RendezvousError.ServerFull;
        _places[meet.Code] = place;
        return null;
    }

    private static bool IsInUse(ServerConnection connection, SessionId session) =>
        Find(connection, session) is not null || connection.WaitsAt?.Exists(place => place.WaiterSession == session) == true;

    private void Wait(Instant now, ServerConnection comer, SessionId session, MeetingPlace place)
    {
        (place.Waiter, place.WaiterSession) = (comer, session);
        (comer.WaitsAt ??= []).Add(place);
        _waiting.Enqueue((now + _options.MeetTimeout, place, session));
        Send(comer, new ServerMessage.Waiting(session));
    }

    /// <summary>The pair is complete: one push to both, as if the second had called the first.</summary>
    private void Introduce(Instant now, MeetingPlace place, ServerConnection comer, ClientMessage.Meet meet, ServerConnection waiter, SessionId own)
    {
        var session = new ServerSession(meet.Session, comer.Peer, waiter.Peer) { Dialled = place.Dialled, Offer = meet.Offer };
        var meeting = session.Meeting = new Meeting(place, session, own, meet.Offer);
        Attach(session, session.First, comer);
        Attach(session, session.Second, waiter);
        Send(waiter, new ServerMessage.Superseded(own, session.Id));
        Begin(now, session);
        _meetings[(comer.Peer, session.Id)] = meeting;
        _meetings[(waiter.Peer, own)] = meeting;
        _trials.Enqueue((now + RendezvousLimits.CodeTrial, meeting));
        if (place.Code is null) return;
        place.Trial = meeting;
        if (place.WasTried) return;
        place.WasTried = true;
        _remembered.Enqueue((now + _options.CodeMemory, place));
    }

    /// <summary>One of the two lost its connection before the push reached it, and asks again: the other goes on with the session that it has.</summary>
    private bool TryPushAgain(Instant now, ServerConnection comer, ClientMessage.Meet meet)
    {
        if (!_meetings.TryGetValue((comer.Peer, meet.Session), out var meeting)) return false;
        var session = meeting.Session;
        bool isFirst = meet.Session == session.Id && comer.Peer == session.First.Peer;
        var side = isFirst ? session.First : session.Second;
        if (side.Connection is null && session.Other(side).Connection is null)
        {
            // Both are lost: they meet anew.
            Forget(meeting);
            return false;
        }

        if (side.Connection is not null || session.Other(side).Connection is null || IsInUse(comer, session.Id) || !HasRoom(comer))
        {
            Send(comer, new ServerMessage.Refused(RendezvousError.SessionInUse, meet.Session));
            return true;
        }

        if (!isFirst) Send(comer, new ServerMessage.Superseded(meet.Session, session.Id));
        (session.Dialled, session.Offer) = (meeting.Place.Dialled, meeting.Offer);
        PushAgain(now, session, side, comer);
        return true;
    }

    private void HandleMet(ServerConnection connection, SessionId id)
    {
        if (Find(connection, id) is { Meeting: { } meeting }) EndTrial(meeting, hasFailed: false);
    }

    /// <summary>Two have shown each other that they hold the same code, or have not. Who says so does not matter: either way the code does not become safer by a lie.</summary>
    private void EndTrial(Meeting meeting, bool hasFailed)
    {
        var place = meeting.Place;
        if (place.Trial != meeting) return;
        place.Trial = null;
        if (hasFailed) place.Failures++;
        else place.IsUsed = true;
        if (place.Closed is not { } closed || place.Waiter is not { } third) return;
        var session = place.WaiterSession;
        StopWaiting(third, session);
        Send(third, new ServerMessage.Refused(closed, session));
    }

    /// <returns>Whether it waited under that number.</returns>
    private bool StopWaiting(ServerConnection connection, SessionId session)
    {
        if (connection.WaitsAt?.Find(place => place.WaiterSession == session) is not { } place) return false;
        Vacate(place);
        if (place is { Code: { } code, IsBlank: true }) _places.Remove(code);
        return true;
    }

    private static void Vacate(MeetingPlace place)
    {
        var waiter = place.Waiter!;
        place.Waiter = null;
        waiter.WaitsAt!.Remove(place);
        if (waiter.WaitsAt.Count == 0) waiter.WaitsAt = null; // idle peers hold nothing
    }

    /// <summary>A connection is gone: it waits for nobody any more.</summary>
    private void LeaveMeetings(ServerConnection connection)
    {
        while (connection.WaitsAt is [.., var place]) StopWaiting(connection, place.WaiterSession);
    }

    private void Forget(Meeting meeting)
    {
        _meetings.Remove((meeting.Session.First.Peer, meeting.Session.Id));
        _meetings.Remove((meeting.Session.Second.Peer, meeting.WaiterSession));
        if (meeting.Place.Trial == meeting) meeting.Place.Trial = null;
    }

    private void HandleMeetingsDue(Instant now)
    {
        while (_waiting.TryPeek(out var waiting))
        {
            bool isStale = waiting.Place.Waiter is null || waiting.Place.WaiterSession != waiting.Session;
            if (waiting.At > now && !isStale) break;
            _waiting.Dequeue();
            if (isStale) continue;
            Send(waiting.Place.Waiter!, new ServerMessage.Refused(RendezvousError.NobodyCame, waiting.Session));
            StopWaiting(waiting.Place.Waiter!, waiting.Session);
        }

        while (_trials.TryPeek(out var trial) && trial.At <= now)
        {
            _trials.Dequeue();
            EndTrial(trial.Meeting, hasFailed: true);
            Forget(trial.Meeting);
        }

        while (_remembered.TryPeek(out var remembered) && (remembered.At <= now || !IsRemembered(remembered.Place)))
        {
            _remembered.Dequeue();
            if (!IsRemembered(remembered.Place)) continue;
            if (remembered.Place is { Waiter: null, Trial: null }) _places.Remove(remembered.Place.Code!);
            else _remembered.Enqueue((now + _options.CodeMemory, remembered.Place));
        }
    }

    private bool IsRemembered(MeetingPlace place) => _places.GetValueOrDefault(place.Code!) == place;
}
