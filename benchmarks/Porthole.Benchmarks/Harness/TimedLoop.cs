using System.Diagnostics;

namespace Porthole.Benchmarks.Harness;

/// <summary>Times a short operation: finds out how often it must be repeated to fill a round, then repeats it that often each time.</summary>
internal sealed class TimedLoop(Action<int> loop)
{
    /// <summary>Long against the clock's grain and a time slice's loss, short enough for many rounds.</summary>
    private static readonly TimeSpan s_round = TimeSpan.FromMilliseconds(30);

    private int _count;

    public Sample Run(double nanosecondsPerUnit)
    {
        if (_count == 0) _count = Calibrate();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long began = Stopwatch.GetTimestamp();
        loop(_count);
        double nanoseconds = Stopwatch.GetElapsedTime(began).TotalNanoseconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return new Sample(nanoseconds / _count / nanosecondsPerUnit, (double)allocated / _count);
    }

    private int Calibrate()
    {
        for (int count = 1; ; count *= 2)
        {
            long began = Stopwatch.GetTimestamp();
            loop(count);
            if (Stopwatch.GetElapsedTime(began) >= s_round) return count;
        }
    }
}
