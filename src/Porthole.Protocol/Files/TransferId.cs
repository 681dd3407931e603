using System.Buffers.Binary;
using System.Globalization;

namespace Porthole.Protocol.Files;

/// <summary>What one command sends: the same paths sent by the same peer are the same transfer, whatever happened in between.</summary>
/// <param name="Value">Its 16 bytes as a number.</param>
public readonly record struct TransferId(UInt128 Value)
{
    /// <summary>The length in bytes.</summary>
    public const int Size = 16;

    /// <summary>Reads an id.</summary>
    /// <param name="bytes">Its <see cref="Size"/> bytes.</param>
    public static TransferId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>Writes the <see cref="Size"/> bytes.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}
