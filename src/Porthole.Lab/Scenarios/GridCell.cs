using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>What came out of all runs between two NATs. Times count from the call.</summary>
/// <param name="First">The caller's NAT.</param>
/// <param name="Second">The called peer's NAT.</param>
/// <param name="Model">What the exhaustive model of the transport says of a punch between them, as a sign; that of UDP where both may be.</param>
/// <param name="IsPlain">Whether it says that no port has to be guessed.</param>
/// <param name="Runs">How many runs there were.</param>
/// <param name="Open">In how many the first byte arrived.</param>
/// <param name="Direct">How many became direct.</param>
/// <param name="FirstByte">Until the first byte of the caller's program was at the other program, of those that got so far; sorted.</param>
/// <param name="ToDirect">Until the caller's session was on a direct path, of those that became direct; sorted.</param>
/// <param name="Packets">Datagrams and TCP segments that both hosts sent from the call until the path was direct, or patience ended: the mean.</param>
public sealed record GridCell(
    NatProfile First,
    NatProfile Second,
    string Model,
    bool IsPlain,
    int Runs,
    int Open,
    int Direct,
    IReadOnlyList<TimeSpan> FirstByte,
    IReadOnlyList<TimeSpan> ToDirect,
    double Packets)
{
    /// <summary>How many of the runs that became direct each method led there.</summary>
    public IReadOnlyDictionary<PunchMethod, int> Methods { get; init; } = new Dictionary<PunchMethod, int>();

    /// <summary>The time that a share of the runs did not exceed; null when there was none.</summary>
    /// <param name="sorted">Times in ascending order.</param>
    /// <param name="share">The share, 0 to 1.</param>
    public static TimeSpan? Percentile(IReadOnlyList<TimeSpan> sorted, double share)
    {
        ArgumentNullException.ThrowIfNull(sorted);
        return sorted.Count == 0 ? null : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)];
    }
}
