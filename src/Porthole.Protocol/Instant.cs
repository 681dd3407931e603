namespace Porthole.Protocol;

/// <summary>
/// A moment on a monotonic clock, in ticks of 100 ns since an origin that means nothing. Machines never read a clock: a driver or a
/// simulation hands them an instant with every input, and never one that lies before the last.
/// </summary>
/// <param name="Ticks">Ticks of 100 ns (<see cref="TimeSpan.TicksPerSecond"/> in a second).</param>
public readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <summary>The origin of the clock.</summary>
    public static readonly Instant Zero;

    /// <summary>A moment that never comes.</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>The moment <paramref name="milliseconds"/> after the origin.</summary>
    public static Instant FromMilliseconds(double milliseconds) => new((long)(milliseconds * TimeSpan.TicksPerMillisecond));

    /// <summary>The earlier of two moments.</summary>
    public static Instant Min(Instant left, Instant right) => left < right ? left : right;

    /// <summary>The later of two moments.</summary>
    public static Instant Max(Instant left, Instant right) => left > right ? left : right;

    /// <summary>The earlier of two deadlines, where null never comes.</summary>
    public static Instant? Earlier(Instant? left, Instant? right) =>
        left is not { } one ? right : right is not { } other ? left : Min(one, other);

    /// <inheritdoc/>
    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);

    /// <inheritdoc/>
    public override string ToString() => $"{Ticks / (double)TimeSpan.TicksPerMillisecond:0.###} ms";

    /// <summary>The moment a duration later.</summary>
    public static Instant operator +(Instant instant, TimeSpan duration) => new(instant.Ticks + duration.Ticks);

    /// <summary>The moment a duration earlier.</summary>
    public static Instant operator -(Instant instant, TimeSpan duration) => new(instant.Ticks - duration.Ticks);

    /// <summary>The time from one moment to another.</summary>
    public static TimeSpan operator -(Instant later, Instant earlier) => new(later.Ticks - earlier.Ticks);

    /// <summary>Whether the left moment comes first.</summary>
    public static bool operator <(Instant left, Instant right) => left.Ticks < right.Ticks;

    /// <summary>Whether the right moment comes first.</summary>
    public static bool operator >(Instant left, Instant right) => left.Ticks > right.Ticks;

    /// <summary>Whether the left moment is not later.</summary>
    public static bool operator <=(Instant left, Instant right) => left.Ticks <= right.Ticks;

    /// <summary>Whether the left moment is not earlier.</summary>
    public static bool operator >=(Instant left, Instant right) => left.Ticks >= right.Ticks;
}
