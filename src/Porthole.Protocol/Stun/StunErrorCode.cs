namespace Porthole.Protocol.Stun;

/// <summary>Error codes of STUN answers (RFC 8489 section 14.8, RFC 8445 section 16.2). A reader may answer values that have no name here: 300 to 699.</summary>
public enum StunErrorCode
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Ask another server.</summary>
    TryAlternate = 300,

    /// <summary>The request is malformed.</summary>
    BadRequest = 400,

    /// <summary>The credentials are missing or wrong.</summary>
    Unauthenticated = 401,

    /// <summary>The request holds attributes that must be understood and are not; the answer lists them.</summary>
    UnknownAttribute = 420,

    /// <summary>The nonce is no longer valid.</summary>
    StaleNonce = 438,

    /// <summary>Both agents claim the same ICE role (RFC 8445 section 7.3.1.1).</summary>
    RoleConflict = 487,

    /// <summary>The server failed for the moment.</summary>
    ServerError = 500,
}

/// <summary>The words that go with an error code.</summary>
public static class StunErrorCodes
{
    extension(StunErrorCode code)
    {
        /// <summary>The reason phrase, in UTF-8, that the RFCs recommend; empty for a code without a name.</summary>
        public ReadOnlySpan<byte> Reason => code switch
        {
            StunErrorCode.TryAlternate => "Try Alternate"u8,
            StunErrorCode.BadRequest => "Bad Request"u8,
            StunErrorCode.Unauthenticated => "Unauthenticated"u8,
            StunErrorCode.UnknownAttribute => "Unknown Attribute"u8,
            StunErrorCode.StaleNonce => "Stale Nonce"u8,
            StunErrorCode.RoleConflict => "Role Conflict"u8,
            StunErrorCode.ServerError => "Server Error"u8,
            _ => default, // the value may come from the network: any number
        };
    }
}
