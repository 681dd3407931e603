namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// A token bucket per key, kept as the one moment at which the bucket would be full again (the generic cell rate algorithm). Keys whose bucket is full are
/// forgotten a few at a time, so that no call walks over all of them.
/// </summary>
/// <param name="burst">How many may come at once, at least 1.</param>
/// <param name="period">The time in which <paramref name="burst"/> more are allowed.</param>
internal sealed class RateLimiter<TKey>(int burst, TimeSpan period)
    where TKey : notnull
{
    private const int SweptPerCall = 2;

    private readonly Dictionary<TKey, Instant> _fullAt = [];
    private readonly Queue<TKey> _sweep = new();
    private readonly TimeSpan _cost = period / burst;

    public int Count => _fullAt.Count;

    /// <summary>Whether one more would be allowed, without taking it.</summary>
    public bool Allows(Instant now, TKey key) => !_fullAt.TryGetValue(key, out var fullAt) || fullAt + _cost - now <= period;

    /// <summary>Takes one, if it is allowed.</summary>
    public bool TryTake(Instant now, TKey key)
    {
        Sweep(now);
        if (!_fullAt.TryGetValue(key, out var fullAt))
        {
            _sweep.Enqueue(key);
            fullAt = now;
        }

        var next = Instant.Max(fullAt, now) + _cost;
        bool isAllowed = next - now <= period;
        if (isAllowed) _fullAt[key] = next;
        else _fullAt.TryAdd(key, fullAt);
        return isAllowed;
    }

    private void Sweep(Instant now)
    {
        for (int i = 0; i < SweptPerCall && _sweep.TryDequeue(out var key); i++)
        {
            if (_fullAt.TryGetValue(key, out var fullAt) && fullAt <= now) _fullAt.Remove(key);
            else _sweep.Enqueue(key);
        }
    }
}
