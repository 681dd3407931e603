using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// A method that is over within some round trips and that both sides begin: each round has a fresh socket here and, where the method needs it, one address that
/// the other side tells.
/// </summary>
internal abstract class RoundsMethod(UdpPunch punch) : UdpMethod(punch)
{
    private readonly TransportAddress[] _told = new TransportAddress[Planner.Rounds + 1];
    private Instant? _nextRoundAt;

    public override Instant? NextDeadline => _nextRoundAt;

    /// <summary>The round that runs, from 1.</summary>
    protected int Round { get; private set; }

    /// <summary>The socket of this round; null until it is open.</summary>
    protected FreshSocket? Socket { get; private set; }

    /// <summary>What the other side has told for this round; default until it has.</summary>
    protected TransportAddress Told => _told[Round];

    public sealed override void Begin(Instant now) => StartRound(now);

    public sealed override void HandleOpened(Instant now, FreshSocket socket)
    {
        if (socket.Round != Round) return;
        Socket = socket;
        HandleSocket(now, socket);
    }

    public sealed override void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Round < _told.Length && _told[candidate.Round] == default) _told[candidate.Round] = candidate.Address;
        }

        HandleTold(now);
    }

    public override void HandleDeadline(Instant now)
    {
        if (!(_nextRoundAt <= now)) return;
        if (Round == Planner.Rounds) IsOver = true;
        else StartRound(now);
    }

    /// <summary>Forgets what belongs to the round before.</summary>
    protected abstract void Reset();

    /// <summary>The socket of this round is open.</summary>
    protected abstract void HandleSocket(Instant now, FreshSocket socket);

    /// <summary>The other side has told something, for this round or another.</summary>
    protected abstract void HandleTold(Instant now);

    private void StartRound(Instant now)
    {
        Round++;
        Socket = null;
        Reset();
        _nextRoundAt = now + Punch.RoundPeriod;
        if (!Punch.TryOpen(Round)) (IsOver, IsBudgetSpent) = (true, true);
    }
}
