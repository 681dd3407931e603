using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>FINGERPRINT (RFC 8489 section 14.7): a CRC-32 over the message before it, combined with "STUN". It tells STUN from other protocols, no more.</summary>
public static class Fingerprint
{
    /// <summary>The length of the value, in bytes.</summary>
    public const int Size = sizeof(uint);

    private const uint Mask = 0x5354_554E;

    /// <summary>CRC-32 of ITU V.42, as in Ethernet; reflected.</summary>
    private const uint Polynomial = 0xEDB8_8320;

    private static readonly uint[] s_table = CreateTable();

    internal static bool Verify(ReadOnlySpan<byte> message, in StunAttribute attribute) =>
        attribute.Value.Length == Size
        && attribute.Offset + StunHeader.AttributeHeaderSize + Size == message.Length // it must be the last
        && BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) == Compute(message[..attribute.Offset]);

    /// <summary>The value for a message whose length field counts the attribute already.</summary>
    internal static uint Compute(ReadOnlySpan<byte> prefix)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in prefix) crc = s_table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc ^ Mask;
    }

    private static uint[] CreateTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++) value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ Polynomial;
            table[i] = value;
        }

        return table;
    }
}
