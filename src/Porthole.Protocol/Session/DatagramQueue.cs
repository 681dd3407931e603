using System.Buffers.Binary;

namespace Porthole.Protocol.Session;

/// <summary>Datagrams that wait to be sent (RFC 9221): a ring of bytes that is taken when it is first used. Full means refused: the sender decides what is stale.</summary>
/// <param name="maxCount">The most datagrams.</param>
internal sealed class DatagramQueue(int maxCount)
{
    private const int LengthSize = sizeof(ushort);

    private readonly int _capacity = maxCount * (LengthSize + SessionLimits.MaxDatagram);
    private byte[] _bytes = [];
    private int _first;
    private int _used;

    /// <summary>How many datagrams wait.</summary>
    public int Count { get; private set; }

    /// <summary>The length of the first.</summary>
    public int FirstLength
    {
        get
        {
            Span<byte> length = stackalloc byte[LengthSize];
            Copy(_first, length);
            return BinaryPrimitives.ReadUInt16BigEndian(length);
        }
    }

    /// <summary>Adds a datagram.</summary>
    /// <returns>False when the queue is full.</returns>
    public bool TryAdd(ReadOnlySpan<byte> datagram)
    {
        if (Count == maxCount) return false;
        if (_bytes.Length == 0) _bytes = new byte[_capacity];
        Span<byte> length = stackalloc byte[LengthSize];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)datagram.Length);
        Append(length);
        Append(datagram);
        Count++;
        return true;
    }

    /// <summary>Takes the first datagram; the destination has its length.</summary>
    public void Take(Span<byte> destination)
    {
        Copy((_first + LengthSize) % _capacity, destination);
        int size = LengthSize + destination.Length;
        _first = (_first + size) % _capacity;
        _used -= size;
        Count--;
    }

    private void Append(ReadOnlySpan<byte> source)
    {
        int at = (_first + _used) % _capacity;
        int before = Math.Min(source.Length, _capacity - at);
        source[..before].CopyTo(_bytes.AsSpan(at));
        source[before..].CopyTo(_bytes);
        _used += source.Length;
    }

    private void Copy(int at, Span<byte> destination)
    {
        int before = Math.Min(destination.Length, _capacity - at);
        _bytes.AsSpan(at, before).CopyTo(destination);
        _bytes.AsSpan(0, destination.Length - before).CopyTo(destination[before..]);
    }
}
