using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace Porthole.Protocol.Files;

/// <summary>
/// What a transfer consists of: roots first, then what lies in the first folder, then in the second, and so on; within a folder in ascending order of names, upper and lower case
/// being the same. In this order one look at the entry before shows a name that is there twice. Entries are kept in some 32 bytes and their names.
/// </summary>
/// <param name="maxEntries">The most entries.</param>
/// <param name="windows">Whether names must be such that Windows can hold them.</param>
public sealed class Manifest(int maxEntries = FileLimits.MaxEntries, bool windows = false)
{
    /// <summary>Bytes of an entry before its name: flags, mode, parent + 1, time, size, length of the name.</summary>
    public const int EntryHeader = 1 + 2 + 4 + 8 + 8 + 1;

    private const int BlockBits = 12;
    private const int NameBlockBits = 16;

    private readonly List<Entry[]> _blocks = [];
    private readonly List<byte[]> _names = [];
    private readonly char[] _previous = new char[FileLimits.MaxName];
    private int _previousLength;
    private int _nameEnd;
    private long _nameBytes;

    /// <summary>How many entries there are.</summary>
    public int Count { get; private set; }

    /// <summary>How many entries stand at the top; they are the first.</summary>
    public int Roots { get; private set; }

    /// <summary>How many entries are folders.</summary>
    public int Folders { get; private set; }

    /// <summary>How many entries are files.</summary>
    public int Files => Count - Folders;

    /// <summary>The sizes of all files together.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Why the name was not allowed, where that was the last fault.</summary>
    public EntryNameFault NameFault { get; private set; }

    /// <summary>An entry.</summary>
    public ManifestEntry this[int index]
    {
        get
        {
            ref readonly var entry = ref At(index);
            return new ManifestEntry(entry.IsFolder, entry.Parent, Encoding.UTF8.GetString(NameOf(entry)), entry.Size, entry.Modified, entry.Mode);
        }
    }

    /// <summary>Whether an entry is a folder.</summary>
    public bool IsFolder(int index) => At(index).IsFolder;

    /// <summary>The folder of an entry; -1 at the top.</summary>
    public int ParentOf(int index) => At(index).Parent;

    /// <summary>The size of a file.</summary>
    public long SizeOf(int index) => At(index).Size;

    /// <summary>The root that an entry lies under.</summary>
    public int RootOf(int index)
    {
        while (At(index).Parent is >= 0 and var parent) index = parent;
        return index;
    }

    /// <summary>The path of an entry from the top.</summary>
    /// <param name="index">The entry.</param>
    /// <param name="separator">What stands between two steps.</param>
    /// <param name="rootName">Another name for the root; null for its own.</param>
    public string PathOf(int index, char separator = '/', string? rootName = null)
    {
        var steps = new Stack<string>();
        for (int at = index; at >= 0; at = At(at).Parent) steps.Push(At(at).Parent < 0 && rootName is not null ? rootName : Encoding.UTF8.GetString(NameOf(At(at))));
        return string.Join(separator, steps);
    }

    /// <summary>Adds an entry.</summary>
    /// <returns>What is wrong with it; then it was not added.</returns>
    public ManifestFault Add(in ManifestEntry entry)
    {
        Span<byte> name = stackalloc byte[FileLimits.MaxName * 3];
        NameFault = EntryName.Check(entry.Name, windows);
        if (NameFault != EntryNameFault.None) return ManifestFault.Name;
        Utf8.FromUtf16(entry.Name, name, out _, out int length);
        return Add(entry.IsFolder, entry.Parent, name[..length], entry.Size, entry.Modified, entry.Mode);
    }

    /// <summary>Adds the entries of a frame.</summary>
    /// <returns>What is wrong with the first bad one; those before it were added.</returns>
    public ManifestFault AddEncoded(ReadOnlySpan<byte> batch)
    {
        if (batch.Length > FileLimits.MaxBatch) return ManifestFault.Malformed;
        while (!batch.IsEmpty)
        {
            if (batch.Length < EntryHeader) return ManifestFault.Malformed;
            int length = EntryHeader + batch[EntryHeader - 1];
            if (batch.Length < length || batch[0] > 1) return ManifestFault.Malformed;
            uint parent = BinaryPrimitives.ReadUInt32BigEndian(batch[3..]);
            ulong size = BinaryPrimitives.ReadUInt64BigEndian(batch[15..]);
            if (parent > int.MaxValue) return ManifestFault.Parent;
            if (size > long.MaxValue) return ManifestFault.Size;
            var fault = Add(
                batch[0] == 1,
                (int)parent - 1,
                batch[EntryHeader..length],
                (long)size,
                BinaryPrimitives.ReadInt64BigEndian(batch[7..]),
                BinaryPrimitives.ReadUInt16BigEndian(batch[1..]));
            if (fault != ManifestFault.None) return fault;
            batch = batch[length..];
        }

        return ManifestFault.None;
    }

