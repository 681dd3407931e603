namespace Porthole.Benchmarks.Harness;

/// <summary>
/// Times a short operation: finds out how often it must be repeated to fill a round, then repeats it that often each time. What counts is processor time: on a
/// machine that does other things too, the clock on the wall measures those.
/// </summary>
internal sealed class TimedLoop(Action<int> loop)
{
    /// <summary>Long against the grain of the count, short enough for many rounds.</summary>
    private static readonly TimeSpan s_round = TimeSpan.FromMilliseconds(30);

    private int _count;

    public Sample Run(double nanosecondsPerUnit)
    {
        if (_count == 0) _count = Calibrate();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var began = Environment.CpuUsage.TotalTime;
        loop(_count);
        double nanoseconds = (Environment.CpuUsage.TotalTime - began).TotalNanoseconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return new Sample(nanoseconds / _count / nanosecondsPerUnit, Sample.Figure.Allocated((double)allocated / _count, "operation"));
    }

    private int Calibrate()
    {
        for (int count = 1; ; count *= 2)
        {
            var began = Environment.CpuUsage.TotalTime;
            loop(count);
            if (Environment.CpuUsage.TotalTime - began >= s_round) return count;
        }
    }
}
