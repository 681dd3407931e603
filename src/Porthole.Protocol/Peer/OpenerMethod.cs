using System.Collections.Immutable;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// No NAT ever sees a packet that it does not expect: one side tells the address of a fresh socket and sends nothing; the other opens its own NAT toward that
/// address, from a fresh socket, with a packet that dies on the way, and tells that socket's address; then the first sends. Each step follows from the one
/// before, so that nothing depends on who is faster. Where strangers' packets spoil ports (RFC 4787 says nothing of it, conntrack does it) this is the one order
/// that works.
/// </summary>
/// <remarks>The sides take turns: in the first round the controlling one tells first, in the second the other, should one side's opening packet not do.</remarks>
internal sealed class OpenerMethod(UdpPunch punch) : UdpMethod(punch)
{
    /// <summary>How many rounds: each side's opening packet gets one.</summary>
    public const int Rounds = 2;

    /// <summary>How often a packet that may be lost is sent: a question, or a check through the open NAT.</summary>
    public const int Copies = 4;

    private static readonly TimeSpan s_roundTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_copyPause = TimeSpan.FromMilliseconds(100);

    /// <summary>After this time without a check the opening packet may have ended inside of the NATs; the other side's is open by now, so that a whole one does no harm.</summary>
    private static readonly TimeSpan s_wholeAfter = TimeSpan.FromMilliseconds(500);

    private readonly bool _isControlling = punch.Agent.Role == IceRole.Controlling;
    private readonly Round?[] _rounds = new Round?[Rounds + 1];
    private Instant? _nextRoundAt;
    private int _round;

    public override Instant? NextDeadline
    {
        get
        {
            var next = _nextRoundAt;
            foreach (var round in _rounds) next = Instant.Earlier(next, round?.NextAt);
            return next;
        }
    }

    // A round is four ways between a peer and the server, or five, and then three between the peers.
    private TimeSpan RoundTime => 4 * Punch.SignallingTime > s_roundTime ? 4 * Punch.SignallingTime : s_roundTime;

    private TimeSpan WholeAfter => 2 * Punch.SignallingTime > s_wholeAfter ? 2 * Punch.SignallingTime : s_wholeAfter;

    /// <summary>
    /// The hop limit of the opening packet: as measured; else the whole way where it does no harm at the other end; else what is right for most homes.
    /// </summary>
    private int OpeningHops => Punch.Record.Here.OuterHops > 0 ? Punch.Record.Here.OuterHops : Punch.Record.There.IsSpoiledByStrangers == false ? 0 : UdpPunch.DefaultOuterHops;

    public override void Begin(Instant now) => StartRound(now);

    public override void HandleOpened(Instant now, FreshSocket socket)
    {
        if (_rounds[socket.Round] is not { } round || round.Socket is not null) return;
        round.Socket = socket;
        Act(now, round);
    }

    public override void HandleAnswer(Instant now, FreshAnswer answer)
    {
        if (_rounds[answer.Socket.Round] is not { Stage: Stage.Asking } round) return;
        if (round.TellsFirst)
        {
            (round.Stage, round.NextAt) = (Stage.Waiting, null);
            Punch.Tell(now, answer, CandidatePurpose.Opener);
        }
        else
        {
            Punch.Probe(answer.Socket.Id, round.Remote, OpeningHops);
            (round.Stage, round.Sent, round.NextAt) = (Stage.Sending, 0, now + WholeAfter);
            Punch.Tell(now, answer, CandidatePurpose.Fresh);
        }
    }

    public override bool Takes(CandidateInfo candidate) =>
        candidate is { Purpose: CandidatePurpose.Opener or CandidatePurpose.Fresh, Round: >= 1 and <= Rounds } && candidate.Address.IsIPv6 == Punch.Main!.Local.IsIPv6;

    public override void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Purpose == CandidatePurpose.Opener) HandleAsked(now, candidate);
            else HandleMet(now, candidate);
        }
    }

    public override void HandleDeadline(Instant now)
    {
        foreach (var round in _rounds)
        {
            if (round?.NextAt <= now) Act(now, round);
        }

        if (!(_nextRoundAt <= now)) return;
        if (_round == Rounds) IsOver = true;
        else StartRound(now);
    }

    private bool TellsFirst(int round) => round % 2 == 1 == _isControlling;

    private void StartRound(Instant now)
    {
        _round++;
        _nextRoundAt = now + RoundTime;
        if (TellsFirst(_round)) Open(new Round(tellsFirst: true, remote: default), _round);
    }

    /// <summary>The other side asks to be met: once in each round that is its own, whatever it sends.</summary>
    private void HandleAsked(Instant now, CandidateInfo candidate)
    {
        if (TellsFirst(candidate.Round) || _rounds[candidate.Round] is not null) return;
        if (candidate.Round == _round + 1) (_round, _nextRoundAt) = (candidate.Round, now + RoundTime); // it is ahead
        Open(new Round(tellsFirst: false, candidate.Address), candidate.Round);
    }

    /// <summary>The other side has opened its NAT: the way is free.</summary>
    private void HandleMet(Instant now, CandidateInfo candidate)
    {
        if (_rounds[candidate.Round] is not { TellsFirst: true, Stage: Stage.Waiting } round) return;
        (round.Remote, round.Stage, round.Sent) = (candidate.Address, Stage.Sending, 0);
        Act(now, round);
    }

    private void Open(Round round, int number)
    {
        if (Punch.TryOpen(number)) _rounds[number] = round;
        else (IsOver, IsBudgetSpent) = (true, true);
    }

    /// <summary>Sends what is to be sent next: questions until one is answered, then checks.</summary>
    private void Act(Instant now, Round round)
    {
        round.NextAt = null;
        if (round.Socket is not { } socket || round.Stage == Stage.Waiting || round.Sent == Copies) return;
        if (round.Stage == Stage.Sending) Punch.Probe(socket.Id, round.Remote);
        else if (Punch.Servers is [var server, ..]) Punch.Ask(socket, server);
        if (++round.Sent < Copies) round.NextAt = now + (s_copyPause * round.Sent);
    }

    private enum Stage
    {
        /// <summary>A server is asked what the socket looks like.</summary>
        Asking,

        /// <summary>The other side was told, and has not answered.</summary>
        Waiting,

        /// <summary>Checks go out.</summary>
        Sending,
    }

    private sealed class Round(bool tellsFirst, TransportAddress remote)
    {
        public bool TellsFirst { get; } = tellsFirst;

        /// <summary>The other side's socket.</summary>
        public TransportAddress Remote { get; set; } = remote;

        public FreshSocket? Socket { get; set; }

        public Stage Stage { get; set; }

        /// <summary>How many packets of this stage were sent.</summary>
        public int Sent { get; set; }

        public Instant? NextAt { get; set; }
    }
}
