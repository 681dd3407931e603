namespace Porthole.Lab.Scenarios;

/// <summary>All pairs of two kinds of peers.</summary>
/// <param name="First">The one kind.</param>
/// <param name="Second">The other.</param>
/// <param name="Weight">The share of all pairs that the model expects.</param>
/// <param name="Pairs">How many were drawn.</param>
/// <param name="Direct">How many of them became direct by UDP.</param>
public sealed record PopulationCell(string First, string Second, double Weight, int Pairs, int Direct)
{
    /// <summary>Whether UDP is blocked on a side.</summary>
    public bool IsBlocked => First == PopulationClass.BlockedKind || Second == PopulationClass.BlockedKind;
}
