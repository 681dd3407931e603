namespace Porthole.Protocol.Stun;

/// <summary>
/// Where things lie in a STUN message (RFC 8489 section 5).
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |0 0|     STUN Message Type     |         Message Length        |
/// |                         Magic Cookie                          |
/// |                     Transaction ID (96 bits)                  |
/// </code>
/// </summary>
internal static class StunHeader
{
    /// <summary>The length of the header; the Message Length counts what follows it.</summary>
    public const int Size = 20;

    /// <summary>Type and length of an attribute, before its value.</summary>
    public const int AttributeHeaderSize = 4;

    public const uint MagicCookie = 0x2112_A442;

    public const int LengthOffset = 2;
    public const int CookieOffset = 4;
    public const int TransactionIdOffset = 8;

    /// <summary>The class bits lie among the method bits: M11..M7 C1 M6..M4 C0 M3..M0.</summary>
    public static int ToType(StunClass messageClass, StunMethod method)
    {
        int m = (int)method, c = (int)messageClass;
        return (m & 0x000F) | ((m & 0x0070) << 1) | ((m & 0x0F80) << 2) | ((c & 0b01) << 4) | ((c & 0b10) << 7);
    }

    public static StunClass ToClass(int type) => (StunClass)(((type >> 4) & 0b01) | ((type >> 7) & 0b10));

    public static StunMethod ToMethod(int type) => (StunMethod)((type & 0x000F) | ((type >> 1) & 0x0070) | ((type >> 2) & 0x0F80));

    /// <summary>Attributes begin at multiples of 4.</summary>
    public static int Pad(int length) => (length + 3) & ~3;
}
