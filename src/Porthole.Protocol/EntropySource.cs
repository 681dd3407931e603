using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Porthole.Protocol;

/// <summary>
/// Where chance comes from: the operating system in a program, a seed in the lab. Machines use nothing else, so that one seed gives one run.
/// </summary>
public abstract class EntropySource
{
    /// <summary>Fills the span with bytes nobody can foresee (or, in the lab, only the seed can).</summary>
    public abstract void Fill(Span<byte> destination);

    /// <summary>A 32-bit number, all values equally likely.</summary>
    public uint NextUInt32()
    {
        uint value = 0;
        Fill(MemoryMarshal.AsBytes(new Span<uint>(ref value)));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    /// <summary>A 64-bit number, all values equally likely.</summary>
    public ulong NextUInt64() => ((ulong)NextUInt32() << 32) | NextUInt32();

    /// <summary>A number from <paramref name="from"/> up to but not including <paramref name="below"/>.</summary>
    public double NextDouble(double from, double below) => from + (below - from) * (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A whole number from <paramref name="from"/> up to but not including <paramref name="below"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public int NextInt32(int from, int below)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(from, below);
        // Multiply and shift: the bias of 2^-32 per value does not matter for jitter, ports and shuffles, its only uses.
        return from + (int)(((ulong)NextUInt32() * (uint)(below - from)) >> 32);
    }
}
