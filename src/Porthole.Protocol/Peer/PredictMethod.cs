using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// This side's NAT counts. From a fresh socket, back to back: a question to one port of the server, a check to the other side, a question to another port of the
/// server. The check got a port between the two that the server saw, whatever other flows there are; the other side is told those ports.
/// </summary>
internal sealed class PredictMethod(UdpPunch punch) : UdpMethod(punch)
{
    /// <summary>The most ports that are told in all rounds together: they share an agent's 20 remote candidates with those that were signalled.</summary>
    public const int MaxForeseen = 12;

    /// <summary>Ports that are named where one of the two questions was lost: the window that misses one in a hundred of three foreign flows is wider than that of none.</summary>
    private const int BlindWindow = 6;

    /// <summary>What is added to a round trip and a half before an answer counts as lost.</summary>
    private static readonly TimeSpan s_answerMargin = TimeSpan.FromMilliseconds(100);

    private FreshSocket? _socket;
    private TransportAddress _target;
    private ushort _before;
    private ushort _after;
    private TransportAddress _first;
    private Instant? _answerBy;
    private Instant? _nextRoundAt;
    private int _round;
    private int _left = MaxForeseen;

    public override Instant? NextDeadline => Instant.Earlier(_answerBy, _nextRoundAt);

    public override void Begin(Instant now)
    {
        _nextRoundAt = now + (Planner.Rounds + 1) * Punch.RoundPeriod; // the other side's fresh ports come when they come
        if (Punch.There == PortKind.Known) StartRound(now, 1, Punch.Remote);
    }

    // The other side's fresh port is its own only towards the first destination: the ports that are foreseen here are those towards that port.
    public override bool Takes(CandidateInfo candidate) => Punch.There == PortKind.Same && candidate.Purpose == CandidatePurpose.Fresh;

    public override void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Round > _round) StartRound(now, candidate.Round, candidate.Address);
        }
    }

    public override void HandleOpened(Instant now, FreshSocket socket)
    {
        var servers = Punch.Servers;
        if (socket.Round != _round || servers.Count == 0) return;
        (_socket, _before, _after, _first) = (socket, 0, 0, servers[0]);
        Punch.Ask(socket, servers[0]);
        Punch.Probe(socket.Id, _target, Punch.OpeningHops);
        if (servers.Count > 1) Punch.Ask(socket, servers[1]);
        _answerBy = now + Punch.Plan.LocalRtt * 1.5 + s_answerMargin;
    }

    public override void HandleAnswer(Instant now, FreshAnswer answer)
    {
        if (answer.Socket != _socket || _answerBy is null) return;
        if (answer.Server == _first) _before = answer.Mapped.Port;
        else _after = answer.Mapped.Port;
        if (_before != 0 && _after != 0) Foresee(now);
    }

    public override void HandleDeadline(Instant now)
    {
        if (_answerBy <= now) Foresee(now);
        if (!(_nextRoundAt <= now)) return;
        if (Punch.There == PortKind.Known && _round < Planner.Rounds) StartRound(now, _round + 1, Punch.Remote);
        else IsOver = true;
    }

    /// <summary>The ports that a mapping between two others may have got, the likeliest first.</summary>
    /// <param name="before">The port of the mapping before; 0 when it is not known.</param>
    /// <param name="after">The port of the mapping behind; 0 when it is not known.</param>
    /// <param name="step">The distance of two ports, signed.</param>
    /// <param name="limit">The most ports to name.</param>
    internal static List<ushort> Between(ushort before, ushort after, int step, int limit)
    {
        var ports = new List<ushort>();
        if (before != 0 && before == after) after = 0; // one mapping for both ports of the server: it says where the next one begins, not where it ends
        if (before != 0 && after != 0)
        {
            int distance = after - before;
            int direction = Math.Sign(distance);

            // Whole steps from before are the likeliest. A NAT that skips ports in use, or keeps parity, gives others.
            for (int i = step; Math.Sign(step) == direction && Math.Abs(i) < Math.Abs(distance); i += step) Add(before + i);
            for (int i = direction; Math.Abs(i) < Math.Abs(distance); i += direction) Add(before + i);
            return ports;
        }

        int blind = Math.Min(limit, BlindWindow);
        for (int i = 1; i <= blind; i++)
        {
            if (before != 0) Add(before + i * step);
            else if (after != 0) Add(after - i * step);
        }

        return ports;

        void Add(int port)
        {
            if (ports.Count < limit && port is >= RendezvousLimits.MinHostPort and <= ushort.MaxValue && !ports.Contains((ushort)port)) ports.Add((ushort)port);
        }
    }

    private void StartRound(Instant now, int round, TransportAddress target)
    {
        (_round, _target, _socket, _answerBy) = (round, target, null, null);
        if (Punch.There == PortKind.Known) _nextRoundAt = now + Punch.RoundPeriod;
        if (!Punch.TryOpen(round)) (IsOver, IsBudgetSpent) = (true, true);
    }

    private void Foresee(Instant now)
    {
        _answerBy = null;
        if (_socket is not { } socket || (_before == 0 && _after == 0)) return;

        // Towards a port that only the first packet has, the first guess is the only one.
        int limit = Punch.There == PortKind.Known ? _left : 1;
        var ports = Between(_before, _after, Punch.Record.Here.Step, limit);
        if (ports.Count == 0) return; // the check was lost before it came to the NAT: the next round
        _left -= Punch.There == PortKind.Known ? ports.Count : 0;
        Detail = $"foresaw {ports[0]}{(ports.Count > 1 ? $" and {ports.Count - 1} more" : "")}, in round {_round}";
        Punch.Tell(now, socket, ports.Select(Punch.Main!.Mapped.WithPort), CandidatePurpose.Predicted);
    }
}
