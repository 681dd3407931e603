namespace Porthole.Benchmarks.Harness;

/// <summary>One thing that is measured beside others.</summary>
/// <param name="Name">Its row in the table.</param>
/// <param name="RunRound">Runs one round of it.</param>
internal sealed record Contender(string Name, Func<Task<Sample>> RunRound)
{
    /// <summary>A contender whose round is a tight loop on this thread.</summary>
    /// <param name="name">Its row in the table.</param>
    /// <param name="nanosecondsPerUnit">1 for a figure in nanoseconds, 1000 for microseconds.</param>
    /// <param name="loop">Does the operation as many times as it is told.</param>
    public static Contender Loop(string name, double nanosecondsPerUnit, Action<int> loop)
    {
        var timed = new TimedLoop(loop);
        return new Contender(name, () => Task.FromResult(timed.Run(nanosecondsPerUnit)));
    }
}
