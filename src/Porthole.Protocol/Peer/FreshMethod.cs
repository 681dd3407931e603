using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// This side's NAT keeps the local port of a fresh socket, towards its first destination. So the other side is told that port, and the first packet of the
/// socket goes to it: at once where its address is known, else when it has told the port that goes with this round.
/// </summary>
internal sealed class FreshMethod(UdpPunch punch) : UdpMethod(punch)
{
    /// <summary>How often the opening packet is sent, in case that it is lost, and the pause between two.</summary>
    private const int Copies = 3;

    private static readonly TimeSpan s_copyPause = TimeSpan.FromMilliseconds(100);

    private readonly TransportAddress[] _targets = new TransportAddress[Planner.Rounds + 1];
    private FreshSocket? _socket;
    private Instant? _copyAt;
    private Instant? _nextRoundAt;
    private int _copies;
    private int _round;

    public override Instant? NextDeadline => Instant.Earlier(_copyAt, _nextRoundAt);

    private bool IsTargetKnown => Punch.There == PortKind.Known;

    private TimeSpan Period => Planner.RoundPeriod > 2 * Punch.SignallingTime ? Planner.RoundPeriod : 2 * Punch.SignallingTime;

    public override void Begin(Instant now) => StartRound(now);

    public override void HandleOpened(Instant now, FreshSocket socket)
    {
        if (socket.Round != _round) return;
        _socket = socket;
        Detail = $"port {socket.Local.Port}, in round {_round}";
        Punch.Tell(now, socket, [Punch.Main!.Mapped.WithPort(socket.Local.Port)], CandidatePurpose.Fresh);
        TryFire(now);
    }

    public override bool Takes(CandidateInfo candidate) =>
        !IsTargetKnown && candidate.Purpose == (Punch.There == PortKind.Same ? CandidatePurpose.Fresh : CandidatePurpose.Predicted);

    public override void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Round < _targets.Length && _targets[candidate.Round] == default) _targets[candidate.Round] = candidate.Address;
        }

        TryFire(now);
    }

    public override void HandleDeadline(Instant now)
    {
        if (_copyAt <= now) Fire(now);
        if (!(_nextRoundAt <= now)) return;
        if (_round == Planner.Rounds) IsOver = true;
        else StartRound(now);
    }

    private void StartRound(Instant now)
    {
        _round++;
        (_socket, _copyAt, _copies) = (null, null, 0);
        _nextRoundAt = now + Period;
        if (!Punch.TryOpen(_round)) (IsOver, IsBudgetSpent) = (true, true);
    }

    private void TryFire(Instant now)
    {
        if (_socket is not null && _copies == 0 && (IsTargetKnown || _targets[_round] != default)) Fire(now);
    }

    private void Fire(Instant now)
    {
        Punch.Probe(_socket!.Id, IsTargetKnown ? Punch.Remote : _targets[_round], Punch.OpeningHops);
        _copyAt = ++_copies < Copies ? now + s_copyPause : null;
    }
}
