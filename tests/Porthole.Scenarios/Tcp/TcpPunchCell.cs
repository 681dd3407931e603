using System.Collections.Concurrent;
using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Tcp;

/// <summary>One cell of the grid: two NATs, whichever of the two is in front of the controlling agent.</summary>
internal readonly record struct TcpPunchCell(TcpPunchSide One, TcpPunchSide Other)
{
    /// <summary>All pairs of mapping, filtering and answer, with what the exhaustive model says of each.</summary>
    public static (TcpPunchCell Cell, TcpPunchOutcome Outcome)[] All { get; } = Create();

    /// <summary>Punches in every cell with seeds from 1 up, on all cores; what comes out does not depend on their number.</summary>
    public static IReadOnlyList<(TcpPunchCell Cell, ulong Seed, TcpPunchResult Result)> RunAll(
        IEnumerable<TcpPunchCell> cells, int seeds, Func<ulong, TcpPunchConditions> conditions)
    {
        var results = new ConcurrentBag<(TcpPunchCell Cell, ulong Seed, TcpPunchResult Result)>();
        Parallel.ForEach(cells, cell =>
        {
            var (one, other) = (cell.One.ToProfile(), cell.Other.ToProfile());
            for (ulong seed = 1; seed <= (ulong)seeds; seed++)
            {
                bool swap = seed / 10 % 2 == 0; // each of the ten round trips with each order
                results.Add((cell, seed, TcpPunch.Run(swap ? other : one, swap ? one : other, seed, conditions(seed))));
            }
        });
        return [.. results.OrderBy(run => run.Cell.ToString(), StringComparer.Ordinal).ThenBy(run => run.Seed)];
    }

    public override string ToString() => $"{One} × {Other}";

    private static (TcpPunchCell, TcpPunchOutcome)[] Create()
    {
        // A NAT that lets everybody in has nobody to answer.
        TcpPunchSide[] sides =
        [
            .. TcpPunchSide.All(Enum.GetValues<UnsolicitedSyn>()).Where(side => side.Answer == UnsolicitedSyn.Drop || side.Filtering != NatFiltering.EndpointIndependent),
        ];
        return
        [
            .. from i in Enumerable.Range(0, sides.Length)
               from j in Enumerable.Range(i, sides.Length - i)
               select (new TcpPunchCell(sides[i], sides[j]), TcpPunchModel.Decide(sides[i], sides[j])),
        ];
    }
}
