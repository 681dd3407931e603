using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>A STUN message (RFC 8489 section 5), read in place. Only the form is judged here; the received bytes are never changed.</summary>
public readonly ref struct StunReader
{
    private readonly ReadOnlySpan<byte> _message;

    private StunReader(ReadOnlySpan<byte> message) => _message = message;

    /// <summary>The bytes of the message.</summary>
    public ReadOnlySpan<byte> Message => _message;

    /// <summary>The class.</summary>
    public StunClass Class => StunHeader.ToClass(Type);

    /// <summary>The method: any 12-bit number.</summary>
    public StunMethod Method => StunHeader.ToMethod(Type);

    /// <summary>The transaction.</summary>
    public TransactionId TransactionId => new(_message[StunHeader.TransactionIdOffset..]);

    private int Type => BinaryPrimitives.ReadUInt16BigEndian(_message);

    /// <summary>Reads a whole datagram as one STUN message.</summary>
    /// <returns>
    /// False when it is none: too short, another cookie (RFC 3489's messages have none), a length that is not the datagram's, or attributes that do
    /// not fit.
    /// </returns>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out StunReader message)
    {
        message = default;
        if (datagram.Length < StunHeader.Size || datagram[0] > 0x3F) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(datagram[StunHeader.LengthOffset..]);
        if (length != datagram.Length - StunHeader.Size || length % 4 != 0) return false;
        if (BinaryPrimitives.ReadUInt32BigEndian(datagram[StunHeader.CookieOffset..]) != StunHeader.MagicCookie) return false;
        for (int offset = StunHeader.Size; offset < datagram.Length;)
        {
            if (!StunAttributeEnumerator.TryRead(datagram, offset, out _, out offset)) return false;
        }

        message = new StunReader(datagram);
        return true;
    }

    /// <summary>The attributes in their order, without those that must be ignored.</summary>
    public StunAttributeEnumerator GetEnumerator() => new(_message);

    /// <summary>Finds the first attribute of a type; later ones are to be ignored (RFC 8489 section 14).</summary>
    public bool TryFind(StunAttributeType type, out StunAttribute attribute)
    {
        foreach (var candidate in this)
        {
            if (candidate.Type != type) continue;
            attribute = candidate;
            return true;
        }

        attribute = default;
        return false;
    }

    /// <summary>Whether there is an attribute of a type.</summary>
    public bool Has(StunAttributeType type) => TryFind(type, out _);

    /// <summary>Reads the value of an attribute as it is.</summary>
    public bool TryGetBytes(StunAttributeType type, out ReadOnlySpan<byte> value)
    {
        bool found = TryFind(type, out var attribute);
        value = attribute.Value;
        return found;
    }

    /// <summary>Reads a 32-bit value: PRIORITY, CHANGE-REQUEST.</summary>
    /// <returns>False when the attribute is missing or has another length.</returns>
    public bool TryGetUInt32(StunAttributeType type, out uint value)
    {
        bool read = TryFind(type, out var attribute) && attribute.Value.Length == sizeof(uint);
        value = read ? BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) : 0;
        return read;
    }

    /// <summary>Reads a 64-bit value: ICE-CONTROLLED, ICE-CONTROLLING.</summary>
    /// <returns>False when the attribute is missing or has another length.</returns>
    public bool TryGetUInt64(StunAttributeType type, out ulong value)
    {
        bool read = TryFind(type, out var attribute) && attribute.Value.Length == sizeof(ulong);
        value = read ? BinaryPrimitives.ReadUInt64BigEndian(attribute.Value) : 0;
        return read;
    }

    /// <summary>Reads an address that stands in clear: MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS (RFC 8489 section 14.1).</summary>
    /// <returns>False when the attribute is missing or is no address.</returns>
    public bool TryGetAddress(StunAttributeType type, out TransportAddress address)
    {
        address = default;
        return TryFind(type, out var attribute) && StunAddress.TryRead(attribute.Value, out address);
    }

    /// <summary>Reads an address that is combined with cookie and transaction id: XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).</summary>
    /// <returns>False when the attribute is missing or is no address.</returns>
    public bool TryGetXorAddress(StunAttributeType type, out TransportAddress address)
    {
        address = default;
        return TryFind(type, out var attribute)
            && StunAddress.TryReadXor(attribute.Value, _message.Slice(StunHeader.CookieOffset, StunAddress.MaskSize), out address);
    }

    /// <summary>Reads ERROR-CODE (RFC 8489 section 14.8).</summary>
    /// <param name="code">300 to 699.</param>
    /// <param name="reason">The reason phrase, as it came: not known to be UTF-8, never to be trusted.</param>
    /// <returns>False when the attribute is missing or has no such code.</returns>
    public bool TryGetErrorCode(out StunErrorCode code, out ReadOnlySpan<byte> reason)
    {
        code = StunErrorCode.None;
        reason = default;
        if (!TryFind(StunAttributeType.ErrorCode, out var attribute) || attribute.Value.Length < 4) return false;
        int hundreds = attribute.Value[2] & 0b111, rest = attribute.Value[3];
        if (hundreds is < 3 or > 6 || rest > 99) return false;
        code = (StunErrorCode)(hundreds * 100 + rest);
        reason = attribute.Value[4..];
        return true;
    }

    /// <summary>Collects the attributes that would have to be understood and are not, for a 420 answer (RFC 8489 section 6.3.1).</summary>
    /// <param name="unknown">Receives them.</param>
    /// <param name="alsoKnown">Attributes that few understand and the caller does.</param>
    /// <returns>How many were written; more than fit are left out.</returns>
    public int GetUnknownAttributes(Span<StunAttributeType> unknown, params ReadOnlySpan<StunAttributeType> alsoKnown)
    {
        int count = 0;
        foreach (var attribute in this)
        {
            if (attribute.Type.IsKnown || alsoKnown.Contains(attribute.Type) || count == unknown.Length || unknown[..count].Contains(attribute.Type)) continue;
            unknown[count++] = attribute.Type;
        }

        return count;
    }

    /// <summary>Whether the message holds MESSAGE-INTEGRITY made with the key (RFC 8489 section 14.5): HMAC-SHA1, compared in constant time.</summary>
    /// <returns>False when it is missing, malformed or made with another key.</returns>
    public bool HasValidIntegrity(ReadOnlySpan<byte> key) =>
        TryFind(StunAttributeType.MessageIntegrity, out var attribute) && MessageIntegrity.Verify(_message, attribute, key);

    /// <summary>
    /// Whether the message holds MESSAGE-INTEGRITY-SHA256 made with the key (RFC 8489 section 14.6): HMAC-SHA256, 16 to 32 bytes of it, compared in
    /// constant time.
    /// </summary>
    /// <returns>False when it is missing, malformed or made with another key.</returns>
    public bool HasValidIntegritySha256(ReadOnlySpan<byte> key) =>
        TryFind(StunAttributeType.MessageIntegritySha256, out var attribute) && MessageIntegrity.VerifySha256(_message, attribute, key);

    /// <summary>Whether the message ends with a right FINGERPRINT (RFC 8489 section 14.7).</summary>
    public bool HasValidFingerprint() => TryFind(StunAttributeType.Fingerprint, out var attribute) && Fingerprint.Verify(_message, attribute);
}
