using System.Buffers;

namespace Porthole.Protocol.Session;

/// <summary>
/// The bytes of one direction of a stream, between the thread of the application and the thread of the machine: one of them writes, the other reads, and
/// neither waits. Bytes live in chunks from a pool, found by their stream offset; memory is taken as bytes come and given back as they go.
/// </summary>
/// <remarks>
/// The writer owns <see cref="End"/> and the chunks' contents beyond it, the reader owns <see cref="Start"/> and gives back the chunks before it. Each side
/// publishes its own edge with release semantics and reads the other's with acquire semantics; a slot is reused only after its chunk lies wholly
/// before <see cref="Start"/>, which is why there is one slot more than the capacity needs.
/// </remarks>
internal sealed class StreamBuffer
{
    /// <summary>The size of a chunk: large enough that pool traffic is rare, small enough that an idle stream is cheap.</summary>
    public const int ChunkSize = 16 << 10;

    /// <summary>At most 16 MiB wait in the pool for the next stream; the rest goes to the garbage collector.</summary>
    private const int PooledChunks = 1_024;

    private static readonly ArrayPool<byte> s_pool = ArrayPool<byte>.Create(ChunkSize, PooledChunks);

    private readonly int _maxCapacity;
    private byte[]?[] _slots = [];
    private long _start;
    private long _end;
    private long _capacity;

    /// <param name="capacity">How many bytes may lie between <see cref="Start"/> and the writer's edge for now.</param>
    /// <param name="maxCapacity">The most that <paramref name="capacity"/> can be raised to.</param>
    public StreamBuffer(int capacity, int maxCapacity) => (_capacity, _maxCapacity) = (capacity, maxCapacity);

    /// <summary>The reader's edge: bytes before it are gone.</summary>
    public long Start => Volatile.Read(ref _start);

    /// <summary>The writer's edge: bytes before it may be read.</summary>
    public long End => Volatile.Read(ref _end);

    /// <summary>How many bytes the buffer holds at most; only ever raised.</summary>
    public long Capacity
    {
        get => Volatile.Read(ref _capacity);
        set => Volatile.Write(ref _capacity, Math.Clamp(value, _capacity, _maxCapacity));
    }

    /// <summary>Writer: how many bytes can be appended now.</summary>
    public long Room => Start + Capacity - _end;

    /// <summary>Writer: appends what fits and publishes it.</summary>
    /// <returns>How many bytes were taken.</returns>
    public int Append(ReadOnlySpan<byte> source)
    {
        int count = (int)Math.Min(source.Length, Room);
        if (count == 0) return 0;
        WriteAt(_end, source[..count]);
        Publish(_end + count);
        return count;
    }

    /// <summary>Writer: puts bytes at an offset that is not before <see cref="End"/> and not beyond <see cref="Start"/> plus the largest capacity.</summary>
    public void WriteAt(long offset, ReadOnlySpan<byte> source)
    {
        if (_slots.Length == 0) _slots = new byte[]?[_maxCapacity / ChunkSize + 2];
        while (!source.IsEmpty)
        {
            ref byte[]? chunk = ref _slots[offset / ChunkSize % _slots.Length];
            chunk ??= s_pool.Rent(ChunkSize);
            int at = (int)(offset % ChunkSize);
            int count = Math.Min(source.Length, ChunkSize - at);
            source[..count].CopyTo(chunk.AsSpan(at));
            source = source[count..];
            offset += count;
        }
    }

    /// <summary>Writer: makes everything before <paramref name="end"/> readable.</summary>
    public void Publish(long end) => Volatile.Write(ref _end, end);

    /// <summary>Reader: copies bytes that lie between <see cref="Start"/> and <see cref="End"/>.</summary>
    public void CopyTo(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            byte[] chunk = _slots[offset / ChunkSize % _slots.Length]!;
            int at = (int)(offset % ChunkSize);
            int count = Math.Min(destination.Length, ChunkSize - at);
            chunk.AsSpan(at, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Reader: takes the next bytes and gives their memory back.</summary>
    /// <returns>How many bytes were copied.</returns>
    public int Take(Span<byte> destination)
    {
        int count = (int)Math.Min(destination.Length, End - _start);
        if (count == 0) return 0;
        CopyTo(_start, destination[..count]);
        Release(_start + count);
        return count;
    }

    /// <summary>Reader: gives back everything before <paramref name="start"/>.</summary>
    public void Release(long start)
    {
        for (long chunk = _start / ChunkSize; chunk < start / ChunkSize; chunk++)
        {
            ref byte[]? slot = ref _slots[chunk % _slots.Length];
            if (slot is not null) s_pool.Return(slot);
            slot = null;
        }

        Volatile.Write(ref _start, start);
    }
}
