using System.Buffers.Binary;

namespace Porthole.Protocol.Session;

/// <summary>
/// The clear header of a sealed packet, 17 bytes, authenticated as associated data; and the first bytes of a handshake packet, 9 bytes.
/// </summary>
/// <remarks>
/// <code>
/// sealed      0x50 | flags       connection id (8)   packet number (8)   sealed frames   tag (16)
/// handshake   0x58 | index 1..3  connection id (8)   handshake message
/// </code>
/// Both lie in the range 80 to 95 that RFC 7983 section 7 leaves free. Flags 0x04 and first bytes 0x58 and 0x5C to 0x5F are not used yet.
/// </remarks>
/// <param name="Connection">The session the packet belongs to.</param>
/// <param name="PacketNumber">Counts up from 0 per direction over all paths and keys.</param>
/// <param name="KeyPhase">The low bit of the number of the key that seals the packet (as RFC 9001 section 6).</param>
/// <param name="OpenedPhase">The low bit of the number of the newest key that the sender has opened a packet with: tells the other side that its key update arrived.</param>
public readonly record struct PacketHeader(SessionId Connection, ulong PacketNumber, bool KeyPhase, bool OpenedPhase)
{
    /// <summary>The length of a sealed packet's header, in bytes.</summary>
    public const int Size = PacketNumberOffset + sizeof(ulong);

    /// <summary>The length of a handshake packet's header, in bytes.</summary>
    public const int HandshakeSize = ConnectionOffset + SessionId.Size;

    /// <summary>The last handshake message: XX has three.</summary>
    public const int MaxHandshakeIndex = 3;

    private const byte SealedByte = PacketKinds.FirstSessionByte;
    private const byte HandshakeByte = 0x58;
    private const byte KeyPhaseFlag = 0x01;
    private const byte OpenedPhaseFlag = 0x02;
    private const int ConnectionOffset = 1;
    private const int PacketNumberOffset = ConnectionOffset + SessionId.Size;

    /// <summary>Reads the header of a sealed packet; false for anything else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out PacketHeader header)
    {
        header = default;
        if (packet.Length < Size || (packet[0] & ~(KeyPhaseFlag | OpenedPhaseFlag)) != SealedByte) return false;
        header = new PacketHeader(
            SessionId.Read(packet[ConnectionOffset..]),
            BinaryPrimitives.ReadUInt64BigEndian(packet[PacketNumberOffset..]),
            (packet[0] & KeyPhaseFlag) != 0,
            (packet[0] & OpenedPhaseFlag) != 0);
        return true;
    }

    /// <summary>Reads the header of a handshake packet; false for anything else.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="connection">The session it belongs to.</param>
    /// <param name="index">Which message of the handshake, 1 to 3. The message begins at <see cref="HandshakeSize"/>.</param>
    public static bool TryReadHandshake(ReadOnlySpan<byte> packet, out SessionId connection, out int index)
    {
        connection = default;
        index = 0;
        if (packet.Length < HandshakeSize || packet[0] is <= HandshakeByte or > HandshakeByte + MaxHandshakeIndex) return false;
        connection = SessionId.Read(packet[ConnectionOffset..]);
        index = packet[0] - HandshakeByte;
        return true;
    }

    /// <summary>Reads which session a packet of either kind claims to belong to, to find its owner; false when it is neither.</summary>
    public static bool TryReadConnection(ReadOnlySpan<byte> packet, out SessionId connection)
    {
        if (TryReadHandshake(packet, out connection, out _)) return true;
        bool isSealed = TryRead(packet, out var header);
        connection = header.Connection;
        return isSealed;
    }

    /// <summary>Writes the header of a handshake packet, 9 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is not 1 to 3.</exception>
    public static void WriteHandshake(Span<byte> destination, SessionId connection, int index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(index, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(index, MaxHandshakeIndex);
        destination[0] = (byte)(HandshakeByte + index);
        connection.WriteTo(destination[ConnectionOffset..]);
    }

    /// <summary>Writes the header, 17 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        destination[0] = (byte)(SealedByte | (KeyPhase ? KeyPhaseFlag : 0) | (OpenedPhase ? OpenedPhaseFlag : 0));
        Connection.WriteTo(destination[ConnectionOffset..]);
        BinaryPrimitives.WriteUInt64BigEndian(destination[PacketNumberOffset..], PacketNumber);
    }
}
