namespace Porthole.Protocol.Peer;

/// <summary>
/// Chooses the path that a session sends on: a proved direct path before the relay, among direct ones UDP before TCP at a similar round trip (or the other way
/// round, as the user prefers), and then the fastest, with hysteresis so that two equal paths do not take turns.
/// </summary>
internal static class PathSelector
{
    /// <summary>A path must be faster by this much before the session moves to it: below it lies jitter.</summary>
    public static readonly TimeSpan Hysteresis = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// What the transport that is not preferred has to make up for. TCP under a session holds everything back behind one lost segment, for one round trip at
    /// least: 50 ms is a round trip within one continent. A way that is faster by more is another way altogether, as a LAN beside a detour.
    /// </summary>
    public static readonly TimeSpan Penalty = TimeSpan.FromMilliseconds(50);

    /// <summary>What a path has to make up for whose socket is about to be closed: more than any other direct path, less than the relay.</summary>
    private static readonly TimeSpan s_retiring = TimeSpan.FromMinutes(1);

    /// <summary>Chooses among the usable paths.</summary>
    /// <param name="paths">All paths of the session.</param>
    /// <param name="current">The one in use; null when none is.</param>
    /// <param name="prefer">The transport that is preferred among direct paths.</param>
    /// <returns>The path to use; null when none is usable.</returns>
    public static PathCandidate? Choose(IReadOnlyList<PathCandidate> paths, PathCandidate? current, PathKind prefer)
    {
        PathCandidate? best = null;
        foreach (var path in paths)
        {
            if (path.IsUsable && (best is null || Rank(path, prefer) < Rank(best, prefer))) best = path;
        }

        if (best is null || current is not { IsUsable: true }) return best;
        return Rank(best, prefer) + Hysteresis < Rank(current, prefer) ? best : current;
    }

    private static TimeSpan Rank(PathCandidate path, PathKind prefer) => path.RoundTrip + (path.IsRetiring ? s_retiring : TimeSpan.Zero) + path.Kind switch
    {
        PathKind.Udp or PathKind.Tcp when path.Kind == prefer => TimeSpan.Zero,
        PathKind.Udp or PathKind.Tcp => Penalty,
        PathKind.Turn => TimeSpan.FromMinutes(2),
        PathKind.Relay => TimeSpan.FromMinutes(3),
    };
}
