namespace Porthole.Runtime;

/// <summary>Pauses between attempts that fail: the shortest first, then twice the one before, up to the longest.</summary>
/// <param name="shortest">The pause after the first failure.</param>
/// <param name="longest">The longest pause.</param>
internal sealed class Backoff(TimeSpan shortest, TimeSpan longest)
{
    /// <summary>The pause as it is now; zero before the first failure, and after <see cref="Reset"/>.</summary>
    public TimeSpan Pause { get; private set; }

    /// <summary>An attempt has failed.</summary>
    /// <returns>How long to wait for the next.</returns>
    public TimeSpan Grow() => Pause = Pause == TimeSpan.Zero ? shortest : Pause * 2 < longest ? Pause * 2 : longest;

    /// <summary>An attempt went well: the next failure is a first one.</summary>
    public void Reset() => Pause = TimeSpan.Zero;
}
