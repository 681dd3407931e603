using Porthole.Protocol.Ice;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Both NATs count. Each side asks a server for the port of a fresh socket and tells the other; then both send, packet after packet, to the ports that come next:
/// packet i of the controlling side goes i steps behind the other's port, packet k of the other goes 2k − 1 steps. Each packet takes a new port itself. With nA
/// and nB flows of others in between the two meet at k = 1 + nA + nB, i = 1 + nA + 2·nB: nobody needs to know how many there are.
/// </summary>
/// <remarks>The scan of two speeds is that of Klinec and Matyáš ("Traversing symmetric NAT with predictable port allocation function", 2014).</remarks>
internal sealed class CrossMethod(UdpPunch punch) : RoundsMethod(punch)
{
    /// <summary>How often the server is asked in a round: a question that is lost on the way back has opened the mapping all the same.</summary>
    private const int Questions = 3;

    private static readonly TimeSpan s_answerMargin = TimeSpan.FromMilliseconds(50);

    private bool _isAnswered;
    private Instant? _askAt;
    private Instant? _sendAt;
    private int _asked;
    private int _sent;

    public override Instant? NextDeadline => Instant.Earlier(Instant.Earlier(_askAt, _sendAt), base.NextDeadline);

    private bool IsControlling => Punch.Agent.Role == IceRole.Controlling;

    public override void HandleAnswer(Instant now, FreshAnswer answer)
    {
        if (answer.Socket != Socket || _isAnswered) return;
        (_isAnswered, _askAt) = (true, null);
        Punch.Tell(now, answer, CandidatePurpose.ScanBase);
        HandleTold(now);
    }

    public override bool Takes(CandidateInfo candidate) => candidate.Purpose == CandidatePurpose.ScanBase;

    public override void HandleDeadline(Instant now)
    {
        if (_askAt <= now) Ask(now);
        if (_sendAt <= now) Send(now);
        base.HandleDeadline(now);
    }

    protected override void Reset() => (_isAnswered, _askAt, _sendAt, _asked, _sent) = (false, null, null, 0, 0);

    protected override void HandleSocket(Instant now, FreshSocket socket) => Ask(now);

    protected override void HandleTold(Instant now)
    {
        if (!_isAnswered || Told == default || _sent > 0) return;
        Detail = $"scanned behind {Told}, in round {Round}";
        Send(now);
    }

    private void Ask(Instant now)
    {
        var servers = Punch.Servers;
        _askAt = null;
        if (servers.Count == 0) return;
        Punch.Ask(Socket!, servers[0]);
        if (++_asked < Questions) _askAt = now + Punch.Plan.LocalRtt + s_answerMargin;
    }

    private void Send(Instant now)
    {
        int i = ++_sent;
        int port = Told.Port + (IsControlling ? i : 2 * i - 1) * Punch.Record.There.Step;
        if (port is >= RendezvousLimits.MinHostPort and <= ushort.MaxValue) Punch.Probe(Socket!.Id, Told.WithPort((ushort)port));
        _sendAt = _sent < Planner.ScanPackets ? now + IceOptions.MinPacing : null; // they must reach the NATs in order
    }
}
