namespace Porthole.Protocol.Stun;

/// <summary>One attribute of a received message, read in place.</summary>
/// <param name="type">Its type.</param>
/// <param name="value">Its value, without padding.</param>
/// <param name="offset">Where its header begins in the message.</param>
public readonly ref struct StunAttribute(StunAttributeType type, ReadOnlySpan<byte> value, int offset)
{
    /// <summary>The type; any 16-bit number.</summary>
    public StunAttributeType Type { get; } = type;

    /// <summary>The value, without padding.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>Where the attribute's header begins, in bytes from the start of the message.</summary>
    public int Offset { get; } = offset;
}
