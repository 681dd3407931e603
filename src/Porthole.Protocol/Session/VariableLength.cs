using System.Buffers.Binary;

namespace Porthole.Protocol.Session;

/// <summary>Variable-length integers (RFC 9000 section 16): the two top bits of the first byte give the length, 1, 2, 4 or 8 bytes.</summary>
internal static class VariableLength
{
    /// <summary>The largest number: 2^62 - 1.</summary>
    public const long MaxValue = (1L << 62) - 1;

    /// <summary>How many bytes a number takes in its shortest form.</summary>
    public static int Size(long value) => value switch
    {
        < 1 << 6 => 1,
        < 1 << 14 => 2,
        < 1 << 30 => 4,
        _ => 8,
    };

    /// <summary>Reads a number of any length; longer forms than needed are valid (RFC 9000 section 16).</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out long value, out int size)
    {
        (value, size) = (0, 0);
        if (source.IsEmpty) return false;
        int length = 1 << (source[0] >> 6);
        if (source.Length < length) return false;
        value = length switch
        {
            1 => source[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3FFF,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3FFF_FFFF,
            _ => (long)(BinaryPrimitives.ReadUInt64BigEndian(source) & 0x3FFF_FFFF_FFFF_FFFF),
        };
        size = length;
        return true;
    }

    /// <summary>Writes a number in its shortest form.</summary>
    /// <returns>The bytes written.</returns>
    public static int Write(Span<byte> destination, long value)
    {
        int size = Size(value);
        switch (size)
        {
            case 1:
                destination[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)value | 0x8000_0000);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)value | 0xC000_0000_0000_0000);
                break;
        }

        return size;
    }
}
