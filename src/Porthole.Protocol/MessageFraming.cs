namespace Porthole.Protocol;

/// <summary>How messages lie in the byte stream of a TCP connection.</summary>
public enum MessageFraming
{
    /// <summary>A 16-bit length before each message (RFC 4571 section 2): between peers, where STUN and session packets share a connection (RFC 6544 section 3).</summary>
    LengthPrefixed,

    /// <summary>STUN messages one after the other, each with its own length (RFC 8489 section 6.2.2): to and at STUN servers.</summary>
    Stun,
}
