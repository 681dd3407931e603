using System.Buffers.Binary;

namespace Porthole.Protocol.Stun;

/// <summary>
/// Who asks, as STUN requests name it: a keyed hash of the peer's id. The server recomputes it from an id; who reads the requests on their way learns no id.
/// </summary>
public readonly record struct PeerTag
{
    /// <summary>The length on the wire, in bytes.</summary>
    public const int Size = 16;

    private readonly UInt128 _value;

    /// <summary>Reads a tag from its 16 bytes.</summary>
    public PeerTag(ReadOnlySpan<byte> bytes) => _value = BinaryPrimitives.ReadUInt128BigEndian(bytes);

    internal UInt128 Value => _value;

    /// <summary>Writes the 16 bytes.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _value);

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => $"{_value:x32}";
}
