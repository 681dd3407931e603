using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Porthole.Protocol.Files;

/// <summary>
/// The frames of file transfer: a type (1 byte), the length of what follows (3 bytes), and that. All numbers are big-endian. Reading answers false where bytes are no frame of the
/// type; whether a frame is allowed where it came is judged by <see cref="SendingState"/> and <see cref="ReceivingState"/>.
/// </summary>
public static class FileFrame
{
    /// <summary>The bytes of a header.</summary>
    public const int HeaderSize = 4;

    /// <summary>The bytes of a <see cref="FileFrameType.Chunk"/> frame before the data.</summary>
    public const int ChunkHeader = HeaderSize + FileLimits.HashSize;

    /// <summary>The bytes of a <see cref="FileFrameType.FileStart"/> frame.</summary>
    public const int FileStartSize = HeaderSize + 4 + 8;

    /// <summary>The bytes of a <see cref="FileFrameType.FileEnd"/> frame.</summary>
    public const int FileEndSize = HeaderSize + FileLimits.HashSize;

    /// <summary>The bytes of a <see cref="FileFrameType.Have"/> frame before the hashes.</summary>
    public const int HaveHeader = HeaderSize + 4 + 8 + 4;

    /// <summary>The most hashes in one <see cref="FileFrameType.Have"/> frame.</summary>
    public const int MaxHashes = (FileLimits.MaxBatch - HaveHeader) / FileLimits.HashSize;

    /// <summary>The bytes of a frame with a reason and the longest text.</summary>
    public const int MaxTextFrame = HeaderSize + 4 + 1 + FileLimits.MaxText;

    /// <summary>Reads a header.</summary>
    /// <returns>False when the type is unknown, or the length more than a frame of the type can have.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out FileFrameType type, out int length)
    {
        (type, length) = (FileFrameType.None, 0);
        if (header.Length < HeaderSize) return false;
        type = (FileFrameType)header[0];
        length = (header[1] << 16) | BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        return length <= MaxLength(type);
    }

