using System.Diagnostics;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>What becomes true in a moment.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60), s_pause = TimeSpan.FromMilliseconds(50);

    public static async Task AssertAsync(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_limit, what);
            await Task.Delay(s_pause, TestContext.Current.CancellationToken);
        }
    }
}
