using System.Buffers.Binary;

namespace Porthole.Protocol.Forwarding;

/// <summary>
/// A UDP datagram, or a piece of one, as it travels in a datagram of a connection: what it is (1 byte), the association (2), the flow (4), of a piece also the number of the datagram in its flow (2), the length of the whole (2) and the
/// number of the piece (1); then bytes. All pieces but the last have <see cref="PieceSize"/> bytes.
/// </summary>
public readonly ref struct ForwardDatagram
{
    /// <summary>The longest datagram of a connection.</summary>
    public const int MaxSize = 1_024;

    /// <summary>The most bytes of a UDP datagram: 65,535 less the headers of IPv4 and UDP.</summary>
    public const int MaxPayload = 65_507;

    /// <summary>The most bytes that travel whole.</summary>
    public const int MaxWhole = MaxSize - WholeHeader;

    /// <summary>The bytes of a piece.</summary>
    public const int PieceSize = MaxSize - PieceHeader;

    /// <summary>The most pieces.</summary>
    public const int MaxPieces = (MaxPayload + PieceSize - 1) / PieceSize;

    private const int WholeHeader = 7;
    private const int PieceHeader = 12;
    private const byte WholeKind = 1;
    private const byte PieceKind = 2;

    private ForwardDatagram(ushort association, uint flow, ReadOnlySpan<byte> data)
    {
        (Association, Flow, Length) = (association, flow, data.Length);
        Data = data;
    }

    /// <summary>What the target is called: the number of the association.</summary>
    public ushort Association { get; }

    /// <summary>Who sends at the forwarder: the number of the flow.</summary>
    public uint Flow { get; }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>The length of the whole.</summary>
    public int Length { get; private init; }

    /// <summary>The number of the datagram in its flow; 0 of one that is whole.</summary>
    public ushort Number { get; private init; }

    /// <summary>The number of the piece; 0 of one that is whole.</summary>
    public int Piece { get; private init; }

    /// <summary>Whether it is a piece.</summary>
    public bool IsPiece { get; private init; }

    /// <summary>How many datagrams of a connection carry one of so many bytes.</summary>
    public static int CountFor(int length) => length <= MaxWhole ? 1 : (length + PieceSize - 1) / PieceSize;

    /// <summary>Reads one.</summary>
    /// <returns>False when it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ForwardDatagram datagram)
    {
        datagram = default;
        if (bytes.Length is < WholeHeader or > MaxSize) return false;
        ushort association = BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]);
        uint flow = BinaryPrimitives.ReadUInt32BigEndian(bytes[3..]);
        switch (bytes[0])
        {
            case WholeKind:
                datagram = new ForwardDatagram(association, flow, bytes[WholeHeader..]);
                return true;
            case PieceKind when bytes.Length > PieceHeader:
                int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[9..]), piece = bytes[11];
                if (length is <= MaxWhole or > MaxPayload || piece >= CountFor(length)) return false;
                if (bytes.Length - PieceHeader != Math.Min(PieceSize, length - piece * PieceSize)) return false;
                datagram = new ForwardDatagram(association, flow, bytes[PieceHeader..]) { IsPiece = true, Number = BinaryPrimitives.ReadUInt16BigEndian(bytes[7..]), Length = length, Piece = piece };
                return true;
            default:
                return false;
        }
    }

    /// <summary>Writes one that is whole, or a piece of one that is longer.</summary>
    /// <param name="destination">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="association">The number of the association.</param>
    /// <param name="flow">The number of the flow.</param>
    /// <param name="number">The number of the datagram in its flow, which tells pieces of one from those of another.</param>
    /// <param name="payload">The UDP datagram, at most <see cref="MaxPayload"/> bytes.</param>
    /// <param name="piece">The number of the piece, less than <see cref="CountFor"/>.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Write(Span<byte> destination, ushort association, uint flow, ushort number, ReadOnlySpan<byte> payload, int piece)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, MaxPayload);
        ArgumentOutOfRangeException.ThrowIfNegative(piece);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(piece, CountFor(payload.Length));
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], association);
        BinaryPrimitives.WriteUInt32BigEndian(destination[3..], flow);
        if (payload.Length <= MaxWhole)
        {
            destination[0] = WholeKind;
            payload.CopyTo(destination[WholeHeader..]);
            return WholeHeader + payload.Length;
        }

        destination[0] = PieceKind;
        BinaryPrimitives.WriteUInt16BigEndian(destination[7..], number);
        BinaryPrimitives.WriteUInt16BigEndian(destination[9..], (ushort)payload.Length);
        destination[11] = (byte)piece;
        var data = payload.Slice(piece * PieceSize, Math.Min(PieceSize, payload.Length - piece * PieceSize));
        data.CopyTo(destination[PieceHeader..]);
        return PieceHeader + data.Length;
    }
}