    /// <summary>Writes a header.</summary>
    public static void WriteHeader(Span<byte> destination, FileFrameType type, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination, length);
        destination[0] = (byte)type;
    }

    /// <summary>The most that can follow a header of the type; -1 for a type that there is not.</summary>
    public static int MaxLength(FileFrameType type) => type switch
    {
        FileFrameType.Offer => 1 + TransferId.Size,
        FileFrameType.Entries or FileFrameType.Have => FileLimits.MaxBatch,
        FileFrameType.EntriesEnd => 4 + 8 + FileLimits.HashSize,
        FileFrameType.RootVerdict => 4 + 1,
        FileFrameType.Begin => 8 + 8,
        FileFrameType.FileStart => FileStartSize - HeaderSize,
        FileFrameType.Chunk => FileLimits.MaxPayload,
        FileFrameType.FileEnd or FileFrameType.Done => FileLimits.HashSize,
        FileFrameType.FileFailed or FileFrameType.FileRefused => 4 + 1 + FileLimits.MaxText,
        FileFrameType.ReceiverError => 1 + FileLimits.MaxText,
        FileFrameType.Welcome => 1,
        FileFrameType.Answer => 8 + FileLimits.MaxRoots,
        FileFrameType.Ack => 8,
        FileFrameType.SenderAlive or FileFrameType.ReceiverAlive or FileFrameType.HaveEnd or FileFrameType.Finished => 0,
        _ => -1,
    };

    /// <summary>Writes a frame with nothing behind its header.</summary>
    public static byte[] Write(FileFrameType type) => Frame(type, 0);

    /// <summary>Writes <see cref="FileFrameType.Offer"/>.</summary>
    public static byte[] WriteOffer(TransferId id)
    {
        byte[] frame = Frame(FileFrameType.Offer, 1 + TransferId.Size);
        frame[HeaderSize] = FileLimits.Version;
        id.WriteTo(frame.AsSpan(HeaderSize + 1));
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.Offer"/>.</summary>
    public static bool TryReadOffer(ReadOnlySpan<byte> payload, out byte version, out TransferId id)
    {
        (version, id) = (0, default);
        if (payload.Length != 1 + TransferId.Size) return false;
        version = payload[0];
        id = TransferId.Read(payload[1..]);
        return true;
    }

    /// <summary>Writes <see cref="FileFrameType.EntriesEnd"/>.</summary>
    public static byte[] WriteEntriesEnd(int count, long totalBytes, ReadOnlySpan<byte> digest)
    {
        byte[] frame = Frame(FileFrameType.EntriesEnd, 12 + FileLimits.HashSize);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderSize), count);
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(HeaderSize + 4), totalBytes);
        digest.CopyTo(frame.AsSpan(HeaderSize + 12));
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.EntriesEnd"/>.</summary>
    public static bool TryReadEntriesEnd(ReadOnlySpan<byte> payload, out int count, out long totalBytes, out ReadOnlySpan<byte> digest)
    {
        (count, totalBytes) = (0, 0);
        digest = default;
        if (payload.Length != 12 + FileLimits.HashSize) return false;
        digest = payload[12..];
        return TryReadIndex(payload, out count) && TryReadBytes(payload[4..], out totalBytes);
    }

    /// <summary>Writes <see cref="FileFrameType.RootVerdict"/>.</summary>
    public static byte[] WriteRootVerdict(int root, bool same)
    {
        byte[] frame = Frame(FileFrameType.RootVerdict, 5);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderSize), root);
        frame[HeaderSize + 4] = same ? (byte)1 : (byte)0;
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.RootVerdict"/>.</summary>
    public static bool TryReadRootVerdict(ReadOnlySpan<byte> payload, out int root, out bool same)
    {
        (root, same) = (0, false);
        if (payload.Length != 5 || payload[4] > 1) return false;
        same = payload[4] == 1;
        return TryReadIndex(payload, out root);
    }

    /// <summary>Writes <see cref="FileFrameType.Begin"/>.</summary>
    public static byte[] WriteBegin(long kept, long toSend)
    {
        byte[] frame = Frame(FileFrameType.Begin, 16);
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(HeaderSize), kept);
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(HeaderSize + 8), toSend);
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.Begin"/>.</summary>
    public static bool TryReadBegin(ReadOnlySpan<byte> payload, out long kept, out long toSend)
    {
        (kept, toSend) = (0, 0);
        return payload.Length == 16 && TryReadBytes(payload, out kept) && TryReadBytes(payload[8..], out toSend);
    }

    /// <summary>Writes <see cref="FileFrameType.FileStart"/> into <see cref="FileStartSize"/> bytes.</summary>
    public static void WriteFileStart(Span<byte> destination, int index, long offset)
    {
        WriteHeader(destination, FileFrameType.FileStart, 12);
        BinaryPrimitives.WriteInt32BigEndian(destination[HeaderSize..], index);
        BinaryPrimitives.WriteInt64BigEndian(destination[(HeaderSize + 4)..], offset);
    }

    /// <summary>Reads <see cref="FileFrameType.FileStart"/>.</summary>
    public static bool TryReadFileStart(ReadOnlySpan<byte> payload, out int index, out long offset)
    {
        (index, offset) = (0, 0);
        return payload.Length == 12 && TryReadIndex(payload, out index) && TryReadBytes(payload[4..], out offset);
    }

    /// <summary>Reads <see cref="FileFrameType.Chunk"/>: a chunk has at least one byte.</summary>
    public static bool TryReadChunk(ReadOnlyMemory<byte> payload, out ReadOnlyMemory<byte> hash, out ReadOnlyMemory<byte> data)
    {
        bool whole = payload.Length > FileLimits.HashSize;
        (hash, data) = whole ? (payload[..FileLimits.HashSize], payload[FileLimits.HashSize..]) : default;
        return whole;
    }

    /// <summary>Writes a frame that is a hash: <see cref="FileFrameType.FileEnd"/> or <see cref="FileFrameType.Done"/>, into <see cref="FileEndSize"/> bytes.</summary>
    public static void WriteHash(Span<byte> destination, FileFrameType type, ReadOnlySpan<byte> hash)
    {
        WriteHeader(destination, type, FileLimits.HashSize);
        hash.CopyTo(destination[HeaderSize..]);
    }

    /// <summary>Writes <see cref="FileFrameType.FileFailed"/> or <see cref="FileFrameType.FileRefused"/>.</summary>
    public static byte[] WriteFileError(FileFrameType type, int index, FileError reason, string text)
    {
        byte[] words = TextBytes(text);
        byte[] frame = Frame(type, 5 + words.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(HeaderSize), index);
        frame[HeaderSize + 4] = (byte)reason;
        words.CopyTo(frame, HeaderSize + 5);
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.FileFailed"/> or <see cref="FileFrameType.FileRefused"/>.</summary>
    public static bool TryReadFileError(ReadOnlySpan<byte> payload, out int index, out FileError reason, out string text)
    {
        (index, reason, text) = (0, FileError.Failed, string.Empty);
        return payload.Length >= 5 && TryReadIndex(payload, out index) && TryReadError(payload[4..], out reason, out text);
    }

    /// <summary>Writes <see cref="FileFrameType.ReceiverError"/>.</summary>
    public static byte[] WriteError(FileError reason, string text)
    {
        byte[] words = TextBytes(text);
        byte[] frame = Frame(FileFrameType.ReceiverError, 1 + words.Length);
        frame[HeaderSize] = (byte)reason;
        words.CopyTo(frame, HeaderSize + 1);
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.ReceiverError"/>. The text comes without control characters, for a screen.</summary>
    public static bool TryReadError(ReadOnlySpan<byte> payload, out FileError reason, out string text)
    {
        (reason, text) = (FileError.Failed, string.Empty);
        if (payload.IsEmpty || payload.Length > 1 + FileLimits.MaxText || !Utf8.IsValid(payload[1..])) return false;
        reason = payload[0] <= (byte)FileError.InUse ? (FileError)payload[0] : FileError.Failed; // a later version may know more
        text = string.Concat(Encoding.UTF8.GetString(payload[1..]).Where(static letter => !char.IsControl(letter)));
        return true;
    }

    /// <summary>Writes <see cref="FileFrameType.Welcome"/>.</summary>
    public static byte[] WriteWelcome()
    {
        byte[] frame = Frame(FileFrameType.Welcome, 1);
        frame[HeaderSize] = FileLimits.Version;
        return frame;
    }

    /// <summary>Writes <see cref="FileFrameType.Answer"/>.</summary>
    /// <param name="everReceived">The bytes of chunks that ever came of this transfer.</param>
    /// <param name="states">How each root stands.</param>
    public static byte[] WriteAnswer(long everReceived, ReadOnlySpan<RootState> states)
    {
        byte[] frame = Frame(FileFrameType.Answer, 8 + states.Length);
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(HeaderSize), everReceived);
        for (int i = 0; i < states.Length; i++) frame[HeaderSize + 8 + i] = (byte)states[i];
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.Answer"/>.</summary>
    public static bool TryReadAnswer(ReadOnlySpan<byte> payload, out long everReceived, out RootState[] states)
    {
        (everReceived, states) = (0, []);
        if (payload.Length < 8 || payload.Length > 8 + FileLimits.MaxRoots || !TryReadBytes(payload, out everReceived)) return false;
        if (payload[8..].ContainsAnyExceptInRange((byte)RootState.Wanted, (byte)RootState.Blocked)) return false;
        states = new RootState[payload.Length - 8];
        for (int i = 0; i < states.Length; i++) states[i] = (RootState)payload[8 + i];
        return true;
    }

    /// <summary>Writes the part of <see cref="FileFrameType.Have"/> before its hashes.</summary>
    /// <param name="destination">At least <see cref="HaveHeader"/> bytes.</param>
    /// <param name="index">The file.</param>
    /// <param name="length">How much of it is there.</param>
    /// <param name="firstChunk">The chunk at whose end the first hash is.</param>
    /// <param name="hashes">How many hashes follow.</param>
    public static void WriteHaveHeader(Span<byte> destination, int index, long length, int firstChunk, int hashes)
    {
        WriteHeader(destination, FileFrameType.Have, HaveHeader - HeaderSize + hashes * FileLimits.HashSize);
        BinaryPrimitives.WriteInt32BigEndian(destination[HeaderSize..], index);
        BinaryPrimitives.WriteInt64BigEndian(destination[(HeaderSize + 4)..], length);
        BinaryPrimitives.WriteInt32BigEndian(destination[(HeaderSize + 12)..], firstChunk);
    }

    /// <summary>Reads <see cref="FileFrameType.Have"/>.</summary>
    public static bool TryReadHave(ReadOnlyMemory<byte> payload, out int index, out long length, out int firstChunk, out ReadOnlyMemory<byte> hashes)
    {
        const int Header = HaveHeader - HeaderSize;
        (index, length, firstChunk, hashes) = (0, 0, 0, default);
        if (payload.Length <= Header || (payload.Length - Header) % FileLimits.HashSize != 0) return false;
        hashes = payload[Header..];
        return TryReadIndex(payload.Span, out index) && TryReadBytes(payload.Span[4..], out length) && TryReadIndex(payload.Span[12..], out firstChunk);
    }

    /// <summary>Writes <see cref="FileFrameType.Ack"/>.</summary>
    public static byte[] WriteAck(long bytes)
    {
        byte[] frame = Frame(FileFrameType.Ack, 8);
        BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(HeaderSize), bytes);
        return frame;
    }

    /// <summary>Reads <see cref="FileFrameType.Ack"/>.</summary>
    public static bool TryReadAck(ReadOnlySpan<byte> payload, out long bytes)
    {
        bytes = 0;
        return payload.Length == 8 && TryReadBytes(payload, out bytes);
    }

    private static byte[] Frame(FileFrameType type, int length)
    {
        byte[] frame = new byte[HeaderSize + length];
        WriteHeader(frame, type, length);
        return frame;
    }

    private static bool TryReadIndex(ReadOnlySpan<byte> bytes, out int index)
    {
        index = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return index >= 0;
    }

    private static bool TryReadBytes(ReadOnlySpan<byte> bytes, out long count)
    {
        count = BinaryPrimitives.ReadInt64BigEndian(bytes);
        return count is >= 0 and <= FileLimits.MaxBytes;
    }

    /// <summary>A text in UTF-8, cut between two characters where it is too long.</summary>
    private static byte[] TextBytes(string text)
    {
        Span<byte> bytes = stackalloc byte[FileLimits.MaxText];
        Utf8.FromUtf16(text, bytes, out _, out int written);
        return bytes[..written].ToArray();
    }
}
