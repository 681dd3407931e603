using System.Buffers.Binary;
using System.Text;

namespace Porthole.Protocol.Stun;

/// <summary>
/// Builds a STUN message (RFC 8489 section 5) in the caller's buffer. Every call leaves a whole message behind. Order: attributes, then
/// MESSAGE-INTEGRITY, then MESSAGE-INTEGRITY-SHA256, then FINGERPRINT; each may be left out.
/// </summary>
/// <remarks>Any write throws <see cref="ArgumentOutOfRangeException"/> when the buffer is too small: sizes are the program's own, never the network's.</remarks>
public ref struct StunWriter
{
    private readonly Span<byte> _buffer;
    private int _length = StunHeader.Size;

    /// <summary>Begins a message.</summary>
    /// <param name="buffer">Where it is built.</param>
    /// <param name="messageClass">The class.</param>
    /// <param name="method">The method: 12 bits.</param>
    /// <param name="transaction">The transaction.</param>
    public StunWriter(Span<byte> buffer, StunClass messageClass, StunMethod method, TransactionId transaction)
    {
        _buffer = buffer;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)StunHeader.ToType(messageClass, method));
        BinaryPrimitives.WriteUInt16BigEndian(buffer[StunHeader.LengthOffset..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[StunHeader.CookieOffset..], StunHeader.MagicCookie);
        transaction.WriteTo(buffer[StunHeader.TransactionIdOffset..]);
    }

    /// <summary>The length of the message so far, in bytes.</summary>
    public readonly int Length => _length;

    /// <summary>The message so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[.._length];

    /// <summary>Writes a value as it is.</summary>
    public void WriteBytes(StunAttributeType type, scoped ReadOnlySpan<byte> value) => value.CopyTo(Reserve(type, value.Length));

    /// <summary>Writes an attribute without a value: USE-CANDIDATE.</summary>
    public void WriteFlag(StunAttributeType type) => Reserve(type, 0);

    /// <summary>Writes as many zeros: PADDING (RFC 5780 section 7.6).</summary>
    public void WriteZeros(StunAttributeType type, int size) => Reserve(type, size).Clear();

    /// <summary>Writes text in UTF-8: USERNAME, SOFTWARE, REALM, NONCE.</summary>
    public void WriteText(StunAttributeType type, scoped ReadOnlySpan<char> text) => Encoding.UTF8.GetBytes(text, Reserve(type, Encoding.UTF8.GetByteCount(text)));

    /// <summary>Writes a 32-bit value: PRIORITY, CHANGE-REQUEST.</summary>
    public void WriteUInt32(StunAttributeType type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Reserve(type, sizeof(uint)), value);

    /// <summary>Writes a 64-bit value: ICE-CONTROLLED, ICE-CONTROLLING.</summary>
    public void WriteUInt64(StunAttributeType type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Reserve(type, sizeof(ulong)), value);

    /// <summary>Writes an address in clear: MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS (RFC 8489 section 14.1).</summary>
    public void WriteAddress(StunAttributeType type, TransportAddress address) =>
        StunAddress.Write(Reserve(type, StunAddress.Size(address)), address, default);

    /// <summary>Writes an address combined with cookie and transaction id: XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).</summary>
    public void WriteXorAddress(StunAttributeType type, TransportAddress address) =>
        StunAddress.Write(Reserve(type, StunAddress.Size(address)), address, _buffer.Slice(StunHeader.CookieOffset, StunAddress.MaskSize));

    /// <summary>Writes ERROR-CODE (RFC 8489 section 14.8).</summary>
    /// <param name="code">300 to 699.</param>
    /// <param name="withReason">Whether its usual reason phrase goes with it; it is for people only.</param>
    public void WriteErrorCode(StunErrorCode code, bool withReason = true)
    {
        var reason = withReason ? code.Reason : default;
        var value = Reserve(StunAttributeType.ErrorCode, 4 + reason.Length);
        value[0] = value[1] = 0;
        value[2] = (byte)((int)code / 100);
        value[3] = (byte)((int)code % 100);
        reason.CopyTo(value[4..]);
    }

    /// <summary>Writes UNKNOWN-ATTRIBUTES (RFC 8489 section 14.13).</summary>
    public void WriteUnknownAttributes(scoped ReadOnlySpan<StunAttributeType> types)
    {
        var value = Reserve(StunAttributeType.UnknownAttributes, types.Length * sizeof(ushort));
        for (int i = 0; i < types.Length; i++) BinaryPrimitives.WriteUInt16BigEndian(value[(i * sizeof(ushort))..], (ushort)types[i]);
    }

    /// <summary>Writes MESSAGE-INTEGRITY over what stands before it (RFC 8489 section 14.5).</summary>
    /// <param name="key">The key: with short-term credentials the password's bytes.</param>
    public void WriteIntegrity(scoped ReadOnlySpan<byte> key)
    {
        var prefix = Written;
        MessageIntegrity.Compute(prefix, MessageIntegrity.Size, key, Reserve(StunAttributeType.MessageIntegrity, MessageIntegrity.Size), sha256: false);
    }

    /// <summary>Writes MESSAGE-INTEGRITY-SHA256, all 32 bytes, over what stands before it (RFC 8489 section 14.6).</summary>
    /// <param name="key">The key: with short-term credentials the password's bytes.</param>
    public void WriteIntegritySha256(scoped ReadOnlySpan<byte> key)
    {
        var prefix = Written;
        var value = Reserve(StunAttributeType.MessageIntegritySha256, MessageIntegrity.Sha256Size);
        MessageIntegrity.Compute(prefix, MessageIntegrity.Sha256Size, key, value, sha256: true);
    }

    /// <summary>Writes FINGERPRINT, which ends the message (RFC 8489 section 14.7).</summary>
    public void WriteFingerprint()
    {
        int before = _length;
        var value = Reserve(StunAttributeType.Fingerprint, Fingerprint.Size); // first: its CRC covers the length that counts it
        BinaryPrimitives.WriteUInt32BigEndian(value, Fingerprint.Compute(_buffer[..before]));
    }

    private Span<byte> Reserve(StunAttributeType type, int size)
    {
        int padded = StunHeader.Pad(size);
        var attribute = _buffer.Slice(_length, StunHeader.AttributeHeaderSize + padded);
        BinaryPrimitives.WriteUInt16BigEndian(attribute, (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(attribute[2..], (ushort)size);
        attribute[(StunHeader.AttributeHeaderSize + size)..].Clear(); // padding is zero (RFC 8489 section 14)
        _length += attribute.Length;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[StunHeader.LengthOffset..], (ushort)(_length - StunHeader.Size));
        return attribute.Slice(StunHeader.AttributeHeaderSize, size);
    }
}
