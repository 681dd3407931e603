using System.Buffers;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What became of a message that was put into a <see cref="RelayQueue"/>.</summary>
public enum RelayQueueResult
{
    /// <summary>It waits behind others.</summary>
    Queued,

    /// <summary>It is the first: whoever writes must be woken.</summary>
    QueuedFirst,

    /// <summary>It was dropped. For relay data that is the rule of fairness; for control it means that the receiver is too slow to be served.</summary>
    Dropped,
}

/// <summary>
/// What waits to be written to one main connection: control before relay data, and of relay data at most 64 kB, none taken once the oldest has waited for
/// 50 ms. So a slow receiver costs its senders loss, which their sessions understand, and costs the server no memory. One thread at a
/// time, as all of the protocol; a server on many threads locks around it. An empty queue holds no buffers.
/// </summary>
public sealed class RelayQueue
{
    /// <summary>The most relay data that waits, in bytes.</summary>
    public const int MaxRelayBytes = 64 * 1024;

    /// <summary>The most control data that waits, in bytes: 16 of the longest messages. Who does not read even those is cut off.</summary>
    public const int MaxControlBytes = 256 * 1024;

    /// <summary>The longest that relay data may have waited for more to be taken.</summary>
    public static readonly TimeSpan MaxRelayDelay = TimeSpan.FromMilliseconds(50);

    private Queue<Item>? _control;
    private Queue<Item>? _relay;
    private int _controlBytes;
    private int _relayBytes;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => _controlBytes + _relayBytes == 0;

    /// <summary>How many relay frames were dropped.</summary>
    public long DroppedFrames { get; private set; }

    /// <summary>Takes a copy of one control message. <see cref="RelayQueueResult.Dropped"/> means: close the connection.</summary>
    public RelayQueueResult EnqueueControl(ReadOnlySpan<byte> message)
    {
        if (_controlBytes + message.Length > MaxControlBytes) return RelayQueueResult.Dropped;
        bool first = _controlBytes + _relayBytes == 0;
        (_control ??= new Queue<Item>()).Enqueue(Item.Copy(message, default));
        _controlBytes += message.Length;
        return first ? RelayQueueResult.QueuedFirst : RelayQueueResult.Queued;
    }

    /// <summary>Takes a copy of one relay frame, if there is room and the queue moves.</summary>
    public RelayQueueResult EnqueueRelay(Instant now, ReadOnlySpan<byte> frame)
    {
        bool stuck = _relay is { Count: > 0 } && now - _relay.Peek().At > MaxRelayDelay;
        if (stuck || _relayBytes + frame.Length > MaxRelayBytes)
        {
            DroppedFrames++;
            return RelayQueueResult.Dropped;
        }

        bool first = _controlBytes + _relayBytes == 0;
        (_relay ??= new Queue<Item>()).Enqueue(Item.Copy(frame, now));
        _relayBytes += frame.Length;
        return first ? RelayQueueResult.QueuedFirst : RelayQueueResult.Queued;
    }

    /// <summary>The length of the message that <see cref="TryDequeue"/> gives next; 0 when nothing waits.</summary>
    public int PeekLength() => _control is { Count: > 0 } ? _control.Peek().Length : _relay is { Count: > 0 } ? _relay.Peek().Length : 0;

    /// <summary>Takes the next message: control first.</summary>
    /// <param name="destination">Room for it.</param>
    /// <param name="length">Its bytes.</param>
    /// <returns>False when nothing waits, or the room is too small.</returns>
    public bool TryDequeue(Span<byte> destination, out int length)
    {
        length = 0;
        bool isControl = _control is { Count: > 0 };
        var queue = isControl ? _control! : _relay;
        if (queue is not { Count: > 0 } || queue.Peek().Length > destination.Length) return false;
        var item = queue.Dequeue();
        length = item.Length;
        item.CopyTo(destination);
        if (isControl) _controlBytes -= length;
        else _relayBytes -= length;
        if (_controlBytes + _relayBytes == 0) (_control, _relay) = (null, null); // idle peers hold nothing
        return true;
    }

    private readonly record struct Item(byte[] Buffer, int Length, Instant At)
    {
        public static Item Copy(ReadOnlySpan<byte> message, Instant at)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(message.Length);
            message.CopyTo(buffer);
            return new Item(buffer, message.Length, at);
        }

        public void CopyTo(Span<byte> destination)
        {
            Buffer.AsSpan(0, Length).CopyTo(destination);
            ArrayPool<byte>.Shared.Return(Buffer);
        }
    }
}
