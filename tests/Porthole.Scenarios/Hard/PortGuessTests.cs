using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Hard;

/// <summary>NATs that give every destination another port: whole peers predict it, meet it half way, or guess at it, and stay within the budget.</summary>
public sealed class PortGuessTests
{
    /// <summary>What checks to known addresses take at most, and the fresh sockets that NATs are measured with.</summary>
    private const int MaxPolite = 60, MaxFresh = 4;

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_later = TimeSpan.FromSeconds(6);

    [Theory]
    [InlineData("sequential")]
    [InlineData("sequential by 2")]
    [InlineData("sequential, 5/s")]
    [InlineData("sequential, 20/s")]
    [InlineData("preserving")]
    [InlineData("block of 512")]
    [InlineData("block of 1024")]
    [InlineData("block of 4096")]
    [InlineData("band of 251")]
    public void A_port_restricted_peer_meets_one_whose_port_can_be_foreseen(string hard)
    {
        AssertBothWays("port-restricted", hard, s_soon, 0.97);
    }

    [Fact]
    public void A_port_restricted_peer_meets_one_whose_port_may_be_any() => AssertBothWays("port-restricted", "random", s_later, 0.95);

    [Theory]
    [InlineData("sequential, 5/s")]
    [InlineData("preserving")]
    [InlineData("random")]
    public void A_peer_whose_port_strangers_spoil_meets_them_too(string hard) => AssertBothWays("poisoned", hard, s_later, 0.95);

    [Theory]
    [InlineData("sequential", "sequential")]
    [InlineData("sequential by 2", "sequential by 2")]
    [InlineData("sequential", "sequential by 2")]
    [InlineData("sequential, 5/s", "sequential, 5/s")]
    [InlineData("preserving", "preserving")]
    [InlineData("preserving", "sequential")]
    public void Two_whose_ports_can_be_foreseen_meet(string one, string other) => AssertBothWays(one, other, s_later, 0.95);

    [Theory]
    [InlineData("random", "random")]
    [InlineData("random", "sequential")]
    [InlineData("random", "preserving")]
    public void Two_ports_of_which_one_may_be_any_are_not_guessed_at(string one, string other)
    {
        foreach (var (caller, called) in new[] { (one, other), (other, one) })
        {
            var runs = HardRuns.Run(HardCells.Side(caller), HardCells.Side(called), s_soon);
            runs.AssertBudget();
            Assert.Empty(runs.Runs.SelectMany(static run => Complaints(run.Result).Select(what => $"seed {run.Seed}: {what}")).Take(10));
        }
    }

    private static void AssertBothWays(string one, string other, TimeSpan within, double share)
    {
        HardRuns.Run(HardCells.Side(one), HardCells.Side(other), within).AssertDirect(share, HardCells.MaxSockets(one), HardCells.MaxSockets(other));
        if (one != other) HardRuns.Run(HardCells.Side(other), HardCells.Side(one), within).AssertDirect(share, HardCells.MaxSockets(other), HardCells.MaxSockets(one));
    }

    private static IEnumerable<string> Complaints(MeetingResult result)
    {
        if (result.FirstByte is null) yield return "nothing came over the relay";
        if (result.ToDirect is not null) yield return "direct by luck";
        if (result.Verdict.Reason is not (VerdictReason.RandomPortsBoth or VerdictReason.RandomAgainstPredictable)) yield return $"the verdict after {s_soon} is {result.Verdict.Reason}";
        if (!result.Reasons.ContainsKey(result.Verdict.Reason)) yield return "it was not told";
        foreach (var cost in new[] { result.CallerCost, result.CalledCost })
        {
            if (cost.Checks > MaxPolite) yield return $"{cost.Checks} checks";
            if (cost.Sockets > MaxFresh) yield return $"{cost.Sockets} sockets";
        }

        foreach (var attempt in result.Verdict.Tried.Concat(result.CalledVerdict.Tried))
        {
            if (attempt is { Method: PunchMethod.Spray, Packets: > 0 }) yield return $"a spray of {attempt.Packets} packets";
        }
    }
}
