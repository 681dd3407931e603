using Porthole.Lab.Scenarios;
using Porthole.Protocol;

namespace Porthole.Scenarios.Hard;

/// <summary>NATs that give every destination another port: whole peers predict it, meet it half way, or guess at it, and stay within the budget.</summary>
public sealed class PortGuessTests
{
    /// <summary>What checks to known addresses take at most, and the fresh sockets that NATs are measured with.</summary>
    private const int MaxPolite = 60, MaxFresh = 4;

    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(3);

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

    private static IEnumerable<string> Complaints(MeetingResult result)
    {
        if (result.FirstByte is null) yield return "nothing came over the relay";
        if (result.ToDirect is not null) yield return "direct by luck";
        if (result.Verdict.Reason != VerdictReason.HardNat) yield return $"the verdict after {s_soon} is {result.Verdict.Reason}";
        foreach (var cost in new[] { result.CallerCost, result.CalledCost })
        {
            if (cost.Datagrams > MaxPolite) yield return $"{cost.Datagrams} datagrams";
            if (cost.Sockets > MaxFresh) yield return $"{cost.Sockets} sockets";
        }

        foreach (var attempt in result.Verdict.Tried.Concat(result.CalledVerdict.Tried))
        {
            if (attempt is { Method: PunchMethod.Spray, Packets: > 0 }) yield return $"a spray of {attempt.Packets} packets";
        }
    }
}
