namespace Porthole.Protocol.Session;

/// <summary>Why a session is closed by the transport itself (RFC 9000 section 20.1).</summary>
#pragma warning disable CA1028 // The codes are 62-bit numbers on the wire.
public enum TransportError : long
#pragma warning restore CA1028
{
    /// <summary>NO_ERROR: closed without a fault.</summary>
    None = 0x00,

    /// <summary>INTERNAL_ERROR: this end cannot go on.</summary>
    Internal = 0x01,

    /// <summary>FLOW_CONTROL_ERROR: more data than was allowed.</summary>
    FlowControl = 0x03,

    /// <summary>STREAM_LIMIT_ERROR: more streams than were allowed.</summary>
    StreamLimit = 0x04,

    /// <summary>STREAM_STATE_ERROR: a frame for a stream that cannot receive it.</summary>
    StreamState = 0x05,

    /// <summary>FINAL_SIZE_ERROR: a stream's end was moved.</summary>
    FinalSize = 0x06,

    /// <summary>FRAME_ENCODING_ERROR: a frame that cannot be read.</summary>
    FrameEncoding = 0x07,

    /// <summary>PROTOCOL_VIOLATION: anything else against the rules.</summary>
    ProtocolViolation = 0x0A,

    /// <summary>AEAD_LIMIT_REACHED: too many forged packets for these keys.</summary>
    AeadLimitReached = 0x0F,
}
