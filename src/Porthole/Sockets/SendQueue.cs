using System.Buffers;

namespace Porthole.Sockets;

/// <summary>
/// The bytes of a stream that wait to be sent, in pooled pieces: an empty queue holds none, and many small messages share one, so that they leave with
/// one system call. Not safe for use by several threads; but what <see cref="First"/> gave stays as it is while more is appended.
/// </summary>
internal sealed class SendQueue
{
    /// <summary>Room for the largest batch that a machine writes, with a frame around each of its messages.</summary>
    private const int PieceSize = 64 * 1024;

    private readonly Queue<byte[]> _pieces = new();
    private byte[] _last = [];
    private int _start;
    private int _end;

    /// <summary>How many bytes wait.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes that are next, as far as they lie together; empty when nothing waits.</summary>
    public ReadOnlyMemory<byte> First =>
        Length == 0 ? default : _pieces.Peek().AsMemory(_start, (_pieces.Count == 1 ? _end : PieceSize) - _start);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        while (bytes.Length > 0)
        {
            if (_pieces.Count == 0 || _end == PieceSize)
            {
                _pieces.Enqueue(_last = ArrayPool<byte>.Shared.Rent(PieceSize));
                _end = 0;
            }

            int fitting = Math.Min(bytes.Length, PieceSize - _end);
            bytes[..fitting].CopyTo(_last.AsSpan(_end));
            _end += fitting;
            bytes = bytes[fitting..];
        }
    }

    /// <summary>Forgets bytes that were sent.</summary>
    /// <param name="count">Not more than <see cref="First"/> has.</param>
    public void Advance(int count)
    {
        _start += count;
        Length -= count;
        if (Length > 0 && _start < PieceSize) return;
        if (_pieces.TryDequeue(out byte[]? piece)) ArrayPool<byte>.Shared.Return(piece);
        _start = 0;
    }

    /// <summary>Forgets everything. Nobody may use what <see cref="First"/> gave any more.</summary>
    public void Clear()
    {
        while (_pieces.TryDequeue(out byte[]? piece)) ArrayPool<byte>.Shared.Return(piece);
        (_last, _start, _end, Length) = ([], 0, 0, 0);
    }
}
