namespace Porthole.Punching;

/// <summary>The steps of a bare punch: where it is, or where it failed.</summary>
public enum PunchStep
{
    /// <summary>The local port is made ready.</summary>
    Binding,

    /// <summary>A STUN server is asked for the mapped address.</summary>
    Mapping,

    /// <summary>The common start is waited for.</summary>
    Waiting,

    /// <summary>Packets go out, and nothing has come back: over UDP no message of the peer, over TCP no connection.</summary>
    Opening,

    /// <summary>UDP: the peer is heard, but it does not hear this side yet.</summary>
    Answering,

    /// <summary>Both directions work; the two sides agree on one pair of addresses, or on one connection.</summary>
    Agreeing,

    /// <summary>The socket is connected.</summary>
    Connected,
}
