using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>What happened to packets, in order, and a hash of all of it. The same seed gives the same hash.</summary>
/// <param name="capacity">How many entries are kept; later ones go into the hash only.</param>
public sealed class PacketTrace(int capacity = 100_000)
{
    private const ulong FnvOffset = 0xCBF2_9CE4_8422_2325;
    private const ulong FnvPrime = 0x0000_0100_0000_01B3;

    private readonly List<PacketTraceEntry> _entries = [];

    /// <summary>The first entries, as many as the trace has room for.</summary>
    public IReadOnlyList<PacketTraceEntry> Entries => _entries;

    /// <summary>How many entries there were.</summary>
    public long Count { get; private set; }

    /// <summary>A hash of every entry and of the bytes of every packet (FNV-1a).</summary>
    public ulong Hash { get; private set; } = FnvOffset;

    /// <summary>Called with every entry, for instance to print it while it happens; null for nobody.</summary>
    public Action<PacketTraceEntry>? Watcher { get; set; }

    /// <summary>Called with every entry and the packet's bytes, for who looks for what must not be in them; null for nobody.</summary>
    public PacketInspector? Inspector { get; set; }

    /// <summary>Takes an entry.</summary>
    /// <param name="entry">What happened.</param>
    /// <param name="bytes">The packet.</param>
    public void Add(in PacketTraceEntry entry, ReadOnlySpan<byte> bytes)
    {
        Count++;
        if (_entries.Count < capacity) _entries.Add(entry);
        Mix((ulong)entry.At.Ticks);
        Mix((ulong)entry.Step);
        Mix(entry.Flow.Source);
        Mix(entry.Flow.Destination);
        if (entry.Flow.Protocol != NatProtocol.Udp) Mix((ulong)entry.Flow.Bits << 8 | (entry.Flow.IsError ? 1u : 0));
        foreach (char letter in entry.Place) Mix(letter);
        ulong hash = Hash;
        foreach (byte value in bytes) hash = (hash ^ value) * FnvPrime;
        Hash = hash;
        Watcher?.Invoke(entry);
        Inspector?.Invoke(entry, bytes);
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * FnvPrime;

    private void Mix(TransportAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = address.WriteAddress(bytes);
        ulong hash = Hash;
        foreach (byte value in bytes[..length]) hash = (hash ^ value) * FnvPrime;
        Hash = (hash ^ address.Port) * FnvPrime;
    }
}

/// <summary>Looks at a packet.</summary>
/// <param name="entry">What happened to it.</param>
/// <param name="bytes">Its bytes, which last until the call returns.</param>
public delegate void PacketInspector(in PacketTraceEntry entry, ReadOnlySpan<byte> bytes);
