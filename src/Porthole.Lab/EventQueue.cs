using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// What is to happen, ordered by time and, at one time, by the order in which it was asked for. Two runs of one seed pop the same sequence.
/// </summary>
internal sealed class EventQueue
{
    private Item[] _heap = new Item[64];
    private int _count;
    private long _order;

    public int Count => _count;

    public Instant NextAt => _count == 0 ? Instant.Never : new Instant(_heap[0].Time);

    public void Add(Instant at, ISimulationTarget target, SimulatedPacket? packet = null)
    {
        if (_count == _heap.Length) Array.Resize(ref _heap, 2 * _count);
        var item = new Item(at.Ticks, _order++, target, packet);
        int hole = _count++;
        while (hole > 0)
        {
            int parent = (hole - 1) >> 1;
            if (!item.IsBefore(_heap[parent])) break;
            _heap[hole] = _heap[parent];
            hole = parent;
        }

        _heap[hole] = item;
    }

    public Instant Take(out ISimulationTarget target, out SimulatedPacket? packet)
    {
        var first = _heap[0];
        (target, packet) = (first.Target, first.Packet);
        var last = _heap[--_count];
        _heap[_count] = default;
        int hole = 0;
        while (true)
        {
            int child = 2 * hole + 1;
            if (child >= _count) break;
            if (child + 1 < _count && _heap[child + 1].IsBefore(_heap[child])) child++;
            if (!_heap[child].IsBefore(last)) break;
            _heap[hole] = _heap[child];
            hole = child;
        }

        if (_count > 0) _heap[hole] = last;
        return new Instant(first.Time);
    }

    private readonly record struct Item(long Time, long Order, ISimulationTarget Target, SimulatedPacket? Packet)
    {
        public bool IsBefore(in Item other) => Time != other.Time ? Time < other.Time : Order < other.Order;
    }
}
