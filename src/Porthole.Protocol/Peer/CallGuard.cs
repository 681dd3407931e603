using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Who may call: the peer's own check of what the server has checked already, before the first packet is sent.</summary>
internal sealed class CallGuard(PeerContext context)
{
    /// <summary>How many calls of one peer are taken in a minute: each costs a handshake, about a millisecond.</summary>
    public const int CallsPerMinute = 30;

    /// <summary>
    /// How many calls may be half open: rung and not answered, or with a handshake that is not confirmed. More than an honest server lets through in a
    /// minute; a hostile one can invent callers without end.
    /// </summary>
    public const int MaxHalfOpen = 128;

    /// <summary>How many callers are counted; when there are more, the one counted longest ago is forgotten.</summary>
    public const int CountedCallers = 1_024;

    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly Dictionary<PeerId, (Instant Since, int Calls)> _callers = [];
    private readonly Queue<PeerId> _order = [];

    private PeerMachineOptions Options => context.Options;

    /// <summary>Lets a peer in from now on.</summary>
    /// <returns>False when the list is as long as a server takes.</returns>
    public bool TryAllow(PeerId peer)
    {
        if (context.Allowed.Contains(peer)) return true;
        if (context.Allowed.Length >= RendezvousLimits.MaxListedPeers) return false;
        context.Allowed = context.Allowed.Add(peer);
        return true;
    }

    /// <summary>Whether a peer is on the list of those that are let in without a question.</summary>
    public bool IsAllowed(PeerId peer) => Options.Accept == AcceptPolicy.Anyone || context.Allowed.Contains(peer) || Options.KnownPeers.FindById(peer) is not null;

    /// <summary>Judges a call that the program is not asked about.</summary>
    /// <returns>Null when it is let in.</returns>
    public CallProblem? Judge(Instant now, PublicKey key, string? name)
    {
        if (Options.Accept == AcceptPolicy.Nobody || !IsAllowed(key.PeerId))
        {
            return new CallProblem(PeerError.Refused, $"A call from {name ?? key.PeerId.Short} was turned away: the accept policy does not let it in.");
        }

        return JudgeAsked(now, key, name);
    }

    /// <summary>Judges a call before the program is asked about it.</summary>
    /// <returns>Null when nothing speaks against it.</returns>
    public CallProblem? JudgeAsked(Instant now, PublicKey key, string? name)
    {
        if (name is not null && Options.KnownPeers.FindByName(name) is { } known && !known.Equals(key))
        {
            return new CallProblem(
                PeerError.KeyChanged,
                $"A caller goes by the name {name}, but holds another key than {name} had. If it was reinstalled, remove the old entry from the known peers.");
        }

        return Count(now, key.PeerId) > CallsPerMinute
            ? new CallProblem(PeerError.LimitReached, $"{name ?? key.PeerId.Short} called more than {CallsPerMinute} times in a minute.")
            : null;
    }

    private int Count(Instant now, PeerId peer)
    {
        if (!_callers.TryGetValue(peer, out var entry))
        {
            if (_order.Count == CountedCallers) _callers.Remove(_order.Dequeue());
            _order.Enqueue(peer);
            entry = (now, 0);
        }

        if (now - entry.Since >= s_minute) entry = (now, 0);
        _callers[peer] = (entry.Since, entry.Calls + 1);
        return entry.Calls + 1;
    }
}

/// <summary>Why a call is turned away.</summary>
/// <param name="Error">In one word.</param>
/// <param name="Text">One line for a person.</param>
internal sealed record CallProblem(PeerError Error, string Text);
