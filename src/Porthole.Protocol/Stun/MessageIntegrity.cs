using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Porthole.Protocol.Stun;

/// <summary>
/// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 sections 14.5, 14.6): an HMAC over the message up to the attribute, under a header
/// whose length ends with the attribute.
/// </summary>
public static class MessageIntegrity
{
    /// <summary>The length of an HMAC-SHA1 value, in bytes.</summary>
    public const int Size = HMACSHA1.HashSizeInBytes;

    /// <summary>The length of a whole HMAC-SHA256 value, in bytes.</summary>
    public const int Sha256Size = HMACSHA256.HashSizeInBytes;

    /// <summary>The least bytes of an HMAC-SHA256 value that may be sent (RFC 8489 section 14.6).</summary>
    public const int MinSha256Size = 16;

    /// <summary>
    /// The longest message prefix that is authenticated, in bytes: it is copied to the stack, because its length field must be another one than the
    /// received, and the received bytes stay as they are. Requests and answers fit into one packet (RFC 8489 section 6.1).
    /// </summary>
    public const int MaxMessageSize = 2_048;

    internal static bool Verify(ReadOnlySpan<byte> message, in StunAttribute attribute, ReadOnlySpan<byte> key)
    {
        if (attribute.Value.Length != Size || attribute.Offset > MaxMessageSize) return false;
        Span<byte> expected = stackalloc byte[Size];
        Compute(message[..attribute.Offset], Size, key, expected, sha256: false);
        return CryptographicOperations.FixedTimeEquals(expected, attribute.Value);
    }

    internal static bool VerifySha256(ReadOnlySpan<byte> message, in StunAttribute attribute, ReadOnlySpan<byte> key)
    {
        int size = attribute.Value.Length;
        if (size is < MinSha256Size or > Sha256Size || size % 4 != 0 || attribute.Offset > MaxMessageSize) return false;
        Span<byte> expected = stackalloc byte[Sha256Size];
        Compute(message[..attribute.Offset], size, key, expected, sha256: true);
        return CryptographicOperations.FixedTimeEquals(expected[..size], attribute.Value);
    }

    /// <summary>The HMAC over a prefix of a message, as if the message ended with an attribute of <paramref name="size"/> bytes after it.</summary>
    internal static void Compute(ReadOnlySpan<byte> prefix, int size, ReadOnlySpan<byte> key, Span<byte> hmac, bool sha256)
    {
        Span<byte> copy = stackalloc byte[MaxMessageSize];
        copy = copy[..prefix.Length];
        prefix.CopyTo(copy);
        int length = prefix.Length - StunHeader.Size + StunHeader.AttributeHeaderSize + size;
        BinaryPrimitives.WriteUInt16BigEndian(copy[StunHeader.LengthOffset..], (ushort)length);
        if (sha256) HMACSHA256.HashData(key, copy, hmac);
        else HMACSHA1.HashData(key, copy, hmac);
    }
}
