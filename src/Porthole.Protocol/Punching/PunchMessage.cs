using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol.Punching;

/// <summary>
/// A message of a bare puncher, the same over UDP and at the start of a TCP connection. The cookie is the key of its tag, and never on the wire itself.
/// <code>
///  0       4      5        8         16          24        28         32     48
///  "pnch"  kind   zero(3)  sender(8) receiver(8) number(4) answers(4) tag(16)      numbers in network order
/// </code>
/// </summary>
/// <param name="Kind">What it says.</param>
/// <param name="Sender">The id of who sends it: drawn anew for each punch.</param>
/// <param name="Receiver">The id of who it is for; 0 while it is not known.</param>
/// <param name="Number">Counts what the sender has sent, from 1.</param>
/// <param name="Answers">The number of the message that this one answers; 0 for none.</param>
internal readonly record struct PunchMessage(PunchMessageKind Kind, ulong Sender, ulong Receiver, uint Number, uint Answers)
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Size = TagOffset + TagSize;

    private const int KindOffset = 4;
    private const int SenderOffset = 8;
    private const int ReceiverOffset = 16;
    private const int NumberOffset = 24;
    private const int AnswersOffset = 28;
    private const int TagOffset = 32;

    /// <summary>Half of the HMAC: 128 bits are as many as a guess will ever miss.</summary>
    private const int TagSize = 16;

    /// <summary>How every message begins. Its first byte, 0x70, is in the range that RFC 7983 section 7 leaves free, and that sessions do not use.</summary>
    private static ReadOnlySpan<byte> Magic => "pnch"u8;

    /// <summary>Whether bytes look like a message, whatever the cookie.</summary>
    public static bool LooksLikeOne(ReadOnlySpan<byte> bytes) => bytes.Length == Size && bytes.StartsWith(Magic);

    /// <summary>Writes the message.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    /// <param name="cookie">What both sides know.</param>
    public void Write(Span<byte> destination, ReadOnlySpan<byte> cookie)
    {
        Magic.CopyTo(destination);
        destination[KindOffset..SenderOffset].Clear();
        destination[KindOffset] = (byte)Kind;
        BinaryPrimitives.WriteUInt64BigEndian(destination[SenderOffset..], Sender);
        BinaryPrimitives.WriteUInt64BigEndian(destination[ReceiverOffset..], Receiver);
        BinaryPrimitives.WriteUInt32BigEndian(destination[NumberOffset..], Number);
        BinaryPrimitives.WriteUInt32BigEndian(destination[AnswersOffset..], Answers);
        Tag(destination[..TagOffset], cookie, destination.Slice(TagOffset, TagSize));
    }

    /// <summary>Reads a message.</summary>
    /// <returns>False when it is none, or its sender does not know the cookie.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> cookie, [NotNullWhen(true)] out PunchMessage message)
    {
        message = default;
        if (!LooksLikeOne(bytes)) return false;
        var kind = (PunchMessageKind)bytes[KindOffset];
        if (kind is < PunchMessageKind.Probe or > PunchMessageKind.Done) return false;
        Span<byte> tag = stackalloc byte[TagSize];
        Tag(bytes[..TagOffset], cookie, tag);
        if (!CryptographicOperations.FixedTimeEquals(tag, bytes[TagOffset..])) return false;
        message = new PunchMessage(
            kind,
            BinaryPrimitives.ReadUInt64BigEndian(bytes[SenderOffset..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[ReceiverOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[NumberOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[AnswersOffset..]));
        return true;
    }

    private static void Tag(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> cookie, Span<byte> tag)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(cookie, bytes, hash);
        hash[..TagSize].CopyTo(tag);
    }
}
