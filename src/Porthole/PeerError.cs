namespace Porthole;

/// <summary>What could not be done, and so how to react. A program that turns errors into exit codes or advice switches over this.</summary>
public enum PeerError
{
    /// <summary>Nobody by that name or id was ever registered at the server.</summary>
    UnknownPeer,

    /// <summary>The peer is known to the server, and not online.</summary>
    PeerOffline,

    /// <summary>The peer, or its accept policy, said no.</summary>
    Refused,

    /// <summary>The peer does not hold the key it is known by.</summary>
    KeyChanged,

    /// <summary>The peer that answered is not the one that was asked for.</summary>
    WrongPeer,

    /// <summary>The encrypted handshake with the peer did not succeed.</summary>
    HandshakeFailed,

    /// <summary>No answer in time.</summary>
    TimedOut,

    /// <summary>The server set a limit, and it is reached.</summary>
    LimitReached,

    /// <summary>The name belongs to another key.</summary>
    NameTaken,

    /// <summary>The access token is missing or wrong.</summary>
    WrongToken,

    /// <summary>Nothing answers at the server's address.</summary>
    ServerUnreachable,

    /// <summary>The server does not hold the key that is pinned for it.</summary>
    WrongServerKey,

    /// <summary>What answers is no Porthole server, or one of another version.</summary>
    NotAServer,

    /// <summary>The server's UDP ports do not answer: a firewall on the way closes them.</summary>
    UdpBlocked,

    /// <summary>The local port that was asked for is taken.</summary>
    PortInUse,

    /// <summary>The local address that was asked for is not this host's.</summary>
    AddressNotAvailable,

    /// <summary>No direct path came up in time; the relay may well carry data.</summary>
    NoDirectPath,

    /// <summary>The peer closed the connection.</summary>
    ClosedByPeer,

    /// <summary>The node, connection or stream was closed here.</summary>
    Closed,

    /// <summary>Nothing came from the peer for too long, on any path.</summary>
    Lost,

    /// <summary>The peer gave the stream up, or wants no more of it; the code is in <see cref="PeerException.Code"/>.</summary>
    StreamAborted,

    /// <summary>The other side broke the protocol.</summary>
    ProtocolViolation,

    /// <summary>The request makes no sense: a malformed name, or a connection to oneself.</summary>
    BadRequest,

    /// <summary>The identity file cannot be read or written, is damaged, or others may read it.</summary>
    BadIdentity,

    /// <summary>A file of known peers or servers cannot be read or written, or is damaged.</summary>
    BadTrustFile,
}
