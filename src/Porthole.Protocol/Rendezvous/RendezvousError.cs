namespace Porthole.Protocol.Rendezvous;

/// <summary>Why the server, or the way to it, says no. The numbers are on the wire in refusals in the clear; new ones go to the end.</summary>
public enum RendezvousError : byte
{
    /// <summary>No peer holds the name, or the id was never seen here.</summary>
    UnknownPeer = 1,

    /// <summary>The peer is known, and not online.</summary>
    PeerOffline,

    /// <summary>The peer does not take connections from this peer.</summary>
    RefusedByPolicy,

    /// <summary>The peer was asked and said no.</summary>
    RefusedByPeer,

    /// <summary>The peer was asked and did not answer in time.</summary>
    NoAnswer,

    /// <summary>A peer cannot connect to itself.</summary>
    ConnectToSelf,

    /// <summary>The name belongs to another key.</summary>
    NameTaken,

    /// <summary>The text is no name.</summary>
    InvalidName,

    /// <summary>The key holds as many names as it may.</summary>
    TooManyNames,

    /// <summary>The server asks for an access token, and this was not it.</summary>
    WrongToken,

    /// <summary>Too many requests in a short time.</summary>
    RateLimited,

    /// <summary>Too many connections from one network address, or of one peer.</summary>
    TooManyConnections,

    /// <summary>The server serves as many peers as it may.</summary>
    ServerFull,

    /// <summary>Too many sessions of one peer.</summary>
    TooManySessions,

    /// <summary>The room, or the number of rooms, is full.</summary>
    RoomFull,

    /// <summary>The session's number is in use.</summary>
    SessionInUse,

    /// <summary>The peer has no such session.</summary>
    UnknownSession,

    /// <summary>The request needs a registration first.</summary>
    NotRegistered,

    /// <summary>The two programs speak different versions of the protocol.</summary>
    UnsupportedVersion,

    /// <summary>The other side broke the protocol.</summary>
    ProtocolViolation,

    /// <summary>The server does not hold the key that is pinned.</summary>
    WrongServerKey,

    /// <summary>The same instance connected again.</summary>
    ReplacedByNewConnection,

    /// <summary>The server is being stopped.</summary>
    ServerStopping,

    /// <summary>The server could not be reached.</summary>
    ServerUnreachable,

    /// <summary>The name of the server's host could not be resolved.</summary>
    ServerNotFound,

    /// <summary>Something else than a Porthole server answered.</summary>
    NotAServer,

    /// <summary>The connection to the server broke.</summary>
    ConnectionLost,

    /// <summary>The server stopped answering.</summary>
    ServerSilent,

    /// <summary>The owner closed the connection.</summary>
    Stopped,

    /// <summary>The server has no lobby.</summary>
    NoLobby,

    /// <summary>Nobody else came to the meeting in time.</summary>
    NobodyCame,

    /// <summary>Two others have met with the code, or are about to.</summary>
    CodeUsed,

    /// <summary>Too many came with a wrong code.</summary>
    CodeBurnt,
}

/// <summary>What a person is told about each error: what happened, why, what to do; one line.</summary>
public static class RendezvousErrors
{
    extension(RendezvousError error)
    {
        /// <summary>One line for a person: what happened, why, and what to do.</summary>
        public string Text => error switch
        {
            RendezvousError.UnknownPeer => "No such peer: nobody has registered that name or id at this server. Check the spelling and that both use the same server.",
            RendezvousError.PeerOffline => "The peer is not online: it is known to the server, but not connected now. Start it, or try again later.",
            RendezvousError.RefusedByPolicy => "The peer accepts only peers it knows. Ask its owner to let you in, by 'ask' or 'anyone' as the accept policy, or to connect to you once.",
            RendezvousError.RefusedByPeer => "The peer was asked and declined the connection.",
            RendezvousError.NoAnswer => "The peer was asked and did not answer in time. Try again when somebody is there to accept.",
            RendezvousError.ConnectToSelf => "That is this peer itself: a peer cannot connect to its own identity. Use another identity file for one of the two.",
            RendezvousError.NameTaken => "The name is taken: it belongs to another key at this server. Choose another name, or use the identity file that registered it.",
            RendezvousError.InvalidName => "Not a valid name: use 1 to 32 of a-z, 0-9, '-', '_' and '.', beginning with a letter or a digit.",
            RendezvousError.TooManyNames => "This identity holds as many names as the server allows. Use one of them again.",
            RendezvousError.WrongToken => "The server refused the access token: it is missing or wrong. Ask the server's operator for it and pass it with --token.",
            RendezvousError.RateLimited => "Too many requests in a short time: the server asks to wait. Try again in a minute.",
            RendezvousError.TooManyConnections => "Too many connections to the server from this network or identity. Close some, or ask the operator to raise the limit.",
            RendezvousError.ServerFull => "The server is full. Try again later, or ask the operator to raise the limit.",
            RendezvousError.TooManySessions => "This peer has as many sessions as the server allows. Close some first.",
            RendezvousError.RoomFull => "The room is full, or the server has no room for another. Choose another room.",
            RendezvousError.SessionInUse => "The number of the session is in use. Connect again.",
            RendezvousError.UnknownSession => "The server does not know the session any more. Connect again.",
            RendezvousError.NotRegistered => "The peer has not registered yet. Register before connecting.",
            RendezvousError.UnsupportedVersion => "This program and the server speak different protocol versions. Update the older of the two.",
            RendezvousError.ProtocolViolation => "The other side broke the protocol; the connection was closed. Update both programs, or use another server.",
            RendezvousError.WrongServerKey => "The server does not hold the pinned key: it was reinstalled, or somebody is in between. Ask its operator first.",
            RendezvousError.ReplacedByNewConnection => "The same instance connected to the server again; this connection was closed.",
            RendezvousError.ServerStopping => "The server is being stopped. The client connects again by itself.",
            RendezvousError.ServerUnreachable => "The server cannot be reached: nothing answers at its address. Check the address, the port and firewalls.",
            RendezvousError.ServerNotFound => "The server's host name cannot be resolved. Check the spelling and the network.",
            RendezvousError.NotAServer => "What answered is not a Porthole server. Check the address and the port.",
            RendezvousError.ConnectionLost => "The connection to the server broke. The client connects again by itself.",
            RendezvousError.ServerSilent => "The server stopped answering. The client connects again by itself.",
            RendezvousError.Stopped => "The connection to the server was closed.",
            RendezvousError.NoLobby => "The server has no lobby, so strangers meet here with a code only. Use a pairing code, or ask the operator for 'porthole server --lobby'.",
            RendezvousError.NobodyCame => "Nobody came in time: the server lets nobody wait longer. Agree on a moment, and meet again.",
            RendezvousError.CodeUsed => "The code is used up: two have met with it, and it works once. Make a new one.",
            RendezvousError.CodeBurnt => "The code is burnt: too many came with a wrong secret part. Make a new one, and tell it to nobody but the other side.",
        };

        /// <summary>Whether a client that is told so gives up: trying again cannot help before somebody changes something.</summary>
        public bool IsFinal => error is RendezvousError.WrongToken or RendezvousError.UnsupportedVersion or RendezvousError.WrongServerKey
            or RendezvousError.ReplacedByNewConnection or RendezvousError.Stopped;
    }
}