    /// <summary>Writes as many entries as fit.</summary>
    /// <param name="first">The first entry to write.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="written">The bytes written.</param>
    /// <returns>The first entry that was not written.</returns>
    public int Encode(int first, Span<byte> destination, out int written)
    {
        written = 0;
        for (; first < Count; first++)
        {
            ref readonly var entry = ref At(first);
            if (destination.Length - written < EntryHeader + entry.NameLength) break;
            var one = destination[written..];
            one[0] = entry.IsFolder ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt16BigEndian(one[1..], entry.Mode);
            BinaryPrimitives.WriteInt32BigEndian(one[3..], entry.Parent + 1);
            BinaryPrimitives.WriteInt64BigEndian(one[7..], entry.Modified);
            BinaryPrimitives.WriteInt64BigEndian(one[15..], entry.Size);
            one[23] = entry.NameLength;
            NameOf(entry).CopyTo(one[EntryHeader..]);
            written += EntryHeader + entry.NameLength;
        }

        return first;
    }

    /// <summary>The SHA-256 of all entries as they are encoded.</summary>
    public byte[] Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[FileLimits.MaxBatch];
        for (int next = 0; next < Count;)
        {
            next = Encode(next, buffer, out int written);
            hash.AppendData(buffer, 0, written);
        }

        return hash.GetHashAndReset();
    }

    private ManifestFault Add(bool isFolder, int parent, ReadOnlySpan<byte> name, long size, long modified, int mode)
    {
        if (Count >= maxEntries) return ManifestFault.TooMany;
        Span<char> text = stackalloc char[FileLimits.MaxName];
        if (Utf8.ToUtf16(name, text, out _, out int length, replaceInvalidSequences: false) != System.Buffers.OperationStatus.Done) return Fault(EntryNameFault.NotText);
        var letters = text[..length];
        NameFault = parent < 0 ? EntryName.CheckRoot(letters, windows) : EntryName.Check(letters, windows);
        if (NameFault != EntryNameFault.None) return ManifestFault.Name;
        if (parent >= Count || (parent >= 0 && !At(parent).IsFolder)) return ManifestFault.Parent;
        if (Count > 0)
        {
            int before = At(Count - 1).Parent;
            if (parent < before) return ManifestFault.OrderOrDuplicate;
            if (parent == before && _previous.AsSpan(0, _previousLength).CompareTo(letters, StringComparison.OrdinalIgnoreCase) >= 0) return ManifestFault.OrderOrDuplicate;
        }

        if (parent < 0 && Roots >= FileLimits.MaxRoots) return ManifestFault.TooManyRoots;
        int depth = parent < 0 ? 1 : At(parent).Depth + 1;
        if (depth > FileLimits.MaxDepth) return ManifestFault.TooDeep;
        if (PathBytes(parent) + name.Length > FileLimits.MaxPath) return ManifestFault.PathTooLong;
        if (_nameBytes + name.Length > FileLimits.MaxNameBytes) return ManifestFault.TooManyBytes;
        if (size < 0 || (isFolder && size != 0) || size > FileLimits.MaxBytes - TotalBytes) return ManifestFault.Size;
        if (mode != ManifestEntry.NoMode && (mode & ~ManifestEntry.ModeMask) != 0) return ManifestFault.Mode;
        if (modified < ManifestEntry.MinModified || modified > ManifestEntry.MaxModified) return ManifestFault.Time;

        letters.CopyTo(_previous);
        _previousLength = length;
        if ((Count & ((1 << BlockBits) - 1)) == 0) _blocks.Add(new Entry[1 << BlockBits]);
        _blocks[^1][Count & ((1 << BlockBits) - 1)] = new Entry(parent, Keep(name), (byte)name.Length, (byte)depth, (ushort)mode, isFolder, size, modified);
        Count++;
        if (parent < 0) Roots++;
        if (isFolder) Folders++;
        TotalBytes += size;
        return ManifestFault.None;
    }

    private ManifestFault Fault(EntryNameFault fault)
    {
        NameFault = fault;
        return ManifestFault.Name;
    }

    private int PathBytes(int parent)
    {
        int bytes = 0;
        for (; parent >= 0; parent = At(parent).Parent) bytes += At(parent).NameLength + 1;
        return bytes;
    }

    /// <summary>Puts a name into the last block of names, or into a new one where it would not fit.</summary>
    private int Keep(ReadOnlySpan<byte> name)
    {
        const int Block = 1 << NameBlockBits;
        if (_names.Count == 0 || (_nameEnd & (Block - 1)) + name.Length > Block || (_nameEnd & (Block - 1)) == 0)
        {
            _nameEnd = _names.Count * Block;
            _names.Add(new byte[Block]);
        }

        int offset = _nameEnd;
        name.CopyTo(_names[^1].AsSpan(offset & (Block - 1)));
        _nameEnd += name.Length;
        _nameBytes += name.Length;
        return offset;
    }

    private ReadOnlySpan<byte> NameOf(in Entry entry) => _names[entry.Name >> NameBlockBits].AsSpan(entry.Name & ((1 << NameBlockBits) - 1), entry.NameLength);

    private ref readonly Entry At(int index) => ref _blocks[index >> BlockBits][index & ((1 << BlockBits) - 1)];

    private readonly record struct Entry(int Parent, int Name, byte NameLength, byte Depth, ushort Mode, bool IsFolder, long Size, long Modified);
}
