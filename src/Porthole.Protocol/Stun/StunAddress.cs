using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>
/// The value of an address attribute: zero, family, port, address (RFC 8489 section 14.1); in the XOR form port and address are combined with the
/// magic cookie and the transaction id, since some NATs rewrite what looks like an address (section 14.2).
/// </summary>
internal static class StunAddress
{
    /// <summary>Cookie and transaction id: as many bytes as an IPv6 address.</summary>
    public const int MaskSize = 16;

    private const byte IPv4 = 0x01;
    private const byte IPv6 = 0x02;
    private const int PrefixSize = 4;

    public static int Size(TransportAddress address) => PrefixSize + address.AddressLength;

    public static bool TryRead(ReadOnlySpan<byte> value, out TransportAddress address) => TryReadXor(value, default, out address);

    public static bool TryReadXor(ReadOnlySpan<byte> value, ReadOnlySpan<byte> mask, out TransportAddress address)
    {
        address = default;
        if (value is not ([_, IPv4, ..] and { Length: PrefixSize + 4 }) and not ([_, IPv6, ..] and { Length: PrefixSize + 16 })) return false;
        int port = BinaryPrimitives.ReadUInt16BigEndian(value[2..]);
        Span<byte> bytes = stackalloc byte[16];
        bytes = bytes[..(value.Length - PrefixSize)];
        value[PrefixSize..].CopyTo(bytes);
        if (!mask.IsEmpty)
        {
            port ^= BinaryPrimitives.ReadUInt16BigEndian(mask);
            Combine(bytes, mask);
        }

        address = new TransportAddress(bytes, (ushort)port);
        return true;
    }

    public static void Write(Span<byte> value, TransportAddress address, ReadOnlySpan<byte> mask)
    {
        value[0] = 0;
        value[1] = address.IsIPv6 ? IPv6 : IPv4;
        int port = address.Port;
        address.WriteAddress(value[PrefixSize..]);
        if (!mask.IsEmpty)
        {
            port ^= BinaryPrimitives.ReadUInt16BigEndian(mask);
            Combine(value[PrefixSize..], mask);
        }

        BinaryPrimitives.WriteUInt16BigEndian(value[2..], (ushort)port);
    }

    private static void Combine(Span<byte> bytes, ReadOnlySpan<byte> mask)
    {
        for (int i = 0; i < bytes.Length; i++) bytes[i] ^= mask[i];
    }
}
