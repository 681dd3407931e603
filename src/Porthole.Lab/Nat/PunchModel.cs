using System.Text;

namespace Porthole.Lab.Nat;

/// <summary>
/// Decides by trying everything what a plain punch can do between two NATs. It shares no code with <see cref="NatTable"/>, so that each can be
/// checked against the other.
/// </summary>
/// <remarks>
/// The world is as small as it can be: one endpoint behind each NAT, and a server that both have sent to. In each step one side sends a request to an
/// address that it knows, and either the request is lost, or it is answered and the answer lost, or the answer arrives. A pair of addresses works
/// when an answer arrives from where the request went (RFC 8445 section 7.2.5.2.1). <see cref="PunchOutcome.Plain"/> means that success stays within
/// reach whatever has happened before.
/// </remarks>
public static class PunchModel
{
    private enum Loss
    {
        Request,
        Answer,
        Nothing,
    }

    /// <summary>What a plain punch can do.</summary>
    /// <param name="first">One side's NAT.</param>
    /// <param name="second">The other side's NAT.</param>
    public static PunchOutcome Decide(PunchSide first, PunchSide second)
    {
        PunchSide[] sides = [first, second];
        var reachable = Explore(sides, guesses: [false, false], out var successes, out bool crossing);
        if (successes.Count > 0) return CanAllSucceed(reachable, successes) ? PunchOutcome.Plain : PunchOutcome.Sometimes;
        if (crossing) return PunchOutcome.CrossTuple;
        foreach (bool[] guesses in (bool[][])[[true, false], [false, true]])
        {
            Explore(sides, guesses, out successes, out _);
            if (successes.Count > 0) return PunchOutcome.OnePort;
        }

        return PunchOutcome.TwoPorts;
    }

    /// <summary>The 9 × 9 table as Markdown.</summary>
    /// <param name="scope">Where both NATs keep their filter state.</param>
    /// <param name="answers">How answers leave both NATs.</param>
    public static string RenderTable(FilterScope scope, AnswerRoute answers)
    {
        var sides = PunchSide.All(scope, answers);
        var text = new StringBuilder().Append("| A \\ B |");
        foreach (var side in sides) text.Append($" {side} |");
        text.Append("\n|---|").Insert(text.Length, "---|", sides.Count).Append('\n');
        foreach (var first in sides)
        {
            text.Append($"| {first} |");
            foreach (var second in sides) text.Append($" {Symbol(Decide(first, second))} |");
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The sign of an outcome in tables.</summary>
    public static string Symbol(PunchOutcome outcome) => outcome switch
    {
        PunchOutcome.Plain => "P0",
        PunchOutcome.Sometimes => "s",
        PunchOutcome.CrossTuple => "p",
        PunchOutcome.OnePort => "1",
        PunchOutcome.TwoPorts => "2",
    };

    private static Dictionary<PunchState, List<PunchState>> Explore(
        PunchSide[] sides, bool[] guesses, out HashSet<PunchState> successes, out bool crossing)
    {
        var start = PunchState.Start(sides[0], sides[1]);
        var steps = new Dictionary<PunchState, List<PunchState>> { [start] = [] };
        var open = new Queue<PunchState>([start]);
        successes = [];
        crossing = false;
        while (open.TryDequeue(out var state))
        {
            bool[] delivers = [false, false];
            for (int side = 0; side < 2; side++)
            {
                for (int target = 0; target < state.Ports(1 - side); target++)
                {
                    if (!state.Knows(side, target) && !guesses[side]) continue;
                    foreach (var loss in Enum.GetValues<Loss>())
                    {
                        var next = state.Copy();
                        if (Exchange(next, sides, side, target, loss, out bool delivered)) successes.Add(state);
                        delivers[side] |= delivered;
                        if (!steps.ContainsKey(next))
                        {
                            steps[next] = [];
                            open.Enqueue(next);
                        }

                        steps[state].Add(next);
                    }
                }
            }

            crossing |= delivers[0] && delivers[1];
        }

        return steps;
    }

    // One request and its answer. True when the answer comes back from where the request went.
    private static bool Exchange(PunchState state, PunchSide[] sides, int side, int target, Loss loss, out bool delivered)
    {
        int other = 1 - side;
        delivered = false;
        if (!state.TrySend(sides[side], side, target, out int source) || loss == Loss.Request) return false;
        if (!state.TryReceive(sides[other], other, target, source)) return false;
        delivered = true;
        state.Learn(other, source);
        if (!state.TrySend(sides[other], other, source, out int answering) || loss == Loss.Answer) return false;
        return state.TryReceive(sides[side], side, source, answering) && answering == target;
    }

    // Walks back from the states in which the next exchange may succeed.
    private static bool CanAllSucceed(Dictionary<PunchState, List<PunchState>> steps, HashSet<PunchState> successes)
    {
        var before = new Dictionary<PunchState, List<PunchState>>();
        foreach (var (state, followers) in steps)
        {
            foreach (var follower in followers)
            {
                if (!before.TryGetValue(follower, out var list)) before[follower] = list = [];
                list.Add(state);
            }
        }

        var good = new HashSet<PunchState>(successes);
        var open = new Queue<PunchState>(successes);
        while (open.TryDequeue(out var state))
        {
            if (!before.TryGetValue(state, out var list)) continue;
            foreach (var earlier in list)
            {
                if (good.Add(earlier)) open.Enqueue(earlier);
            }
        }

        return good.Count == steps.Count;
    }
}
