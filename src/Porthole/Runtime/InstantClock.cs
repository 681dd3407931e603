using Porthole.Protocol;

namespace Porthole.Runtime;

/// <summary>Turns a <see cref="TimeProvider"/> into the monotonic moments that machines are given.</summary>
/// <param name="provider">The clock.</param>
public sealed class InstantClock(TimeProvider provider)
{
    private readonly long _origin = provider.GetTimestamp();

    /// <summary>The clock behind it.</summary>
    public TimeProvider Provider { get; } = provider;

    /// <summary>The time since this object was made; it never goes back.</summary>
    public Instant Now => new(Provider.GetElapsedTime(_origin).Ticks);
}
