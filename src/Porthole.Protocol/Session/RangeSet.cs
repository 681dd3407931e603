namespace Porthole.Protocol.Session;

/// <summary>A set of whole numbers, kept as ranges in rising order. Bounded: whoever feeds it from the network says how many ranges it may have.</summary>
/// <param name="limit">The most ranges.</param>
internal sealed class RangeSet(int limit = int.MaxValue)
{
    private Range[] _ranges = [];

    /// <summary>Numbers from <paramref name="Start"/> up to but not including <paramref name="End"/>.</summary>
    internal readonly record struct Range(long Start, long End);

    /// <summary>How many ranges there are.</summary>
    public int Count { get; private set; }

    /// <summary>A range, the lowest first.</summary>
    public Range this[int index] => _ranges[index];

    /// <summary>Whether a number is in the set.</summary>
    public bool Contains(long value)
    {
        int index = FirstEndingAfter(value);
        return index < Count && _ranges[index].Start <= value;
    }

    /// <summary>Adds a range and joins it with its neighbours.</summary>
    /// <returns>False, with nothing changed, when the set would have more ranges than its limit.</returns>
    public bool TryAdd(long start, long end)
    {
        if (start >= end) return true;
        int first = FirstEndingAfter(start - 1); // touching counts: [1,3) and [3,5) are one range
        int last = first;
        while (last < Count && _ranges[last].Start <= end)
        {
            start = Math.Min(start, _ranges[last].Start);
            end = Math.Max(end, _ranges[last].End);
            last++;
        }

        if (first == last && Count == limit) return false;
        Replace(first, last, new Range(start, end));
        return true;
    }

    /// <summary>Takes a range out.</summary>
    public void Remove(long start, long end)
    {
        if (start >= end) return;
        int first = FirstEndingAfter(start);
        while (first < Count && _ranges[first].Start < end)
        {
            var range = _ranges[first];
            bool before = range.Start < start, after = range.End > end;
            if (before && after)
            {
                Replace(first, first + 1, new Range(range.Start, start));
                Replace(first + 1, first + 1, new Range(end, range.End));
                return;
            }

            if (before) _ranges[first++] = new Range(range.Start, start);
            else if (after) _ranges[first++] = new Range(end, range.End);
            else RemoveAt(first);
        }
    }

    /// <summary>Takes out the range at a place.</summary>
    public void RemoveAt(int index)
    {
        Array.Copy(_ranges, index + 1, _ranges, index, Count - index - 1);
        Count--;
    }

    /// <summary>Empties the set.</summary>
    public void Clear() => Count = 0;

    // The first range whose end lies beyond the value; ranges come in order, so a binary search. New numbers are mostly the highest: look there first.
    private int FirstEndingAfter(long value)
    {
        if (Count == 0 || _ranges[Count - 1].End <= value) return Count;
        int low = 0, high = Count - 1;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_ranges[middle].End > value) high = middle;
            else low = middle + 1;
        }

        return low;
    }

    private void Replace(int first, int last, Range range)
    {
        if (first == last)
        {
            if (Count == _ranges.Length) Array.Resize(ref _ranges, Math.Max(4, 2 * Count));
            Array.Copy(_ranges, first, _ranges, first + 1, Count - first);
            Count++;
        }
        else if (last - first > 1)
        {
            Array.Copy(_ranges, last, _ranges, first + 1, Count - last);
            Count -= last - first - 1;
        }

        _ranges[first] = range;
    }
}
