using System.Buffers;

namespace Porthole.Protocol.Forwarding;

/// <summary>
/// Puts UDP datagrams together that came in pieces, in any order, some twice and some never. Its memory is bounded: where there is no room the oldest that is not whole is given up, and so is one that has waited too long.
/// </summary>
public sealed class DatagramReassembler
{
    /// <summary>The most bytes of datagrams that are not whole yet: 16 of the longest. On a clean path there is never more than one in a flow.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>How long a datagram may take to be whole: longer than a relay of 1 Mbit/s needs for the longest, and shorter than any program waits for an answer that it has not asked for twice.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Key, LinkedListNode<Partial>> _partials = [];
    private readonly LinkedList<Partial> _byAge = new();
    private byte[]? _given;

    /// <summary>The bytes of datagrams that are not whole yet.</summary>
    public int Bytes { get; private set; }

    /// <summary>How many datagrams are not whole yet.</summary>
    public int Count => _partials.Count;

    /// <summary>Adds a piece.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="whole">The datagram, if this was the last piece that was missing; valid until the next call.</param>
    /// <returns>Whether it was.</returns>
    public bool TryAdd(Instant now, in ForwardDatagram piece, out ReadOnlySpan<byte> whole)
    {
        whole = default;
        ReturnGiven();
        DropExpired(now);
        if (!piece.IsPiece) return false;
        var key = new Key(piece.Association, piece.Flow, piece.Number);
        if (_partials.TryGetValue(key, out var node) && node.Value.Length != piece.Length)
        {
            Drop(node); // a number that is used again: the older one will not be whole any more
            node = null;
        }

        node ??= Add(now, key, piece.Length);
        if (!node.Value.TryPlace(piece)) return false;
        _given = node.Value.Bytes;
        Remove(node);
        whole = _given.AsSpan(0, piece.Length);
        return true;
    }

    /// <summary>Gives up what has waited too long.</summary>
    public void DropExpired(Instant now)
    {
        while (_byAge.First is { } oldest && now - oldest.Value.Began >= Timeout) Drop(oldest);
    }

    private LinkedListNode<Partial> Add(Instant now, Key key, int length)
    {
        while (Bytes + length > MaxBytes) Drop(_byAge.First!);
        var node = _byAge.AddLast(new Partial(key, length, now, ArrayPool<byte>.Shared.Rent(length)));
        _partials.Add(key, node);
        Bytes += length;
        return node;
    }

    private void Drop(LinkedListNode<Partial> node)
    {
        Remove(node);
        ArrayPool<byte>.Shared.Return(node.Value.Bytes);
    }

    private void Remove(LinkedListNode<Partial> node)
    {
        _partials.Remove(node.Value.Key);
        _byAge.Remove(node);
        Bytes -= node.Value.Length;
    }

    private void ReturnGiven()
    {
        if (_given is not null) ArrayPool<byte>.Shared.Return(_given);
        _given = null;
    }

    private readonly record struct Key(ushort Association, uint Flow, ushort Number);

    /// <summary>A datagram that is not whole yet.</summary>
    private sealed class Partial(Key key, int length, Instant began, byte[] bytes)
    {
        private UInt128 _present;
        private int _missing = ForwardDatagram.CountFor(length);

        public Key Key => key;

        public int Length => length;

        public Instant Began => began;

        public byte[] Bytes => bytes;

        /// <summary>Puts a piece in its place.</summary>
        /// <returns>Whether nothing is missing any more.</returns>
        public bool TryPlace(in ForwardDatagram piece)
        {
            var bit = UInt128.One << piece.Piece;
            if ((_present & bit) != 0) return false;
            _present |= bit;
            piece.Data.CopyTo(bytes.AsSpan(piece.Piece * ForwardDatagram.PieceSize));
            return --_missing == 0;
        }
    }
}
