namespace Porthole.Protocol.Stun;

/// <summary>The types of STUN attributes (RFC 8489 section 18.3 and the documents named at each). A reader may answer values that have no name here.</summary>
public enum StunAttributeType
{
    /// <summary>No attribute: reserved, never sent.</summary>
    Reserved = 0x0000,

    /// <summary>RFC 8489 section 14.1.</summary>
    MappedAddress = 0x0001,

    /// <summary>RFC 5780 section 7.2.</summary>
    ChangeRequest = 0x0003,

    /// <summary>RFC 8489 section 14.3.</summary>
    Username = 0x0006,

    /// <summary>RFC 8489 section 14.5.</summary>
    MessageIntegrity = 0x0008,

    /// <summary>RFC 8489 section 14.8.</summary>
    ErrorCode = 0x0009,

    /// <summary>RFC 8489 section 14.13.</summary>
    UnknownAttributes = 0x000A,

    /// <summary>RFC 8489 section 14.9.</summary>
    Realm = 0x0014,

    /// <summary>RFC 8489 section 14.10.</summary>
    Nonce = 0x0015,

    /// <summary>RFC 8489 section 14.6.</summary>
    MessageIntegritySha256 = 0x001C,

    /// <summary>RFC 8489 section 14.2.</summary>
    XorMappedAddress = 0x0020,

    /// <summary>RFC 8445 section 16.1.</summary>
    Priority = 0x0024,

    /// <summary>RFC 8445 section 16.1.</summary>
    UseCandidate = 0x0025,

    /// <summary>RFC 5780 section 7.6.</summary>
    Padding = 0x0026,

    /// <summary>RFC 5780 section 7.5.</summary>
    ResponsePort = 0x0027,

    /// <summary>RFC 8489 section 14.14.</summary>
    Software = 0x8022,

    /// <summary>RFC 8489 section 14.7.</summary>
    Fingerprint = 0x8028,

    /// <summary>RFC 8445 section 16.1.</summary>
    IceControlled = 0x8029,

    /// <summary>RFC 8445 section 16.1.</summary>
    IceControlling = 0x802A,

    /// <summary>RFC 5780 section 7.3.</summary>
    ResponseOrigin = 0x802B,

    /// <summary>RFC 5780 section 7.4.</summary>
    OtherAddress = 0x802C,

    /// <summary>
    /// Ours, in the request: the local candidate that the client asks from, in the form of MAPPED-ADDRESS. From the range for designated expert
    /// review (RFC 8489 section 18.3.2), where IANA has assigned nothing; servers that do not know it skip it.
    /// </summary>
    LocalCandidate = 0xF0A1,

    /// <summary>Ours, in the answer: the proof that the client receives at its mapped address (<see cref="Stun.ReflexiveProof"/>).</summary>
    ReflexiveProof = 0xF0A2,
}

/// <summary>What the number of an attribute says.</summary>
public static class StunAttributeTypes
{
    /// <summary>The first type that a receiver may skip without knowing it (RFC 8489 section 14).</summary>
    public const int FirstComprehensionOptional = 0x8000;

    extension(StunAttributeType type)
    {
        /// <summary>Whether a message that holds the attribute can only be processed by who knows it (RFC 8489 section 14).</summary>
        public bool IsComprehensionRequired => (int)type < FirstComprehensionOptional;

        /// <summary>Whether this library knows the attribute. Attributes of other uses of STUN (TURN) are known to those who use them.</summary>
        public bool IsKnown => type is StunAttributeType.MappedAddress or StunAttributeType.Username or StunAttributeType.MessageIntegrity
            or StunAttributeType.ErrorCode or StunAttributeType.UnknownAttributes or StunAttributeType.Realm or StunAttributeType.Nonce
            or StunAttributeType.MessageIntegritySha256 or StunAttributeType.XorMappedAddress or StunAttributeType.Priority
            or StunAttributeType.UseCandidate || !type.IsComprehensionRequired;
    }
}
