namespace Porthole.Protocol.Tests;

/// <summary>What a piece of code allocates once it is warm.</summary>
internal static class Allocations
{
    /// <summary>
    /// The least that this thread allocated in one of several rounds. The runtime's own work (code compiled anew, pools that a collection for
    /// another test has emptied) may fall into some of them; what the code itself allocates falls into all.
    /// </summary>
    public static long Least(Action round, int rounds = 8)
    {
        long least = long.MaxValue;
        for (int i = 0; i < rounds && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            round();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
