using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Porthole.Protocol.Files;

/// <summary>
/// The journal that a receiver keeps beside what is not complete: a header with the sender and the transfer, and records behind it, each with a checksum over itself and its place.
/// What is torn at the end, by a crash while it was written, is as if it had not been written. The journal is no proof of what is on the disk: that is hashed anew.
/// </summary>
public static class JournalCodec
{
    /// <summary>The bytes of the header: magic, sender, transfer, checksum.</summary>
    public const int HeaderSize = 8 + PeerId.Size + TransferId.Size + ChecksumSize;

    /// <summary>The bytes of a record: kind, value, checksum.</summary>
    public const int RecordSize = 1 + ValueSize + ChecksumSize;

    private const int ChecksumSize = 8;
    private const int ValueSize = 16;
    private const byte Accepted = 1;
    private const byte Received = 2;

    private static ReadOnlySpan<byte> Magic => "PHFILES1"u8;

    /// <summary>Writes the header of a new journal.</summary>
    public static byte[] WriteHeader(PeerId sender, TransferId id)
    {
        byte[] header = new byte[HeaderSize];
        Magic.CopyTo(header);
        sender.WriteTo(header.AsSpan(8));
        id.WriteTo(header.AsSpan(8 + PeerId.Size));
        Checksum(header.AsSpan(0, HeaderSize - ChecksumSize), 0, header.AsSpan(HeaderSize - ChecksumSize));
        return header;
    }

    /// <summary>Writes that the offer was taken.</summary>
    /// <param name="position">Where in the journal the record begins.</param>
    /// <param name="digest">The hash of the manifest, of which the first 16 bytes are kept: fewer could be those of two manifests that a sender has looked for.</param>
    public static byte[] WriteAccepted(long position, ReadOnlySpan<byte> digest) => Record(Accepted, BinaryPrimitives.ReadUInt128BigEndian(digest), position);

    /// <summary>Writes how many bytes of chunks have ever come.</summary>
    /// <param name="position">Where in the journal the record begins.</param>
    /// <param name="bytes">The bytes.</param>
    public static byte[] WriteReceived(long position, long bytes) => Record(Received, (UInt128)bytes, position);

    /// <summary>Reads a journal as far as it is whole.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="sender">Whose transfer it must be.</param>
    /// <param name="id">Which transfer it must be.</param>
    /// <param name="state">What it says.</param>
    /// <returns>False when it is the journal of something else, or none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, PeerId sender, TransferId id, out JournalState state)
    {
        state = default;
        if (bytes.Length < HeaderSize || !bytes[..HeaderSize].SequenceEqual(WriteHeader(sender, id))) return false;
        state = new JournalState(false, 0, 0, HeaderSize);
        Span<byte> checksum = stackalloc byte[ChecksumSize];
        for (int at = HeaderSize; bytes.Length - at >= RecordSize; at += RecordSize)
        {
            var record = bytes.Slice(at, RecordSize);
            Checksum(record[..^ChecksumSize], at, checksum);
            var value = BinaryPrimitives.ReadUInt128BigEndian(record[1..]);
            if (!record[^ChecksumSize..].SequenceEqual(checksum)) break;
            if (record[0] == Accepted) state = state with { IsAccepted = true, Digest = value };
            else if (record[0] == Received && value <= (UInt128)FileLimits.MaxBytes) state = state with { Received = (long)value };
            else break;
            state = state with { Length = at + RecordSize };
        }

        return true;
    }

    private static byte[] Record(byte kind, UInt128 value, long position)
    {
        byte[] record = new byte[RecordSize];
        record[0] = kind;
        BinaryPrimitives.WriteUInt128BigEndian(record.AsSpan(1), value);
        Checksum(record.AsSpan(0, 1 + ValueSize), position, record.AsSpan(1 + ValueSize));
        return record;
    }

    /// <summary>The first bytes of the SHA-256 over what was written and where.</summary>
    private static void Checksum(ReadOnlySpan<byte> bytes, long position, Span<byte> destination)
    {
        Span<byte> input = stackalloc byte[HeaderSize + 8], hash = stackalloc byte[FileLimits.HashSize];
        bytes.CopyTo(input);
        BinaryPrimitives.WriteInt64BigEndian(input[bytes.Length..], position);
        SHA256.HashData(input[..(bytes.Length + 8)], hash);
        hash[..ChecksumSize].CopyTo(destination);
    }
}
