using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// This side's NAT keeps the local port of a fresh socket, towards its first destination. So the other side is told that port, and the first packet of the
/// socket goes to it: at once where its address is known, else when it has told the port that goes with this round.
/// </summary>
internal sealed class FreshMethod(UdpPunch punch) : RoundsMethod(punch)
{
    /// <summary>How often the opening packet is sent, in case that it is lost, and the pause between two.</summary>
    private const int Copies = 3;

    private static readonly TimeSpan s_copyPause = TimeSpan.FromMilliseconds(100);

    private Instant? _copyAt;
    private int _copies;

    public override Instant? NextDeadline => Instant.Earlier(_copyAt, base.NextDeadline);

    private TransportAddress Target => Punch.There == PortKind.Known ? Punch.Remote : Told;

    public override bool Takes(CandidateInfo candidate) => Punch.There switch
    {
        PortKind.Known => false,
        PortKind.Same => candidate.Purpose == CandidatePurpose.Fresh,
        _ => candidate.Purpose == CandidatePurpose.Predicted,
    };

    public override void HandleDeadline(Instant now)
    {
        if (_copyAt <= now) Fire(now);
        base.HandleDeadline(now);
    }

    protected override void Reset() => (_copyAt, _copies) = (null, 0);

    protected override void HandleSocket(Instant now, FreshSocket socket)
    {
        Detail = $"port {socket.Local.Port}, in round {Round}";
        Punch.Tell(now, socket, [Punch.Main!.Mapped.WithPort(socket.Local.Port)], CandidatePurpose.Fresh);
        HandleTold(now);
    }

    protected override void HandleTold(Instant now)
    {
        if (Socket is not null && _copies == 0 && Target != default) Fire(now);
    }

    private void Fire(Instant now)
    {
        Punch.Probe(Socket!.Id, Target, Punch.OpeningHops);
        _copyAt = ++_copies < Copies ? now + s_copyPause : null;
    }
}
