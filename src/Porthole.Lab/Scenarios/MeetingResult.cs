using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Lab.Scenarios;

/// <summary>What came of a call. Times count from it.</summary>
/// <param name="FirstByte">Until the first byte of the caller's program was at the other program; null when it never was.</param>
/// <param name="ToDirect">Until the caller's session was on a direct path; null when it never was.</param>
/// <param name="Method">The method that led to that path, as either side says; null when there is none.</param>
/// <param name="Path">What the direct path is made of; null when there is none.</param>
/// <param name="Verdict">The caller's verdict at the end.</param>
/// <param name="CallerCost">What the caller spent.</param>
/// <param name="CalledCost">What the called peer spent.</param>
public sealed record MeetingResult(
    TimeSpan? FirstByte, TimeSpan? ToDirect, PunchMethod? Method, PathKind? Path, PathVerdict Verdict, MeetingCost CallerCost, MeetingCost CalledCost)
{
    /// <summary>When the caller first said each reason that it gave.</summary>
    public required IReadOnlyDictionary<VerdictReason, TimeSpan> Reasons { get; init; }

    /// <summary>The called peer's verdict at the end.</summary>
    public required PathVerdict CalledVerdict { get; init; }
}
