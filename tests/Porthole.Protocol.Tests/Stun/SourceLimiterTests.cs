using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Stun;

[Collection(nameof(Alone))]
public sealed class SourceLimiterTests
{
    private static readonly UInt128 s_source = 42;

    [Fact]
    public void A_source_may_take_its_burst_at_once_and_then_its_rate()
    {
        var limiter = new SourceLimiter(rate: 10, burst: 3, capacity: 16, new TestEntropy(1));
        Assert.Equal(3, Take(limiter, s_source, Instant.FromMilliseconds(1_000), 10));
        Assert.False(limiter.TryTake(Instant.FromMilliseconds(1_099), s_source));
        Assert.True(limiter.TryTake(Instant.FromMilliseconds(1_100), s_source));
        Assert.False(limiter.TryTake(Instant.FromMilliseconds(1_100), s_source));
        Assert.Equal(3, Take(limiter, s_source, Instant.FromMilliseconds(9_000), 10)); // never more than the burst
    }

    [Fact]
    public void What_was_refused_does_not_count()
    {
        var limiter = new SourceLimiter(rate: 10, burst: 1, capacity: 16, new TestEntropy(1));
        Assert.Equal(1, Take(limiter, s_source, Instant.Zero, 1_000));
        Assert.True(limiter.TryTake(Instant.FromMilliseconds(100), s_source));
    }

    [Fact]
    public void Sources_do_not_share()
    {
        var limiter = new SourceLimiter(rate: 1, burst: 2, capacity: 1_024, new TestEntropy(1));
        for (int source = 1; source <= 20; source++) Assert.Equal(2, Take(limiter, (UInt128)source, Instant.Zero, 5));
    }

    [Fact]
    public void A_flood_from_spoofed_sources_does_not_free_who_used_up_its_share()
    {
        var entropy = new TestEntropy(7);
        var limiter = new SourceLimiter(rate: 1, burst: 50, capacity: 64, new TestEntropy(1));
        Assert.Equal(50, Take(limiter, s_source, Instant.Zero, 60));
        for (int i = 0; i < 10_000; i++) limiter.TryTake(Instant.Zero, entropy.NextUInt64());
        Assert.False(limiter.TryTake(Instant.Zero, s_source));
    }

    [Fact]
    public void A_million_sources_allocate_nothing()
    {
        var limiter = new SourceLimiter(rate: 1, burst: 2, capacity: 1_024, new TestEntropy(1));
        ulong source = 0;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 250_000; i++, source++) limiter.TryTake(Instant.FromMilliseconds(source / 1_000), source);
        }));
    }

    [Theory]
    [InlineData("192.0.2.1:1", "192.0.2.1:2", true)]
    [InlineData("192.0.2.1:1", "192.0.2.2:1", false)]
    [InlineData("[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true)] // one /64 is one host's to draw from
    [InlineData("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false)]
    [InlineData("[::]:1", "0.0.0.0:1", false)]
    public void A_source_is_an_IPv4_address_or_a_prefix_of_64_bits(string left, string right, bool same) =>
        Assert.Equal(same, SourceLimiter.KeyOf(TransportAddress.Parse(left)) == SourceLimiter.KeyOf(TransportAddress.Parse(right)));

    [Theory]
    [InlineData(0, 1, 4)]
    [InlineData(1, 0, 4)]
    [InlineData(1, 1, 2)]
    [InlineData(1, 1, 12)]
    public void Limits_out_of_range_are_refused(int rate, int burst, int capacity) =>
        Assert.ThrowsAny<ArgumentException>(() => new SourceLimiter(rate, burst, capacity, new TestEntropy(1)));

    private static int Take(SourceLimiter limiter, UInt128 source, Instant now, int times)
    {
        int taken = 0;
        for (int i = 0; i < times; i++) taken += limiter.TryTake(now, source) ? 1 : 0;
        return taken;
    }
}
