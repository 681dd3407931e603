using System.Globalization;

namespace Porthole.Punching;

/// <summary>What the options of bare punches may be.</summary>
internal static class PunchLimits
{
    private const int MaxTries = 10_000;
    private const int MaxCookie = 256;

    // Faster than this no NAT takes new flows reliably (RFC 5245 appendix B.1).
    private static readonly TimeSpan s_leastInterval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_longestInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromDays(1);

    public static int CheckTries(int value) => value is >= 1 and <= MaxTries
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, string.Create(CultureInfo.InvariantCulture, $"There are 1 to {MaxTries} tries."));

    public static TimeSpan CheckInterval(TimeSpan value) => value >= s_leastInterval && value <= s_longestInterval
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, "An interval is 20 ms to a minute.");

    public static TimeSpan? CheckTimeout(TimeSpan? value) => value is null || (value > TimeSpan.Zero && value <= s_longestTimeout)
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, "A time-out is positive, and at most a day.");

    public static ReadOnlyMemory<byte> CheckCookie(ReadOnlyMemory<byte> value) => value.Length is > 0 and <= MaxCookie
        ? value
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A cookie has 1 to {MaxCookie} bytes."), nameof(value));
}
