namespace Porthole.Protocol.Peer;

/// <summary>A method that the other side carries out: this side checks what it is told, in the ordinary way.</summary>
internal sealed class AwaitMethod(UdpPunch punch, TimeSpan time) : UdpMethod(punch)
{
    private Instant _endAt = Instant.Never;

    public override Instant? NextDeadline => _endAt;

    public override void Begin(Instant now) => _endAt = now + time + Punch.SignallingTime;

    public override void HandleDeadline(Instant now) => IsOver |= _endAt <= now;
}
