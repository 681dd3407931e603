using System.Buffers.Binary;
using System.Globalization;

namespace Porthole.Protocol;

/// <summary>
/// The number of a session, drawn at random by its initiator. It names the session to the server, is part of the handshake's prologue, and is the
/// connection id of every packet, so that packets find their session whatever address they come from.
/// </summary>
/// <param name="Value">The 64 bits; 0 is no session.</param>
public readonly record struct SessionId(ulong Value)
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Size = 8;

    /// <summary>Draws a new id.</summary>
    public static SessionId Create(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        ulong value;
        do value = entropy.NextUInt64();
        while (value == 0);
        return new SessionId(value);
    }

    /// <summary>Reads 8 bytes in network order.</summary>
    public static SessionId Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt64BigEndian(source));

    /// <summary>Writes 8 bytes in network order.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt64BigEndian(destination, Value);

    /// <summary>Reads 16 hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SessionId id)
    {
        bool parsed = ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) && text.Length == 2 * Size && value != 0;
        id = parsed ? new SessionId(value) : default;
        return parsed;
    }

    /// <summary>16 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
