namespace Porthole.Protocol.Peer;

/// <summary>Why a connection to a peer, or to the server, could not be had or did not last: the one list that machines, library and command line share.</summary>
public enum PeerError
{
    /// <summary>Nobody by that name or id is known to the server.</summary>
    UnknownPeer,

    /// <summary>The peer is known, but not logged in.</summary>
    PeerOffline,

    /// <summary>The peer, or its accept policy, said no.</summary>
    Refused,

    /// <summary>The key of a peer that is known by name is not the key it had.</summary>
    KeyChanged,

    /// <summary>The peer that answered does not hold the key that was asked for.</summary>
    WrongPeer,

    /// <summary>The answer to the handshake was not authentic.</summary>
    HandshakeFailed,

    /// <summary>No answer in time.</summary>
    TimedOut,

    /// <summary>The server set a limit and it is reached.</summary>
    LimitReached,

    /// <summary>The name is held by another key.</summary>
    NameTaken,

    /// <summary>The access token is wrong or missing.</summary>
    WrongToken,

    /// <summary>The server cannot be reached.</summary>
    ServerUnreachable,

    /// <summary>The server does not hold the key that is pinned for it.</summary>
    WrongServerKey,

    /// <summary>What answers there is no Porthole server, or one of another version.</summary>
    NotAServer,

    /// <summary>The local port that was asked for is taken.</summary>
    PortInUse,

    /// <summary>The local address that was asked for is not this host's.</summary>
    AddressNotAvailable,

    /// <summary>The peer closed the connection.</summary>
    ClosedByPeer,

    /// <summary>The connection was closed here.</summary>
    Closed,

    /// <summary>Nothing came from the peer for the idle time-out, on any path.</summary>
    Lost,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolViolation,

    /// <summary>The request makes no sense: a malformed name, or a connection to oneself.</summary>
    BadRequest,

    /// <summary>UDP between this host and the server does not get through: a firewall here, or one before the server, closes it.</summary>
    UdpBlocked,

    /// <summary>No direct path came up in time; the relay may well carry data.</summary>
    NoDirectPath,

    /// <summary>The peer gave a stream up, or wants no more of it; a code came with it.</summary>
    StreamAborted,

    /// <summary>A pairing code is wrong, used up or burnt.</summary>
    WrongCode,

    /// <summary>A file that holds an identity or known keys cannot be read or written.</summary>
    BadFile,
}
