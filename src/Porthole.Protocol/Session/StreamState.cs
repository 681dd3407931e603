namespace Porthole.Protocol.Session;

/// <summary>The states of the sending part of a stream (RFC 9000 section 3.1). "Ready" is <see cref="Send"/> before the first byte.</summary>
internal enum SendState : byte
{
    /// <summary>Bytes may be written and are sent.</summary>
    Send,

    /// <summary>All bytes and the end were sent; some are not yet acknowledged.</summary>
    DataSent,

    /// <summary>Everything arrived. Final.</summary>
    DataReceived,

    /// <summary>Given up; the peer may not know yet.</summary>
    ResetSent,

    /// <summary>The peer knows that the stream was given up. Final.</summary>
    ResetReceived,
}

/// <summary>The states of the receiving part of a stream (RFC 9000 section 3.2).</summary>
internal enum ReceiveState : byte
{
    /// <summary>Bytes come; the end is not known.</summary>
    Receive,

    /// <summary>The end is known; some bytes are missing.</summary>
    SizeKnown,

    /// <summary>All bytes are here; the reader has not taken them all.</summary>
    DataReceived,

    /// <summary>The reader has taken everything. Final.</summary>
    DataRead,

    /// <summary>The peer gave the stream up. Final: the reader learns it by a flag, not by a queue.</summary>
    ResetReceived,
}
