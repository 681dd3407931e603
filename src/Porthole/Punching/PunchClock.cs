namespace Porthole.Punching;

/// <summary>The common start of two punches.</summary>
internal static class PunchClock
{
    public static async Task WaitForStartAsync(DateTimeOffset? start, TimeProvider provider, Action waiting, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (start is not { } at || at - provider.GetUtcNow() is var wait && wait <= TimeSpan.Zero) return;
        waiting();
        await Task.Delay(wait, provider, cancellationToken).ConfigureAwait(false);
    }
}
