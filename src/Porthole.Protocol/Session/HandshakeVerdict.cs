namespace Porthole.Protocol.Session;

/// <summary>What became of a handshake packet, or of a handshake.</summary>
public enum HandshakeVerdict
{
    /// <summary>It was the next message, and authentic; there may be a new packet to send.</summary>
    Accepted,

    /// <summary>It was here before: the other side has not had our answer, which is to be sent again, the same bytes.</summary>
    Duplicate,

    /// <summary>A message that is not expected now, or a second message 1 with another ephemeral key; ignored.</summary>
    Unexpected,

    /// <summary>Not a handshake packet of this session, or too short, or with unknown flags; ignored.</summary>
    Malformed,

    /// <summary>It did not open: forged, altered, meant for another key, or the two sides do not agree about the prologue or the psk; ignored.</summary>
    Forged,

    /// <summary>The other side holds another key than the pinned or announced one. The handshake has ended.</summary>
    WrongKey,

    /// <summary>One side has a pre-shared key and the other has not. Nothing goes on without it.</summary>
    PskMismatch,
}
