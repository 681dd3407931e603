using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

public sealed class ReplayWindowTests
{
    [Fact]
    public void The_window_is_wide_enough_for_a_relay_beside_a_direct_path() => Assert.InRange(ReplayWindow.Size, 8_192, int.MaxValue);

    [Fact]
    public void Each_number_is_taken_once()
    {
        var window = new ReplayWindow();
        foreach (ulong number in new ulong[] { 0, 5, 3, 64, 63, 65, 4, 1 })
        {
            Assert.True(window.IsNew(number));
            Assert.True(window.TryAdd(number));
            Assert.False(window.IsNew(number));
            Assert.False(window.TryAdd(number));
        }

        Assert.True(window.IsNew(2));
    }

    [Theory]
    [InlineData(16_320)]
    [InlineData(16_384)]
    [InlineData(20_000)]
    [InlineData(20_031)]
    [InlineData(20_032)]
    [InlineData(1UL << 40)]
    [InlineData(ulong.MaxValue)]
    public void At_the_windows_edge(ulong newest)
    {
        var window = new ReplayWindow();
        Assert.True(window.TryAdd(newest));
        Assert.False(window.IsNew(newest - ReplayWindow.Size));
        Assert.False(window.TryAdd(newest - ReplayWindow.Size));
        Assert.True(window.TryAdd(newest - ReplayWindow.Size + 1));
        Assert.False(window.TryAdd(newest - ReplayWindow.Size + 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(16_319)]
    [InlineData(16_320)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(32_768)]
    [InlineData(1_000_003)]
    public void A_jump_ahead_forgets_exactly_what_falls_out(int jump)
    {
        var window = new ReplayWindow();
        for (ulong number = 0; number < 20_000; number++) Assert.True(window.TryAdd(number));
        ulong newest = 19_999 + (ulong)jump;
        Assert.True(window.TryAdd(newest));
        for (ulong number = 0; number <= newest; number += number < 60_000 ? 1UL : 97UL)
        {
            bool isExpectedNew = number > 19_999 && number != newest && newest - number < ReplayWindow.Size;
            if (isExpectedNew != window.IsNew(number)) Assert.Fail($"{number} with {newest} the newest: {!isExpectedNew}");
        }
    }

    [Fact]
    public void It_agrees_with_a_set_of_all_numbers()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var window = new ReplayWindow();
            var seen = new HashSet<ulong>();
            ulong newest = 0;
            for (int i = 0; i < 5_000; i++)
            {
                ulong number = random.Next(10) switch
                {
                    0 => newest + (ulong)random.Next(40_000),
                    < 5 => newest + (ulong)random.Next(100),
                    _ => newest - Math.Min(newest, (ulong)random.Next(20_000)),
                };
                bool isExpected = !seen.Contains(number) && (number > newest || newest - number < ReplayWindow.Size);
                if (isExpected != window.TryAdd(number)) Assert.Fail($"seed {seed}, step {i}: {number} with {newest} the newest: {!isExpected}");
                seen.Add(number);
                newest = Math.Max(newest, number);
            }
        }
    }
}
