using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Peer;

/// <summary>
/// One side's NAT gives ports that nobody can know. That side opens many sockets to the other's one address; the other sends to many ports of the band. What
/// counts is that all of it is there at the same time: the sockets stay open until one has met, or the time is over.
/// </summary>
internal sealed class SprayMethod(UdpPunch punch, PlannedMethod planned) : UdpMethod(punch)
{
    /// <summary>The pause between two packets (RFC 8445 section 14.2): 200 in a second.</summary>
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(5);

    /// <summary>How long until it is seen again whether another spray of this machine has ended.</summary>
    private static readonly TimeSpan s_waitForOther = TimeSpan.FromMilliseconds(250);

    private readonly Queue<TransportAddress> _targets = new();
    private Instant? _stepAt;
    private Instant _endAt = Instant.Never;
    private int _opened;
    private bool _hasBudget;

    public override Instant? NextDeadline => Instant.Earlier(_stepAt, _endAt);

    private bool IsHere => Punch.Here == PortKind.Any;

    public override void Begin(Instant now)
    {
        _endAt = now + Planner.SprayTime;
        TryBegin(now);
    }

    public override void HandleOpened(Instant now, FreshSocket socket) => Punch.Probe(socket.Id, Punch.Remote, Punch.OpeningHops);

    public override void HandleDeadline(Instant now)
    {
        if (_endAt <= now)
        {
            (IsOver, IsBudgetSpent) = (true, !_hasBudget);
            return;
        }

        if (!(_stepAt <= now)) return;
        if (!_hasBudget) TryBegin(now);
        else Step(now);
    }

    public override void End(Instant now, bool hadPair)
    {
        if (_hasBudget) Punch.Budget.End(now, hadPair);
    }

    private void TryBegin(Instant now)
    {
        var aim = new SprayAim(Transports.Udp, Punch.Remote.Host, Punch.Peer);
        if (Punch.Budget.IsBarred(now, aim))
        {
            (IsOver, IsBudgetSpent, Detail) = (true, true, "the last one failed not long ago");
            return;
        }

        _stepAt = now + s_waitForOther;
        if (!Punch.Budget.TryBegin(now, aim)) return;
        _hasBudget = true;
        if (!IsHere) DrawTargets();
        Step(now);
    }

    private void Step(Instant now)
    {
        _stepAt = null;
        if (IsHere)
        {
            if (!Punch.TryOpen(round: 1)) return;
            Detail = $"{++_opened} sockets";
            if (_opened < planned.Sockets) _stepAt = now + s_pace;
        }
        else if (_targets.TryDequeue(out var target))
        {
            Punch.Probe(Punch.Main!.Socket, target);
            _stepAt = now + s_pace;
        }
    }

    /// <summary>Draws ports, each once: from where ports were seen, as long as there are some left, then from the rest of the band.</summary>
    private void DrawTargets()
    {
        var band = PortBand.Of(Punch.Record.There);
        var inner = Enumerable.Range(band.InnerLowest, band.InnerHighest - band.InnerLowest + 1).ToArray();
        var outer = Enumerable.Range(band.Lowest, band.Size).Where(port => port < band.InnerLowest || port > band.InnerHighest).ToArray();
        Detail = $"{planned.Packets} of the ports {band.Lowest}–{band.Highest}";
        foreach (int port in Draw(inner).Concat(Draw(outer)))
        {
            foreach (var host in Punch.RemoteHosts)
            {
                if (_targets.Count == planned.Packets) return;
                _targets.Enqueue(host.WithPort((ushort)port));
            }
        }
    }

    // Fisher and Yates, as far as it is asked for.
    private IEnumerable<int> Draw(int[] ports)
    {
        for (int i = 0; i < ports.Length; i++)
        {
            int other = Punch.Entropy.NextInt32(i, ports.Length);
            (ports[i], ports[other]) = (ports[other], ports[i]);
            yield return ports[i];
        }
    }
}
