namespace Porthole.Protocol.Peer;

/// <summary>
/// Chooses the path that a session sends on: a proved direct path before the relay, and among direct ones the fastest, with hysteresis so that two
/// equal paths do not take turns.
/// </summary>
internal static class PathSelector
{
    /// <summary>A path must be faster by this much before the session moves to it: below it lies jitter.</summary>
    public static readonly TimeSpan Hysteresis = TimeSpan.FromMilliseconds(5);

    /// <summary>Chooses among the usable paths.</summary>
    /// <param name="paths">All paths of the session.</param>
    /// <param name="current">The one in use; null when none is.</param>
    /// <returns>The path to use; null when none is usable.</returns>
    public static PathCandidate? Choose(IReadOnlyList<PathCandidate> paths, PathCandidate? current)
    {
        PathCandidate? best = null;
        foreach (var path in paths)
        {
            if (path.IsUsable && (best is null || Rank(path) < Rank(best))) best = path;
        }

        if (best is null || current is not { IsUsable: true } || current.Kind != best.Kind) return best;
        return best.RoundTrip + Hysteresis < current.RoundTrip ? best : current;
    }

    /// <summary>Kinds in the order of preference; the round trip decides among equals.</summary>
    private static TimeSpan Rank(PathCandidate path) => path.RoundTrip + path.Kind switch
    {
        PathKind.Udp => TimeSpan.Zero,
        PathKind.Tcp => TimeSpan.FromMinutes(1),
        PathKind.Turn => TimeSpan.FromMinutes(2),
        PathKind.Relay => TimeSpan.FromMinutes(3),
    };
}
