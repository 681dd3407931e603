using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>Finds messages in a byte stream: STUN over TCP has no frame but its own header (RFC 8489 section 6.2.2).</summary>
public static class StunFrame
{
    /// <summary>The longest message that is taken from a stream, in bytes: what integrity can be checked over, and some room behind it.</summary>
    public const int MaxMessageSize = MessageIntegrity.MaxMessageSize + 64;

    /// <summary>Looks for the first message.</summary>
    /// <param name="received">What has been received and not been used, from the start of a message.</param>
    /// <param name="length">The message's length in bytes; 0 unless it is complete.</param>
    public static StunFrameStatus Find(ReadOnlySpan<byte> received, out int length)
    {
        length = 0;
        if (received is [> 0x3F, ..]) return StunFrameStatus.Broken;
        if (received.Length < StunHeader.CookieOffset) return StunFrameStatus.Incomplete;
        int size = StunHeader.Size + BinaryPrimitives.ReadUInt16BigEndian(received[StunHeader.LengthOffset..]);
        if (size > MaxMessageSize || size % 4 != 0) return StunFrameStatus.Broken;
        if (received.Length < StunHeader.TransactionIdOffset) return StunFrameStatus.Incomplete;
        if (BinaryPrimitives.ReadUInt32BigEndian(received[StunHeader.CookieOffset..]) != StunHeader.MagicCookie) return StunFrameStatus.Broken;
        if (received.Length < size) return StunFrameStatus.Incomplete;
        length = size;
        return StunFrameStatus.Complete;
    }
}
