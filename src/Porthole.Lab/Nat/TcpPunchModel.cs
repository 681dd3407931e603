using System.Text;

namespace Porthole.Lab.Nat;

/// <summary>
/// Decides by trying everything whether a TCP connection can come about between two NATs. It shares no code with <see cref="NatTable"/> or the simulated
/// TCP, so that each checks the other.
/// </summary>
/// <remarks>
/// The world is as small as it can be: behind each NAT one port, with a listener, from which the host connects again and again, and with a connection to a
/// server, by which each learns the other's address. Of each side one segment may be on its way, and to each one answer of a NAT, so that SYNs cross; any of
/// them may be lost; any attempt may be given up. In each step one of these things happens. Sequence numbers are left out: what the network may do with a
/// late segment is then at least as bad as in the world.
/// </remarks>
public static class TcpPunchModel
{
    /// <summary>What a punch can do at best.</summary>
    /// <param name="first">One side's NAT.</param>
    /// <param name="second">The other side's NAT.</param>
    public static TcpPunchOutcome Decide(TcpPunchSide first, TcpPunchSide second)
    {
        TcpPunchSide[] sides = [first, second];
        if (CanSucceed(sides, [0, 0])) return TcpPunchOutcome.Plain;
        if (CanSucceed(sides, [1, 0]) || CanSucceed(sides, [0, 1])) return TcpPunchOutcome.OnePort;
        return CanSucceed(sides, [1, 1]) ? TcpPunchOutcome.TwoPorts : TcpPunchOutcome.Impossible;
    }

    /// <summary>
    /// Whether a connection needs SYNs that cross on their way, which is a matter of time and chance: where each segment arrives before anything else
    /// happens, there is none.
    /// </summary>
    /// <param name="first">One side's NAT.</param>
    /// <param name="second">The other side's NAT.</param>
    /// <param name="outcome">What <see cref="Decide"/> says of the two.</param>
    public static bool NeedsCrossing(TcpPunchSide first, TcpPunchSide second, TcpPunchOutcome outcome)
    {
        TcpPunchSide[] sides = [first, second];
        return outcome switch
        {
            TcpPunchOutcome.Plain => !CanSucceed(sides, [0, 0], crossing: false),
            TcpPunchOutcome.OnePort => !CanSucceed(sides, [1, 0], crossing: false) && !CanSucceed(sides, [0, 1], crossing: false),
            TcpPunchOutcome.TwoPorts => !CanSucceed(sides, [1, 1], crossing: false),
            TcpPunchOutcome.Impossible => false,
        };
    }

    /// <summary>
    /// Whether a plain punch that goes on from the same ports ends in a connection, whatever has happened before. Where it may not, the NATs have come to
    /// believe in a connection that the hosts know nothing of: fresh ports, which begin anew, are the way out.
    /// </summary>
    /// <param name="first">One side's NAT.</param>
    /// <param name="second">The other side's NAT.</param>
    /// <remarks>This explores every state, up to some hundred thousand: seconds, where <see cref="Decide"/> takes milliseconds.</remarks>
    public static bool StaysWithinReach(TcpPunchSide first, TcpPunchSide second)
    {
        // Walks back from the connections.
        TcpPunchSide[] sides = [first, second];
        var numbers = new Dictionary<TcpPunchState, int> { [TcpPunchState.Start(sides)] = 0 };
        var states = new List<TcpPunchState>(numbers.Keys);
        var before = new List<List<int>> { new() };
        var next = new List<TcpPunchState>();
        var good = new Queue<int>();
        for (int i = 0; i < states.Count; i++)
        {
            if (states[i].IsConnected())
            {
                good.Enqueue(i);
                continue;
            }

            next.Clear();
            states[i].AddSteps(sides, [0, 0], crossing: true, next);
            foreach (var follower in next)
            {
                if (!numbers.TryGetValue(follower, out int number))
                {
                    numbers.Add(follower, number = states.Count);
                    states.Add(follower);
                    before.Add([]);
                }

                before[number].Add(i);
            }
        }

        bool[] reaches = new bool[states.Count];
        int count = good.Count;
        foreach (int number in good) reaches[number] = true;
        while (good.TryDequeue(out int number))
        {
            foreach (int earlier in before[number])
            {
                if (reaches[earlier]) continue;
                reaches[earlier] = true;
                good.Enqueue(earlier);
                count++;
            }
        }

        return count == states.Count;
    }

    /// <summary>The table of two answers to unsolicited SYNs as Markdown: outcomes, with a star where SYNs must cross.</summary>
    /// <param name="first">How the NATs of the rows answer.</param>
    /// <param name="second">How the NATs of the columns answer.</param>
    public static string RenderTable(UnsolicitedSyn first, UnsolicitedSyn second)
    {
        var rows = TcpPunchSide.All(first);
        var columns = TcpPunchSide.All(second);
        var text = new StringBuilder().Append("| A \\ B |");
        foreach (var column in columns) text.Append($" {column} |");
        text.Append("\n|---|").Insert(text.Length, "---|", columns.Count).Append('\n');
        foreach (var row in rows)
        {
            text.Append($"| {row} |");
            foreach (var column in columns)
            {
                var outcome = Decide(row, column);
                text.Append($" {Symbol(outcome)}{(NeedsCrossing(row, column, outcome) ? "*" : "")} |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The sign of an outcome in tables.</summary>
    public static string Symbol(TcpPunchOutcome outcome) => outcome switch
    {
        TcpPunchOutcome.Plain => "T0",
        TcpPunchOutcome.OnePort => "1",
        TcpPunchOutcome.TwoPorts => "2",
        TcpPunchOutcome.Impossible => "–",
    };

    // Which of the other's ports each side connects to: 0 is the one that the server saw, 1 the one that it gets towards the other side.
    private static bool CanSucceed(TcpPunchSide[] sides, int[] targets, bool crossing = true)
    {
        var start = TcpPunchState.Start(sides);
        var known = new HashSet<TcpPunchState> { start };
        var open = new Queue<TcpPunchState>([start]);
        var next = new List<TcpPunchState>();
        while (open.TryDequeue(out var state))
        {
            next.Clear();
            state.AddSteps(sides, targets, crossing, next);
            foreach (var follower in next)
            {
                if (follower.IsConnected()) return true;
                if (known.Add(follower)) open.Enqueue(follower);
            }
        }

        return false;
    }
}
