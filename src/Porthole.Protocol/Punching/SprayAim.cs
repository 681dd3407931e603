namespace Porthole.Protocol.Punching;

/// <summary>Whom a spray is for.</summary>
/// <param name="Transport">By which transport.</param>
/// <param name="Host">The other side's public address, with port 0.</param>
/// <param name="Peer">The peer; null when that is not known.</param>
internal readonly record struct SprayAim(Transports Transport, TransportAddress Host, PeerId? Peer = null);

/// <summary>A spray that led to no connection.</summary>
/// <param name="Aim">Whom it was for.</param>
/// <param name="At">When it ended.</param>
/// <param name="Pause">How long to refrain from the peer.</param>
internal readonly record struct SprayFailure(SprayAim Aim, Instant At, TimeSpan Pause)
{
    /// <summary>Whether it was for the same peer, or, where none is known, for the same address.</summary>
    public bool IsOf(SprayAim aim) => Aim.Transport == aim.Transport && Aim.Peer == aim.Peer && (aim.Peer is not null || Aim.Host == aim.Host);

    /// <summary>Whether another spray has to wait for it.</summary>
    public bool Bars(Instant now, SprayAim aim) => IsOf(aim)
        ? now < At + Pause
        : Aim.Transport == aim.Transport && Aim.Host == aim.Host && now < At + SprayBudget.FirstPause;
}
