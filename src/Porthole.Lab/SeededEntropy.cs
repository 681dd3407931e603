using System.Buffers.Binary;
using System.Numerics;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// Chance that a seed decides, the same on every platform: xoshiro256** filled by SplitMix64. For the lab only; anybody who sees some of its output
/// can foretell the rest.
/// </summary>
public sealed class SeededEntropy : EntropySource
{
    private ulong _a, _b, _c, _d;

    /// <summary>Creates a source.</summary>
    /// <param name="seed">Decides everything that the source ever yields.</param>
    public SeededEntropy(ulong seed)
    {
        _a = Split(ref seed);
        _b = Split(ref seed);
        _c = Split(ref seed);
        _d = Split(ref seed);
    }

    /// <summary>A source of its own for one part of a run, so that what one part draws does not change what another gets.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="stream">Which part.</param>
    public static SeededEntropy ForStream(ulong seed, ulong stream)
    {
        ulong mixed = seed ^ (stream * 0xD1B5_4A32_D192_ED03);
        return new SeededEntropy(Split(ref mixed));
    }

    /// <inheritdoc/>
    public override void Fill(Span<byte> destination)
    {
        while (destination.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, Next());
            destination = destination[sizeof(ulong)..];
        }

        if (destination.IsEmpty) return;
        ulong rest = Next();
        for (int i = 0; i < destination.Length; i++) destination[i] = (byte)(rest >> (8 * i));
    }

    private static ulong Split(ref ulong state)
    {
        ulong mixed = state += 0x9E37_79B9_7F4A_7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    private ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }
}
