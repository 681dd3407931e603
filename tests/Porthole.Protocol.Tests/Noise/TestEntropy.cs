namespace Porthole.Protocol.Tests.Noise;

/// <summary>One seed gives one run (xorshift64*); for tests only.</summary>
internal sealed class TestEntropy(ulong seed) : EntropySource
{
    private ulong _state = seed * 0x9E37_79B9_7F4A_7C15 + 1;

    public override void Fill(Span<byte> destination)
    {
        foreach (ref byte value in destination)
        {
            _state ^= _state >> 12;
            _state ^= _state << 25;
            _state ^= _state >> 27;
            value = (byte)((_state * 0x2545_F491_4F6C_DD1D) >> 56);
        }
    }
}
