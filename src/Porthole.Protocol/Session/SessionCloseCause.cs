namespace Porthole.Protocol.Session;

/// <summary>Why a session ended.</summary>
public enum SessionCloseCause
{
    /// <summary>An application closed it; the code is the application's.</summary>
    Application,

    /// <summary>An end broke the protocol or gave up; the code is a <see cref="TransportError"/>.</summary>
    Transport,

    /// <summary>Nothing came for the whole idle time-out (RFC 9000 section 10.1).</summary>
    IdleTimeout,

    /// <summary>The handshake was not done in time, or never proved by the peer's first sealed packet.</summary>
    HandshakeTimeout,

    /// <summary>The other side holds another key than the pinned or announced one; nothing was sent to it.</summary>
    WrongKey,

    /// <summary>The answer to the handshake did not open under this side's pre-shared key: the other side has another.</summary>
    WrongPsk,
}
