using System.Buffers.Binary;

/// <summary>Where a player is, as one datagram of 16 bytes.</summary>
/// <param name="Sequence">Counts the sender's datagrams, from 0.</param>
/// <param name="SentAt">The sender's clock when it was sent, in microseconds; it begins anywhere and may wrap.</param>
/// <param name="X">From left to right.</param>
/// <param name="Y">From bottom to top.</param>
internal readonly record struct Position(uint Sequence, uint SentAt, float X, float Y)
{
    public const int Size = 16;

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], SentAt);
        BinaryPrimitives.WriteSingleLittleEndian(bytes[8..], X);
        BinaryPrimitives.WriteSingleLittleEndian(bytes[12..], Y);
    }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out Position position)
    {
        position = default;
        if (bytes.Length != Size) return false;
        position = new Position(
            BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            BinaryPrimitives.ReadSingleLittleEndian(bytes[8..]),
            BinaryPrimitives.ReadSingleLittleEndian(bytes[12..]));
        return float.IsFinite(position.X) && float.IsFinite(position.Y);
    }
}
