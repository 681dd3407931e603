namespace Porthole.Protocol.Session;

/// <summary>How far a session has come.</summary>
public enum SessionState
{
    /// <summary>No keys yet.</summary>
    Handshaking,

    /// <summary>Keys are there; the peer has not yet shown that it has them too.</summary>
    Established,

    /// <summary>Both ends hold the keys; from here on the session is announced and usable.</summary>
    Confirmed,

    /// <summary>Closed by this end; the close is repeated for whoever still sends (RFC 9000 section 10.2.1).</summary>
    Closing,

    /// <summary>Closed by the peer; nothing is sent any more (RFC 9000 section 10.2.2).</summary>
    Draining,

    /// <summary>Over. The owner may forget the session.</summary>
    Closed,
}
