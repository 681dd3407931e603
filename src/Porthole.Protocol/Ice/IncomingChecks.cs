using System.Text;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Ice;

/// <summary>
/// The other agent's checks (RFC 8445 section 7.3). What is not authenticated gets no answer at all: an error would tell a stranger that somebody
/// listens, and could be aimed at a third party.
/// </summary>
internal sealed class IncomingChecks(AgentCore agent)
{
    private readonly EarlyChecks _early = new();
    private int _learnt;

    /// <returns>Whether the request names this agent.</returns>
    public bool Handle(Instant now, SocketId socket, TransportAddress remote, in StunReader request)
    {
        if (!agent.Messages.IsForUs(request, out var remoteFragment)) return false;
        if (agent.State == IceState.Failed || !IsSource(remote) || !agent.Messages.IsAuthentic(request)) return true;
        if (!agent.TryFindSender(socket, out var local)) return true;

        Span<StunAttributeType> unknown = stackalloc StunAttributeType[1];
        if (request.GetUnknownAttributes(unknown) > 0)
        {
            agent.Answers.Add(new PendingAnswer(socket, remote, request.TransactionId, StunErrorCode.UnknownAttribute, unknown[0]));
            return true;
        }

        var verdict = RoleConflict.Judge(agent.Role.Role, agent.TieBreaker, request);
        if (verdict != RoleVerdict.None) agent.Trace(CheckStep.RoleConflict, socket, local.Base, remote, 0);
        if (verdict == RoleVerdict.Refuse)
        {
            agent.Answers.Add(new PendingAnswer(socket, remote, request.TransactionId, StunErrorCode.RoleConflict, default));
            return true;
        }

        if (verdict == RoleVerdict.Switch) agent.SwitchRole(now, refused: false);
        agent.Answers.Add(new PendingAnswer(socket, remote, request.TransactionId, StunErrorCode.None, default));
        agent.Trace(CheckStep.Received, socket, local.Base, remote, 0);

        // A check without PRIORITY is authenticated and answered, but teaches nothing (RFC 8445 section 7.1.1 demands the attribute).
        if (!request.TryGetUInt32(StunAttributeType.Priority, out uint priority) || priority is 0 or > int.MaxValue) return true;
        var check = new ReceivedCheck(socket, remote, priority, request.Has(StunAttributeType.UseCandidate));
        if (agent.CanCheck) Process(now, check);
        else Remember(check, remoteFragment);
        return true;
    }

    /// <summary>Takes up the checks that came too early, as soon as checks may be sent.</summary>
    public void ProcessEarly(Instant now)
    {
        while (agent.CanCheck && _early.TryTake(agent.Messages.Remote!.UsernameFragment, out var check)) Process(now, check);
    }

    private static bool IsSource(TransportAddress address) => address.Port != 0 && !address.IsUnspecified && !address.IsMulticast;

    private void Remember(in ReceivedCheck check, ReadOnlySpan<byte> remoteFragment)
    {
        if (remoteFragment.Length > IceCredentials.MaxLength) return;
        Span<char> text = stackalloc char[IceCredentials.MaxLength];
        int length = Encoding.ASCII.GetChars(remoteFragment, text);
        _early.Remember(check, text[..length]);
    }

    private void Process(Instant now, in ReceivedCheck check)
    {
        if (!agent.TryFindSender(check.Socket, out var local)) return;
        if (FindOrAddPair(local, check) is not { } pair) return;
        pair.CountReceived();
        if (pair.Transport == Transports.Tcp)
        {
            agent.TakePriority(pair, check.Priority);
            if (pair.State == PairState.InProgress)
            {
                // Our own check is on the connection as well and cannot get lost: a second one would say nothing new.
                pair.OpenCheck?.Prolong(now, agent.Options);
                if (check.UseCandidate) agent.Role.HandleUseCandidate(now, pair);
                return;
            }
        }

        // RFC 8445 section 7.3.1.4: at once, whether it waits, failed, or is under way, since the other agent's packet may just have opened the way.
        agent.Recheck(now, pair);
        if (check.UseCandidate) agent.Role.HandleUseCandidate(now, pair);
    }

    private CandidatePair? FindOrAddPair(Candidate local, in ReceivedCheck check)
    {
        if (agent.Checklist.Find(check.Socket, check.Remote) is { } pair) return pair;
        if (local.Tcp is not null || !IsWanted(local, check)) return null;
        if (!agent.Remotes.TryFind(Transports.Udp, default, check.Remote, out var remote))
        {
            if (_learnt == IceOptions.LearntLimit) return null;
            // RFC 8445 section 7.3.1.3: peer-reflexive, with a foundation that differs from all others; the address itself does.
            remote = Candidate.Local(CandidateType.PeerReflexive, default, check.Remote, check.Remote, default, 0) with { Priority = check.Priority };
            if (agent.Remotes.IsFull(Transports.Udp)) ForgetIdlePeerReflexive();
            if (!agent.Remotes.TryAdd(remote)) return null;
            _learnt++;
        }

        var added = agent.AddPair(local, remote, vouched: true);
        if (added is not null && remote.Type == CandidateType.PeerReflexive && !IsSignalledHost(check.Remote)) added.LimitUnproved();
        return added;
    }

    private bool IsSignalledHost(TransportAddress address)
    {
        foreach (var remote in agent.Remotes.All)
        {
            if (remote.Type != CandidateType.PeerReflexive && remote.Address.SameHost(address)) return true;
        }

        return false;
    }

    // Once all but the nominated pair are dropped, only a better nomination brings another back: agents after RFC 5245 nominate several.
    private bool IsWanted(Candidate local, in ReceivedCheck check)
    {
        if (agent.Options.KeepValidPairs || agent.Selected is not { } selected) return true;
        uint priority = agent.Remotes.TryFind(Transports.Udp, default, check.Remote, out var known) ? known.Priority : check.Priority;
        var remote = Candidate.Remote(CandidateType.PeerReflexive, check.Remote, priority, string.Empty);
        return check.UseCandidate && agent.Role.PairPriority(local, remote) > selected.Priority;
    }

    // Candidates that nobody signalled give way to newer ones, unless something came of them.
    private void ForgetIdlePeerReflexive()
    {
        foreach (var remote in agent.Remotes.All)
        {
            if (remote.Type != CandidateType.PeerReflexive || remote.Tcp is not null || IsBusy(remote)) continue;
            for (int i = agent.Checklist.Pairs.Count - 1; i >= 0; i--)
            {
                if (agent.Checklist.Pairs[i].Remote == remote) agent.Forget(agent.Checklist.Pairs[i]);
            }

            agent.Remotes.Remove(remote);
            return;
        }
    }

    private bool IsBusy(Candidate remote)
    {
        foreach (var pair in agent.Checklist.Pairs)
        {
            if (pair.Remote == remote && (pair.State == PairState.Succeeded || pair.IsTriggered)) return true;
        }

        return false;
    }
}
