using System.Collections.Immutable;

namespace Porthole.Protocol.Punching;

/// <summary>Whom a spray is for.</summary>
/// <param name="Transport">By which transport.</param>
/// <param name="Host">The other side's public address, with port 0.</param>
/// <param name="Peer">The peer; null when that is not known.</param>
internal readonly record struct SprayAim(Transports Transport, TransportAddress Host, PeerId? Peer = null)
{
    /// <summary>Further public addresses of the other side that are sprayed at, each with port 0; default for none.</summary>
    public ImmutableArray<TransportAddress> OtherHosts { get; init; }

    /// <summary>Whether two sprays go to one address.</summary>
    public bool Meets(SprayAim other)
    {
        if (IsAt(other.Host)) return true;
        foreach (var host in other.OtherHosts.IsDefault ? [] : other.OtherHosts)
        {
            if (IsAt(host)) return true;
        }

        return false;
    }

    private bool IsAt(TransportAddress host) => Host == host || (!OtherHosts.IsDefault && OtherHosts.Contains(host));
}

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
        : Aim.Transport == aim.Transport && Aim.Meets(aim) && now < At + SprayBudget.FirstPause;
}
