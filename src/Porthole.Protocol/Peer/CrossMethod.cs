using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Both NATs count. Each side asks a server for the port of a fresh socket and tells the other; then both send, packet after packet, to the ports that come next:
/// packet i of the controlling side goes i steps behind the other's port, packet k of the other goes 2k − 1 steps. Each packet takes a new port itself. With nA
/// and nB flows of others in between the two meet at k = 1 + nA + nB, i = 1 + nA + 2·nB: nobody needs to know how many there are.
/// </summary>
/// <remarks>The scan of two speeds is that of Klinec and Matyáš ("Traversing symmetric NAT with predictable port allocation function", 2014).</remarks>
internal sealed class CrossMethod(UdpPunch punch) : UdpMethod(punch)
{
    /// <summary>How often the server is asked in a round: a question that is lost on the way back has opened the mapping all the same.</summary>
    private const int Questions = 3;

    /// <summary>The pause between two packets: they must reach the NATs in order (RFC 8445 section 14.2 has the same).</summary>
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan s_answerMargin = TimeSpan.FromMilliseconds(50);

    private readonly TransportAddress[] _bases = new TransportAddress[Planner.Rounds + 1];
    private FreshSocket? _socket;
    private bool _isAnswered;
    private Instant? _askAt;
    private Instant? _sendAt;
    private Instant? _nextRoundAt;
    private int _asked;
    private int _sent;
    private int _round;

    public override Instant? NextDeadline => Instant.Earlier(Instant.Earlier(_askAt, _sendAt), _nextRoundAt);

    private bool IsControlling => Punch.Agent.Role == Ice.IceRole.Controlling;

    private TimeSpan Period => Planner.RoundPeriod > 2 * Punch.SignallingTime ? Planner.RoundPeriod : 2 * Punch.SignallingTime;

    public override void Begin(Instant now) => StartRound(now);

    public override void HandleOpened(Instant now, FreshSocket socket)
    {
        if (socket.Round != _round) return;
        _socket = socket;
        Ask(now);
    }

    public override void HandleAnswer(Instant now, FreshAnswer answer)
    {
        if (answer.Socket != _socket || _isAnswered) return;
        (_isAnswered, _askAt) = (true, null);
        Punch.Tell(now, answer.Socket, [answer.Mapped], CandidatePurpose.ScanBase);
        TryScan(now);
    }

    public override bool Takes(CandidateInfo candidate) => candidate.Purpose == CandidatePurpose.ScanBase;

    public override void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Round < _bases.Length && _bases[candidate.Round] == default) _bases[candidate.Round] = candidate.Address;
        }

        TryScan(now);
    }

    public override void HandleDeadline(Instant now)
    {
        if (_askAt <= now) Ask(now);
        if (_sendAt <= now) Send(now);
        if (!(_nextRoundAt <= now)) return;
        if (_round == Planner.Rounds) IsOver = true;
        else StartRound(now);
    }

    private void StartRound(Instant now)
    {
        _round++;
        (_socket, _isAnswered, _askAt, _sendAt, _asked, _sent) = (null, false, null, null, 0, 0);
        _nextRoundAt = now + Period;
        if (!Punch.TryOpen(_round)) (IsOver, IsBudgetSpent) = (true, true);
    }

    private void Ask(Instant now)
    {
        var servers = Punch.Servers;
        _askAt = null;
        if (servers.Count == 0) return;
        Punch.Ask(_socket!, servers[0]);
        if (++_asked < Questions) _askAt = now + Punch.Plan.LocalRtt + s_answerMargin;
    }

    private void TryScan(Instant now)
    {
        if (!_isAnswered || _bases[_round] == default || _sent > 0) return;
        Detail = $"scanned behind {_bases[_round]}, in round {_round}";
        Send(now);
    }

    private void Send(Instant now)
    {
        int i = ++_sent;
        int port = _bases[_round].Port + (IsControlling ? i : 2 * i - 1) * Punch.Record.There.Step;
        if (port is >= RendezvousLimits.MinHostPort and <= ushort.MaxValue) Punch.Probe(_socket!.Id, _bases[_round].WithPort((ushort)port));
        _sendAt = _sent < Planner.ScanPackets ? now + s_pace : null;
    }
}
