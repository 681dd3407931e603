using Porthole.Lab;

namespace Porthole.Scenarios.Lab;

public sealed class SeededEntropyTests
{
    [Fact]
    public void A_seed_gives_the_same_numbers_on_every_platform()
    {
        // xoshiro256** seeded by SplitMix64(1); the first outputs, as any other implementation gives them.
        Span<byte> bytes = stackalloc byte[16];
        new SeededEntropy(1).Fill(bytes);
        Assert.Equal("C510C70F6DAFF2B3EA4C364796553B85", Convert.ToHexString(bytes));
    }

    [Fact]
    public void Pieces_of_any_length_are_filled_and_streams_differ()
    {
        for (int length = 0; length < 40; length++)
        {
            byte[] one = new byte[length], other = new byte[length];
            SeededEntropy.ForStream(7, 1).Fill(one);
            SeededEntropy.ForStream(7, 2).Fill(other);
            if (length >= 4) Assert.NotEqual(one, other);
            if (length >= 16) Assert.InRange(one.Distinct().Count(), length / 2, length);
        }
    }

    [Fact]
    public void Numbers_are_even()
    {
        var entropy = new SeededEntropy(3);
        Assert.InRange(Enumerable.Range(0, 10_000).Average(_ => entropy.NextDouble(0, 1)), 0.49, 0.51);
    }
}
