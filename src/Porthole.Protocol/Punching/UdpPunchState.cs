namespace Porthole.Protocol.Punching;

/// <summary>How far a UDP punch has come.</summary>
public enum UdpPunchState
{
    /// <summary>Nothing has come from the peer.</summary>
    Probing,

    /// <summary>The peer is heard; that it hears this side is not known.</summary>
    Heard,

    /// <summary>Both directions work; the two agree on one address.</summary>
    Agreeing,

    /// <summary>Over, with a connection.</summary>
    Connected,

    /// <summary>Over, without.</summary>
    Failed,
}
