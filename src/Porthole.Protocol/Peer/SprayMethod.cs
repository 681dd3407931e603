using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Peer;

/// <summary>
/// One side's NAT gives ports that nobody can know. That side opens many sockets to the other's one address; the other sends to many ports of the band. What
/// counts is that all of it is there at the same time: the sockets stay open until one has met, or the time is over.
/// </summary>
internal sealed class SprayMethod(UdpPunch punch, PlannedMethod planned) : UdpMethod(punch)
{
    /// <summary>How far it may fall behind and catch up: timers are late by a millisecond or more, every time. No more than four packets at once.</summary>
    private static readonly TimeSpan s_backlog = 3 * IceOptions.MinPacing;

    /// <summary>How long until it is seen again whether another spray of this machine has ended.</summary>
    private static readonly TimeSpan s_waitForOther = TimeSpan.FromMilliseconds(250);

    /// <summary>How often the round trip to the server is looked at: a spray that fills a queue on the way is felt there.</summary>
    private static readonly TimeSpan s_lookPeriod = TimeSpan.FromMilliseconds(250);

    /// <summary>What a round trip may grow by in any case: below lies the jitter of a mobile network.</summary>
    private static readonly TimeSpan s_jitter = TimeSpan.FromMilliseconds(50);

    /// <summary>How often in a row it must have doubled: a lost segment alone makes one slow.</summary>
    private const int MaxSlow = 3;

    /// <summary>How long an answer may stay out: TCP repeats what was lost after 1 s at most (RFC 6298 section 2), and once more.</summary>
    private static readonly TimeSpan s_stuck = TimeSpan.FromSeconds(3);

    /// <summary>Sockets that may be lost, or refused by the system or the network, before the spray ends.</summary>
    private const int MaxGone = 16;

    /// <summary>
    /// So many ICMP errors within <see cref="s_burst"/> end the spray: whoever sends them minds it. A Linux router that rejects what it does not know sends six at
    /// most at once and one in a second from then on (icmp_ratelimit), behind which a port may well be hit.
    /// </summary>
    private const int MaxErrors = 8;

    private static readonly TimeSpan s_burst = TimeSpan.FromSeconds(1);

    private readonly Queue<Instant> _errors = new(MaxErrors);
    private readonly Queue<TransportAddress> _targets = new();
    private Instant? _stepAt;
    private Instant? _lookAt;
    private TimeSpan _quietRoundTrip;
    private int _gone;
    private int _slow;
    private int _met;
    private Instant _endAt = Instant.Never;
    private int _opened;
    private bool _hasBudget;

    public override Instant? NextDeadline => Instant.Earlier(Instant.Earlier(_stepAt, _lookAt), _endAt);

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

        if (_lookAt <= now) Look(now);
        if (IsOver || !(_stepAt <= now)) return;
        if (!_hasBudget) TryBegin(now);
        else Advance(now);
    }

    public override void HandleGone(Instant now)
    {
        if (++_gone < MaxGone) return;
        (IsOver, Detail) = (true, "sockets were lost, one after the other");
    }

    public override void HandleUnreachable(Instant now)
    {
        _met++;
        while (_errors.TryPeek(out var first) && now - first >= s_burst) _errors.Dequeue();
        _errors.Enqueue(now);
        if (IsOver || _errors.Count < MaxErrors) return;
        (IsOver, IsRefused, Detail) = (true, true, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"met {_met} ICMP errors"));
    }

    public override void End(Instant now, bool hadPair)
    {
        if (_hasBudget) Punch.Budget.End(now, hadPair);
    }

    private void TryBegin(Instant now)
    {
        var aim = new SprayAim(Transports.Udp, Punch.Remote.Host, Punch.Peer) { OtherHosts = IsHere ? default : [.. Punch.RemoteHosts] };
        if (Punch.Budget.IsBarred(now, aim))
        {
            (IsOver, IsBudgetSpent, Detail) = (true, true, "the last one failed not long ago");
            return;
        }

        _stepAt = now + s_waitForOther;
        if (!Punch.Budget.TryBegin(now, aim)) return;
        (_hasBudget, _lookAt) = (true, now + s_lookPeriod);
        _quietRoundTrip = Punch.Server.RoundTrip ?? Punch.Plan.LocalRtt;
        Punch.Server.MeasureRoundTrip(now);
        if (!IsHere) DrawTargets();
        _stepAt = now;
        Advance(now);
    }

    /// <summary>Ends the spray where the main connection suffers from it: its round trip has doubled.</summary>
    private void Look(Instant now)
    {
        _lookAt = now + s_lookPeriod;
        if (!Punch.Server.IsOnline) return;
        var waited = Punch.Server.Waited(now);
        if (waited == TimeSpan.Zero)
        {
            bool isSlow = Punch.Server.RoundTrip > 2 * _quietRoundTrip && Punch.Server.RoundTrip > _quietRoundTrip + s_jitter;
            _slow = isSlow ? _slow + 1 : 0;
            Punch.Server.MeasureRoundTrip(now);
        }

        if (_slow == MaxSlow || waited >= s_stuck) (IsOver, IsBudgetSpent, Detail) = (true, true, "the way to the server became slow");
    }

    private void Advance(Instant now)
    {
        while (_stepAt is { } due && due <= now) Step(Instant.Max(due, now - s_backlog));
    }

    private void Step(Instant due)
    {
        _stepAt = null;
        if (IsHere)
        {
            if (!Punch.TryOpen(round: 1)) return;
            Detail = $"{++_opened} sockets";
            if (_opened < planned.Sockets) _stepAt = due + IceOptions.MinPacing;
        }
        else if (_targets.TryDequeue(out var target))
        {
            Punch.Probe(Punch.Main!.Socket, target);
            _stepAt = due + IceOptions.MinPacing;
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
