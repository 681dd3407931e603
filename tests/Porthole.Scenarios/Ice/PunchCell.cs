using System.Collections.Concurrent;
using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Ice;

/// <summary>One cell of the 9 × 9 grid: the NAT in front of the controlling agent and the one in front of the controlled agent.</summary>
internal readonly record struct PunchCell(PunchSide Controlling, PunchSide Controlled)
{
    /// <summary>All 81 cells with what the exhaustive model says of them.</summary>
    public static (PunchCell Cell, PunchOutcome Outcome)[] All(FilterScope scope, AnswerRoute answers) =>
    [
        .. from one in PunchSide.All(scope, answers)
           from other in PunchSide.All(scope, answers)
           select (new PunchCell(one, other), PunchModel.Decide(one, other)),
    ];

    public static PunchCell[] Plain(FilterScope scope, AnswerRoute answers) =>
        [.. All(scope, answers).Where(cell => cell.Outcome == PunchOutcome.Plain).Select(cell => cell.Cell)];

    /// <summary>Punches in every cell with seeds from 1 up, on all cores; what comes out does not depend on their number.</summary>
    public static IReadOnlyList<(PunchCell Cell, ulong Seed, PunchResult Result)> RunAll(IEnumerable<PunchCell> cells, int seeds, PunchConditions conditions)
    {
        var results = new ConcurrentBag<(PunchCell Cell, ulong Seed, PunchResult Result)>();
        Parallel.ForEach(cells, cell =>
        {
            var (controlling, controlled) = (cell.Controlling.ToProfile(), cell.Controlled.ToProfile());
            for (ulong seed = 1; seed <= (ulong)seeds; seed++) results.Add((cell, seed, Punch.Run(controlling, controlled, seed, conditions)));
        });
        return [.. results.OrderBy(run => run.Cell.ToString(), StringComparer.Ordinal).ThenBy(run => run.Seed)];
    }

    public override string ToString() => $"{Controlling} × {Controlled}";
}
