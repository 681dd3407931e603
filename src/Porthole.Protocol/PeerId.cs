using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol;

/// <summary>
/// Who a peer is: the SHA-256 of its 65-byte public key. Written as 52 characters of base32 (RFC 4648 section 6, lower case, no padding).
/// </summary>
public readonly record struct PeerId : IComparable<PeerId>
{
    /// <summary>The length in bytes.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    /// <summary>The length in characters: 256 bits at 5 bits each.</summary>
    public const int TextLength = 52;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    private readonly UInt128 _high;
    private readonly UInt128 _low;

    /// <summary>Reads an id from its 32 bytes.</summary>
    /// <exception cref="ArgumentException">There are not 32 bytes.</exception>
    public PeerId(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size) throw new ArgumentException($"A peer id has {Size} bytes.", nameof(bytes));
        _high = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
        _low = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]);
    }

    /// <summary>The id of all zeros, which stands for "not known yet" in a handshake's prologue.</summary>
    public static PeerId Unknown => default;

    /// <summary>Whether this is <see cref="Unknown"/>.</summary>
    public bool IsUnknown => this == default;

    /// <summary>The first characters, enough for a person to tell peers apart on a screen.</summary>
    public string Short => ToString()[..8];

    /// <summary>Writes the 32 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(destination, _high);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(destination[16..], _low);
    }

    /// <summary>Reads 52 characters of base32; upper and lower case are the same.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out PeerId id)
    {
        id = default;
        if (text is not { Length: TextLength }) return false;
        Span<byte> bytes = stackalloc byte[Size];
        int buffer = 0, bits = 0, count = 0;
        foreach (char character in text)
        {
            int value = Alphabet.IndexOf(char.ToLowerInvariant(character), StringComparison.Ordinal);
            if (value < 0) return false;
            buffer = (buffer << 5) | value;
            bits += 5;
            if (bits < 8) continue;
            bits -= 8;
            bytes[count++] = (byte)(buffer >> bits);
            buffer &= (1 << bits) - 1;
        }

        if (buffer != 0) return false; // the four spare bits of the last character: one id has one text
        id = new PeerId(bytes);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(PeerId other) => _high.CompareTo(other._high) is not 0 and var order ? order : _low.CompareTo(other._low);

    /// <summary>The 52 characters.</summary>
    public override string ToString() => string.Create(TextLength, this, static (text, id) =>
    {
        Span<byte> bytes = stackalloc byte[Size];
        id.WriteTo(bytes);
        int buffer = 0, bits = 0, next = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (bits < 5)
            {
                buffer = (buffer << 8) | (next < bytes.Length ? bytes[next++] : 0);
                bits += 8;
            }

            bits -= 5;
            text[i] = Alphabet[(buffer >> bits) & 31];
            buffer &= (1 << bits) - 1;
        }
    });

    /// <summary>Whether the left id is the lower number.</summary>
    public static bool operator <(PeerId left, PeerId right) => left.CompareTo(right) < 0;

    /// <summary>Whether the left id is the higher number.</summary>
    public static bool operator >(PeerId left, PeerId right) => left.CompareTo(right) > 0;

    /// <summary>Whether the left id is not the higher number.</summary>
    public static bool operator <=(PeerId left, PeerId right) => left.CompareTo(right) <= 0;

    /// <summary>Whether the left id is not the lower number.</summary>
    public static bool operator >=(PeerId left, PeerId right) => left.CompareTo(right) >= 0;
}
