using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>Answers to this agent's checks (RFC 8445 section 7.2.5).</summary>
internal sealed class CheckAnswers(AgentCore agent)
{
    /// <returns>Whether it answers a check of this agent.</returns>
    public bool Handle(Instant now, SocketId socket, TransportAddress remote, in StunReader answer)
    {
        if (agent.Open.Find(answer.TransactionId) is not { } check) return agent.HasProbed && agent.Messages.IsAuthenticAnswer(answer);
        // Whoever saw the request could forge an answer without integrity, a 400 or 401 as well: silence and the retransmission are the better judge.
        if (!agent.Messages.IsAuthenticAnswer(answer)) return true;
        if (!check.Pair.IsBetween(socket, remote))
        {
            agent.HandleFailed(now, check, CheckStep.NotSymmetric);
        }
        else if (answer.Class == StunClass.ErrorResponse)
        {
            if (answer.TryGetErrorCode(out var code, out _)) HandleError(now, check, code);
        }
        else if (answer.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped))
        {
            agent.Trace(CheckStep.Answered, check.Pair, check.Transmissions);
            agent.HandleValid(now, check, ValidLocal(check, mapped));
        }

        return true;
    }

    private void HandleError(Instant now, ConnectivityCheck check, StunErrorCode code)
    {
        if (code != StunErrorCode.RoleConflict)
        {
            agent.HandleFailed(now, check, CheckStep.Failed);
            return;
        }

        // RFC 8445 section 7.2.5.1: take the other role, unless that happened since, and check again at once.
        var pair = check.Pair;
        agent.Trace(CheckStep.RoleConflict, pair, check.Transmissions);
        agent.Open.Remove(check);
        bool counts = pair.OpenCheck == check;
        if (counts) pair.OpenCheck = null;
        if (check.Role == agent.Role.Role) agent.SwitchRole(now, refused: true);
        if (counts) agent.Recheck(now, pair);
    }

    // RFC 8445 section 7.2.5.3.1: an address that no local candidate has is a new, peer-reflexive one.
    private Candidate ValidLocal(ConnectivityCheck check, TransportAddress mapped)
    {
        var local = check.Pair.Local;
        if (check.Pair.ValidLocal.Address == mapped) return check.Pair.ValidLocal;
        if (agent.Locals.TryFind(local.Transport, local.Socket, mapped, out var known)) return known;
        var learnt = Candidate.Local(CandidateType.PeerReflexive, local.Socket, mapped, local.Base, default, 0) with { Priority = check.Priority, Tcp = local.Tcp };
        if (!agent.Silent.TryFind(local.Socket, out _)) agent.Locals.TryAdd(learnt);
        return learnt;
    }
}
