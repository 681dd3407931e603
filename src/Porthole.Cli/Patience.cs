namespace Porthole.Cli;

/// <summary>Waiting for as long as something moves.</summary>
internal static class Patience
{
    /// <summary>Waits until something is done, or stands still for too long.</summary>
    /// <param name="done">What is waited for; how it ended is its own matter.</param>
    /// <param name="look">A number that is another one whenever something has moved.</param>
    /// <param name="patience">Between two looks: if nothing has moved in between, it is given up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it came to its end.</returns>
    public static async Task<bool> WaitAsync(Task done, Func<Task<long>> look, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (done.IsCompleted) return true;
        long last = await look().ConfigureAwait(false);
        while (true)
        {
            await done.WaitAsync(patience, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (done.IsCompleted) return true;
            long now = await look().ConfigureAwait(false);
            if (now == last) return false;
            last = now;
        }
    }
}
