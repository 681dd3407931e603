namespace Porthole.Runtime;

/// <summary>What becomes of exceptions that nobody waits for.</summary>
internal static class Faults
{
    /// <summary>Takes note of an exception of a task for whoever has given up waiting for it, so that the runtime does not report it as unobserved.</summary>
    public static void See(this Task task) => task.ContinueWith(
        static failed => _ = failed.Exception,
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);
}
