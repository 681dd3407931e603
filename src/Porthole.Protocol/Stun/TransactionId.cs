using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>The 96 random bits that tie an answer to its request (RFC 8489 section 5). Nobody who did not see the request can guess them.</summary>
public readonly record struct TransactionId
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Size = 12;

    private readonly ulong _high;
    private readonly uint _low;

    /// <summary>Reads an id from its 12 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 12 bytes.</exception>
    public TransactionId(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes.Length, Size, nameof(bytes));
        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _low = BinaryPrimitives.ReadUInt32BigEndian(bytes[sizeof(ulong)..]);
    }

    /// <summary>Draws a new id.</summary>
    public static TransactionId Create(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        Span<byte> bytes = stackalloc byte[Size];
        entropy.Fill(bytes);
        return new TransactionId(bytes);
    }

    /// <summary>Writes the 12 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt32BigEndian(destination[sizeof(ulong)..], _low);
    }

    /// <summary>24 hexadecimal digits.</summary>
    public override string ToString() => $"{_high:x16}{_low:x8}";
}
