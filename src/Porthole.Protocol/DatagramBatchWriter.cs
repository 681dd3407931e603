using System.Diagnostics;

namespace Porthole.Protocol;

/// <summary>
/// Driver memory that a machine writes outgoing datagrams into: one batch goes from one socket to one destination, as up to
/// <see cref="MaxSegments"/> segments of equal size (the last may be shorter), which is what segmentation offload takes.
/// </summary>
/// <remarks>
/// One use: <see cref="Begin"/>, then for each datagram <see cref="TryReserve"/>, write, <see cref="Commit"/>. A segment that is shorter than the
/// first ends the batch.
/// </remarks>
/// <param name="memory">The driver's buffer. A datagram of up to <see cref="MaxDatagram"/> bytes must fit.</param>
public ref struct DatagramBatchWriter(Span<byte> memory)
{
    /// <summary>The most segments of one batch: Linux takes 64 per UDP_SEGMENT send.</summary>
    public const int MaxSegments = 64;

    /// <summary>The most bytes of one batch: an IP packet's limit, which UDP_SEGMENT keeps for the sum.</summary>
    public const int MaxBytes = 65_000;

    /// <summary>The longest single datagram or message that a machine may write.</summary>
    public const int MaxDatagram = 65_000;

    private readonly Span<byte> _memory = memory.Length > MaxBytes ? memory[..MaxBytes] : memory;
    private bool _closed;

    /// <summary>The socket to send from.</summary>
    public SocketId Socket { get; private set; }

    /// <summary>Where to send; default on a connected socket.</summary>
    public TransportAddress Remote { get; private set; }

    /// <summary>The size of every segment but the last, in bytes; 0 before the first.</summary>
    public int SegmentSize { get; private set; }

    /// <summary>How many segments were written.</summary>
    public int Count { get; private set; }

    /// <summary>How many bytes were written in all.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes written so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _memory[..Length];

    /// <summary>The IP hop limit (time to live) of this batch; 0 is the socket's own.</summary>
    public int HopLimit { get; private set; }

    /// <summary>Names the socket and the destination of this batch; once, before the first segment.</summary>
    /// <param name="socket">The socket to send from.</param>
    /// <param name="remote">Where to send.</param>
    /// <param name="hopLimit">The IP hop limit, 1 to 255: how many routers less one the batch may pass; 0 is the socket's own. UDP only.</param>
    public void Begin(SocketId socket, TransportAddress remote, int hopLimit = 0)
    {
        Debug.Assert(Count == 0, "A batch has one destination.");
        (Socket, Remote, HopLimit) = (socket, remote, hopLimit);
    }

    /// <summary>Room for the next segment.</summary>
    /// <param name="size">How many bytes the segment may take at most; after the first segment no more than <see cref="SegmentSize"/> can be had.</param>
    /// <param name="segment">The room: <paramref name="size"/> bytes.</param>
    /// <returns>False when the batch is full or closed: end it and ask again with the next.</returns>
    public readonly bool TryReserve(int size, out Span<byte> segment)
    {
        segment = default;
        if (_closed || Count == MaxSegments || size > _memory.Length - Length || (Count > 0 && size > SegmentSize)) return false;
        segment = _memory.Slice(Length, size);
        return true;
    }

    /// <summary>Ends the segment that was reserved last.</summary>
    /// <param name="length">Its bytes; not more than the first segment's.</param>
    public void Commit(int length)
    {
        Debug.Assert(length > 0 && (Count == 0 || length <= SegmentSize), "Segments are equal but for the last.");
        if (Count == 0) SegmentSize = length;
        _closed = length < SegmentSize;
        Length += length;
        Count++;
    }

    /// <summary>The bytes of one written segment.</summary>
    public readonly ReadOnlySpan<byte> Segment(int index) =>
        _memory[(index * SegmentSize)..Math.Min(Length, (index + 1) * SegmentSize)];
}
