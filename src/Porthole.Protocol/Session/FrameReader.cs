namespace Porthole.Protocol.Session;

/// <summary>
/// Reads the frames of an opened packet in place (RFC 9000 section 19). Syntax only: what a frame means, and whether it is allowed, is judged by whom
/// it concerns. Each read answers false when the frame is cut short or says something impossible.
/// </summary>
/// <param name="payload">The frames.</param>
internal ref struct FrameReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>Whether all frames were read.</summary>
    public readonly bool IsEmpty => _rest.IsEmpty;

    /// <summary>Reads a frame's type. All known types are below 64, and a type must be in its shortest form (RFC 9000 section 12.4): one byte.</summary>
    public bool TryReadType(out byte type)
    {
        type = _rest.IsEmpty ? (byte)0 : _rest[0];
        if (_rest.IsEmpty || type > 0x3F) return false;
        _rest = _rest[1..];
        return true;
    }

    /// <summary>Skips the zeros of PADDING.</summary>
    public void SkipPadding()
    {
        int end = _rest.IndexOfAnyExcept((byte)0);
        _rest = end < 0 ? default : _rest[end..];
    }

    /// <summary>Reads one variable-length number.</summary>
    public bool TryReadNumber(out long value)
    {
        if (!VariableLength.TryRead(_rest, out value, out int size)) return false;
        _rest = _rest[size..];
        return true;
    }

    /// <summary>Reads a number that a length must fit behind, and the bytes that it counts.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryReadNumber(out long length) || length > _rest.Length) return false;
        bytes = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    /// <summary>Reads the eight bytes of PATH_CHALLENGE and PATH_RESPONSE.</summary>
    public bool TryReadToken(out ulong token)
    {
        bool whole = System.Buffers.Binary.BinaryPrimitives.TryReadUInt64BigEndian(_rest, out token);
        if (whole) _rest = _rest[sizeof(ulong)..];
        return whole;
    }

    /// <summary>Reads a STREAM frame (RFC 9000 section 19.8).</summary>
    public bool TryReadStream(byte type, out StreamFrame frame)
    {
        frame = default;
        long offset = 0;
        if (!TryReadNumber(out long id)) return false;
        if ((type & FrameType.StreamOffset) != 0 && !TryReadNumber(out offset)) return false;
        if (!TryReadTail((type & FrameType.StreamLength) != 0, out var data)) return false;
        if (offset > VariableLength.MaxValue - data.Length) return false; // "the sum of the offset and data length cannot exceed 2^62-1"
        frame = new StreamFrame(id, offset, data, (type & FrameType.StreamFin) != 0);
        return true;
    }

    /// <summary>Reads a DATAGRAM frame (RFC 9221 section 4).</summary>
    public bool TryReadDatagram(byte type, out ReadOnlySpan<byte> data) => TryReadTail(type == FrameType.DatagramLength, out data);

    /// <summary>Reads an ACK frame (RFC 9000 section 19.3) and checks every range of it.</summary>
    public bool TryReadAck(out AckFrame frame)
    {
        frame = default;
        if (!TryReadNumber(out long largest) || !TryReadNumber(out long delay) || !TryReadNumber(out long count) || !TryReadNumber(out long first)) return false;
        if (first > largest || count > _rest.Length / 2) return false;
        var ranges = _rest;
        long smallest = largest - first;
        for (long i = 0; i < count; i++)
        {
            if (!TryReadNumber(out long gap) || !TryReadNumber(out long length)) return false;
            long end = smallest - gap - 2; // cannot overflow: each is below 2^62
            if (end < 0 || length > end) return false;
            smallest = end - length;
        }

        frame = new AckFrame(largest, delay, first, ranges[..(ranges.Length - _rest.Length)]);
        return true;
    }

    private bool TryReadTail(bool hasLength, out ReadOnlySpan<byte> data)
    {
        if (hasLength) return TryReadBytes(out data);
        data = _rest;
        _rest = default;
        return true;
    }
}
