using System.Buffers.Binary;

namespace Porthole.Protocol.Session;

/// <summary>Writes frames (RFC 9000 section 19) into the payload of a packet. A frame that does not fit is not begun.</summary>
/// <param name="payload">The room for frames: the packet without its header and tag.</param>
internal ref struct FrameWriter(Span<byte> payload)
{
    private readonly Span<byte> _payload = payload;

    /// <summary>How many bytes were written.</summary>
    public int Length { get; private set; }

    /// <summary>How many bytes are left.</summary>
    public readonly int Room => _payload.Length - Length;

    /// <summary>A frame that is nothing but its type.</summary>
    public bool TryWrite(byte type)
    {
        if (Room < 1) return false;
        _payload[Length++] = type;
        return true;
    }

    /// <summary>A frame of up to three numbers.</summary>
    public bool TryWrite(byte type, long first, long second = -1, long third = -1)
    {
        int size = 1 + VariableLength.Size(first) + (second < 0 ? 0 : VariableLength.Size(second)) + (third < 0 ? 0 : VariableLength.Size(third));
        if (Room < size) return false;
        _payload[Length++] = type;
        WriteNumber(first);
        if (second >= 0) WriteNumber(second);
        if (third >= 0) WriteNumber(third);
        return true;
    }

    /// <summary>PATH_CHALLENGE or PATH_RESPONSE (RFC 9000 sections 19.17, 19.18).</summary>
    public bool TryWriteToken(byte type, ulong token)
    {
        if (Room < 1 + sizeof(ulong)) return false;
        _payload[Length++] = type;
        BinaryPrimitives.WriteUInt64BigEndian(_payload[Length..], token);
        Length += sizeof(ulong);
        return true;
    }

    /// <summary>
    /// The head of a STREAM frame (RFC 9000 section 19.8) and room for its bytes. The frame has no length when it fills the packet, which saves its two bytes.
    /// </summary>
    /// <param name="id">The stream.</param>
    /// <param name="offset">Where in the stream the bytes belong.</param>
    /// <param name="length">How many bytes there are to send; fewer may fit.</param>
    /// <param name="fin">Whether the stream ends behind these bytes; the flag is dropped when not all of them fit.</param>
    /// <param name="data">Where to put the bytes.</param>
    public bool TryWriteStream(long id, long offset, long length, ref bool fin, out Span<byte> data)
    {
        data = default;
        int head = 1 + VariableLength.Size(id) + (offset == 0 ? 0 : VariableLength.Size(offset));
        int room = Room - head;
        if (room < 0 || room == 0 && length > 0) return false;
        bool hasLength = length < room;
        if (hasLength && length > room - VariableLength.Size(length)) return TryWriteTightStream(id, offset, length, ref fin, out data);
        int count = (int)Math.Min(length, room);
        fin &= count == length;
        WriteStreamHead(id, offset, hasLength ? count : -1, fin);
        data = _payload.Slice(Length, count);
        Length += count;
        return true;
    }

    /// <summary>DATAGRAM (RFC 9221 section 4).</summary>
    public bool TryWriteDatagram(int length, out Span<byte> data)
    {
        data = default;
        if (Room < 1 + VariableLength.Size(length) + length) return false;
        _payload[Length++] = FrameType.DatagramLength;
        WriteNumber(length);
        data = _payload.Slice(Length, length);
        Length += length;
        return true;
    }

    /// <summary>CONNECTION_CLOSE (RFC 9000 section 19.19); the reason is cut when it does not fit.</summary>
    public bool TryWriteClose(byte type, long code, long frameType, ReadOnlySpan<byte> reason)
    {
        bool transport = type == FrameType.CloseTransport;
        int head = 1 + VariableLength.Size(code) + (transport ? VariableLength.Size(frameType) : 0) + 2;
        if (Room < head) return false;
        reason = reason[..Math.Min(reason.Length, Room - head)];
        _payload[Length++] = type;
        WriteNumber(code);
        if (transport) WriteNumber(frameType);
        WriteNumber(reason.Length);
        reason.CopyTo(_payload[Length..]);
        Length += reason.Length;
        return true;
    }

    /// <summary>ACK (RFC 9000 section 19.3): as many ranges as fit, the newest first.</summary>
    /// <param name="received">The numbers that were received; not empty.</param>
    /// <param name="delay">How long the newest was held back.</param>
    /// <param name="maxSize">The most bytes the frame may take.</param>
    public bool TryWriteAck(RangeSet received, TimeSpan delay, int maxSize)
    {
        long delayField = (long)delay.TotalMicroseconds >> SessionLimits.AckDelayExponent;
        var newest = received[received.Count - 1];
        long largest = newest.End - 1, first = largest - newest.Start;
        int size = 1 + VariableLength.Size(largest) + VariableLength.Size(delayField) + 2 + VariableLength.Size(first);
        int room = Math.Min(Room, maxSize);
        if (room < size) return false;

        int count = 0;
        for (int i = received.Count - 2; i >= 0; i--, count++)
        {
            size += VariableLength.Size(Gap(received, i)) + VariableLength.Size(Width(received, i));
            if (size > room) break;
        }

        _payload[Length++] = FrameType.Ack;
        WriteNumber(largest);
        WriteNumber(delayField);
        WriteNumber(count);
        WriteNumber(first);
        for (int i = received.Count - 2; i >= received.Count - 1 - count; i--)
        {
            WriteNumber(Gap(received, i));
            WriteNumber(Width(received, i));
        }

        return true;
    }

    /// <summary>Fills up to <paramref name="length"/> bytes with PADDING.</summary>
    public void PadTo(int length)
    {
        if (length <= Length) return;
        _payload[Length..length].Clear();
        Length = length;
    }

    private static long Gap(RangeSet ranges, int index) => ranges[index + 1].Start - ranges[index].End - 1;

    private static long Width(RangeSet ranges, int index) => ranges[index].End - ranges[index].Start - 1;

    // The bytes would fit without a length, but then a byte or two stay empty, or with a length, but then a few bytes do not: padding goes before the frame.
    private bool TryWriteTightStream(long id, long offset, long length, ref bool fin, out Span<byte> data)
    {
        int head = 1 + VariableLength.Size(id) + (offset == 0 ? 0 : VariableLength.Size(offset));
        PadTo(_payload.Length - head - (int)length);
        WriteStreamHead(id, offset, -1, fin);
        data = _payload.Slice(Length, (int)length);
        Length += (int)length;
        return true;
    }

    private void WriteStreamHead(long id, long offset, int length, bool fin)
    {
        _payload[Length++] = (byte)(FrameType.Stream
            | (fin ? FrameType.StreamFin : 0)
            | (length >= 0 ? FrameType.StreamLength : 0)
            | (offset != 0 ? FrameType.StreamOffset : 0));
        WriteNumber(id);
        if (offset != 0) WriteNumber(offset);
        if (length >= 0) WriteNumber(length);
    }

    private void WriteNumber(long value) => Length += VariableLength.Write(_payload[Length..], value);
}
