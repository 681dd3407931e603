namespace Porthole.Runtime;

/// <summary>Runs the protocol once in memory, so that a first connection does not wait for the compiler.</summary>
internal static class WarmUp
{
    private static readonly Lazy<Task> s_run = new(static () => Task.Run(Run));

    /// <summary>Completes when this process has run it; the first call starts it.</summary>
    public static Task RunAsync() => s_run.Value;

    private static void Run()
    {
    }
}
