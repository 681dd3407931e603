namespace Porthole.Protocol.Stun;

/// <summary>The class of a STUN message (RFC 8489 section 5).</summary>
public enum StunClass
{
    /// <summary>Asks for an answer: 0b00.</summary>
    Request = 0b00,

    /// <summary>Asks for none: 0b01.</summary>
    Indication = 0b01,

    /// <summary>The request was done: 0b10.</summary>
    SuccessResponse = 0b10,

    /// <summary>The request was refused: 0b11.</summary>
    ErrorResponse = 0b11,
}
