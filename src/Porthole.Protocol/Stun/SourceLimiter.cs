namespace Porthole.Protocol.Stun;

/// <summary>
/// Allows each source a rate and a burst, in memory that never grows. A flood from spoofed sources can push out sources that are nearly idle (they start anew,
/// with a full burst) rather than those that have used up their share.
/// </summary>
/// <remarks>
/// Per source one moment is kept: when it will have been silent long enough to have its whole burst again (the generic cell rate algorithm's theoretical
/// arrival time, ITU-T I.371). A source lies in one of <see cref="Ways"/> places, chosen by a keyed hash, so that nobody can aim at another's.
/// </remarks>
internal sealed class SourceLimiter
{
    private const int Ways = 4;

    private readonly Entry[] _entries;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _window;
    private readonly ulong _seed;
    private readonly ulong _multiplier;

    /// <param name="rate">Allowed per second, in the long run.</param>
    /// <param name="burst">Allowed at once.</param>
    /// <param name="capacity">How many sources are remembered: a power of two, at least 4.</param>
    /// <param name="entropy">For the key of the hash.</param>
    public SourceLimiter(int rate, int burst, int capacity, EntropySource entropy)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Ways);
        if ((capacity & (capacity - 1)) != 0) throw new ArgumentException("The capacity is a power of two.", nameof(capacity));
        _entries = new Entry[capacity];
        _interval = TimeSpan.FromSeconds(1) / rate;
        _window = _interval * burst;
        _seed = entropy.NextUInt64();
        _multiplier = entropy.NextUInt64() | 1;
    }

    /// <summary>Counts one packet of a source.</summary>
    /// <returns>False when the source has used up its share.</returns>
    public bool TryTake(Instant now, UInt128 source)
    {
        var places = _entries.AsSpan((int)(Hash(source) % (ulong)(_entries.Length / Ways)) * Ways, Ways);
        ref var entry = ref places[0];
        foreach (ref var place in places)
        {
            if (place.Source == source)
            {
                entry = ref place;
                break;
            }

            if (place.FullAt < entry.FullAt) entry = ref place; // the idlest gives way
        }

        if (entry.Source != source) entry = new Entry { Source = source, FullAt = now };
        var fullAt = Instant.Max(entry.FullAt, now) + _interval;
        if (fullAt - now > _window) return false;
        entry.FullAt = fullAt;
        return true;
    }

    /// <summary>The key of a host: an IPv4 address, or the /64 that an IPv6 host draws its addresses from.</summary>
    public static UInt128 KeyOf(TransportAddress remote)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        int length = remote.WriteAddress(bytes);
        if (length == 16) bytes[8..].Clear();
        else bytes[15] = 1; // no IPv6 prefix looks like this
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private ulong Hash(UInt128 source)
    {
        ulong hash = Mix((ulong)source ^ _seed);
        return Mix(hash ^ (ulong)(source >> 64));
    }

    private ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value, _multiplier, out ulong low);
        value = high ^ low ^ _seed;
        return value ^ (value >> 29);
    }

    private struct Entry
    {
        public UInt128 Source;
        public Instant FullAt;
    }
}
