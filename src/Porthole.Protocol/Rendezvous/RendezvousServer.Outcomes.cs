namespace Porthole.Protocol.Rendezvous;

/// <summary>What became of the punches, and what the next ones between the same networks learn from it.</summary>
public sealed partial class RendezvousServer
{
    private readonly PlanMemory _plans;
    private readonly RateLimiter<TransportAddress> _outcomes;

    /// <summary>How many pairs of networks are remembered.</summary>
    public int NetworkPairsKnown => _plans.Count;

    private void HandleOutcome(Instant now, ServerConnection sender, ClientMessage.Outcome outcome)
    {
        if (Find(sender, outcome.Session) is not { IsOpen: true } session || session.Generation != outcome.Generation) return; // stale
        var side = session.SideOf(sender);
        if (side.Outcome is not null || !_outcomes.TryTake(now, CandidateRules.Site(sender.Remote))) return;
        side.Outcome = new PunchOutcome(outcome.Method, outcome.Reason);
        if (session.Other(side).Outcome is not null) Settle(now, session);
    }

    /// <summary>A generation begins: what the last one came to is settled, and the networks that this one is between are looked up.</summary>
    /// <returns>What worked between them before.</returns>
    private PunchMethod? BeginOutcome(Instant now, ServerSession session)
    {
        Settle(now, session);
        (session.First.Outcome, session.Second.Outcome, session.IsSettled) = (null, null, false);
        session.Networks = NetworkPair.Of(session.First.Connection!, session.Second.Connection!, now);
        return session.Networks is { } networks ? _plans.Find(now, networks) : null;
    }

    /// <summary>Both sides have said what the punch came to, or no more is to be heard of it.</summary>
    private void Settle(Instant now, ServerSession session)
    {
        if (session.IsSettled || Join(session.First.Outcome, session.Second.Outcome) is not { } outcome) return;
        if (session.Networks is { } networks) _plans.Note(now, networks, outcome.Method);
        _events.Enqueue(new RendezvousServerEvent.PunchDecided(session.Id, outcome.Method, outcome.Reason, IsNews: session.LastOutcome != outcome));
        (session.IsSettled, session.LastOutcome) = (true, outcome);
    }

    /// <summary>
    /// What two sides say, as one. Direct is what both say, or the only one that says anything. The two may have done different things for it: what the more
    /// demanding of them did was needed.
    /// </summary>
    private static PunchOutcome? Join(PunchOutcome? first, PunchOutcome? second)
    {
        if (first is not { } one || second is not { } other) return first ?? second;
        if (!one.IsDirect || !other.IsDirect) return one.IsDirect ? other : one;
        return one.Method >= other.Method ? one : other;
    }
}
