using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Forwarding;

/// <summary>Flows of datagrams that end when nothing has passed for a while (RFC 4787 section 4.3). There is room for so many; who needs more takes the place of the one that has been quiet for longest.</summary>
/// <typeparam name="TKey">What tells flows apart.</typeparam>
/// <typeparam name="TFlow">What is kept of a flow.</typeparam>
/// <param name="capacity">The most flows.</param>
/// <param name="idleTimeout">How long a flow lives without a datagram.</param>
public sealed class FlowTable<TKey, TFlow>(int capacity, TimeSpan idleTimeout)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<Entry>> _flows = [];
    private readonly LinkedList<Entry> _byUse = new();

    /// <summary>How many flows there are.</summary>
    public int Count => _flows.Count;

    /// <summary>Whether a further flow takes the place of another.</summary>
    public bool IsFull => _flows.Count >= capacity;

    /// <summary>Finds a flow that a datagram passes on, which keeps it alive.</summary>
    public bool TryUse(Instant now, TKey key, [MaybeNullWhen(false)] out TFlow flow)
    {
        flow = default;
        if (!_flows.TryGetValue(key, out var node)) return false;
        flow = node.Value.Flow;
        node.ValueRef.UsedAt = now;
        _byUse.Remove(node);
        _byUse.AddLast(node);
        return true;
    }

    /// <summary>Adds a flow that is not there; there must be room.</summary>
    public void Add(Instant now, TKey key, TFlow flow)
    {
        if (IsFull) throw new InvalidOperationException("There is no room: take a flow out first.");
        _flows.Add(key, _byUse.AddLast(new Entry(key, flow, now)));
    }

    /// <summary>Takes out the flow that has been quiet for longest, if it has been for the idle time-out.</summary>
    public bool TryTakeExpired(Instant now, [MaybeNullWhen(false)] out TFlow flow)
    {
        flow = default;
        return _byUse.First is { } first && now - first.Value.UsedAt >= idleTimeout && TryTakeQuietest(out flow);
    }

    /// <summary>Takes out the flow that has been quiet for longest.</summary>
    public bool TryTakeQuietest([MaybeNullWhen(false)] out TFlow flow)
    {
        flow = default;
        if (_byUse.First is not { } first) return false;
        flow = first.Value.Flow;
        _flows.Remove(first.Value.Key);
        _byUse.RemoveFirst();
        return true;
    }

    /// <summary>One flow, and when it was used.</summary>
    private struct Entry(TKey key, TFlow flow, Instant usedAt)
    {
        public readonly TKey Key = key;
        public readonly TFlow Flow = flow;
        public Instant UsedAt = usedAt;
    }
}
