using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Says how a TCP punch deals with two NATs, from what both sides found out about theirs. Both sides come to plans that fit each other.</summary>
internal static class TcpPlanner
{
    /// <summary>
    /// How many ports behind the sampled one are foreseen. Between sample and SYN lies a round trip; of L foreign connections in that time a window of
    /// L + 3√L + 1 misses one in a hundred: 12 are enough for five (a busy office at 40 ms), and leave room among the 20 candidates.
    /// </summary>
    public const int Window = 12;

    /// <summary>The chance that a spray is sized for, where the budget allows it.</summary>
    public const double Confidence = 0.99;

    /// <summary>What is added to each side of a band that was seen, as a share of its width: ten draws show 82 % of a band, with this 96 %.</summary>
    private const double Widening = 0.25;

    /// <summary>The longest step that is believed: NATs count by one or two. Random ports of a small band look like longer ones now and then.</summary>
    private const int LongestStep = 4;

    /// <summary>The lowest port that a NAT gives: below are those of services.</summary>
    private const int LowestPort = 1_024;

    /// <summary>How predictable the port of a new mapping is.</summary>
    private enum Port
    {
        /// <summary>The one that servers saw.</summary>
        Known,

        /// <summary>A step behind the last.</summary>
        Next,

        /// <summary>Any of a band.</summary>
        Any,
    }

    /// <summary>Plans one side.</summary>
    /// <param name="own">What this side found out; null when nothing is known.</param>
    /// <param name="remote">What the other side did.</param>
    public static TcpPlan Plan(TcpNatFacts? own, TcpNatFacts? remote) => (Judge(own), Judge(remote)) switch
    {
        (Port.Known, Port.Known or Port.Next) => TcpPlan.Plain,
        (Port.Next, Port.Known or Port.Next) => new TcpPlan(TcpPlanKind.Predict, Window),
        (Port.Known, Port.Any) => Spray(TcpPlanKind.SprayTo, remote!),
        (Port.Any, Port.Known) => Spray(TcpPlanKind.SprayFrom, own!),

        // Every socket of the random side would have to go to every port that is foreseen, or drawn: more than any budget.
        (Port.Any, Port.Next or Port.Any) or (Port.Next, Port.Any) => TcpPlan.None,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static TcpPlan Spray(TcpPlanKind kind, TcpNatFacts random)
    {
        var (low, high) = Band(random);
        return new TcpPlan(kind, Sockets(high - low + 1), (ushort)low, (ushort)high);
    }

    /// <summary>How many sockets each side must hold so that one of each meet with <see cref="Confidence"/>: of R ports N on each side miss one another by exp(−N·N/R).</summary>
    private static int Sockets(int band) =>
        Math.Clamp((int)Math.Ceiling(Math.Sqrt(band * -Math.Log(1 - Confidence))), 1, Math.Min(SprayBudget.MaxSockets, Math.Max(1, band / 4)));

    private static Port Judge(TcpNatFacts? nat)
    {
        if (nat is null || nat.Mapping is not (NatMappingFact.AddressDependent or NatMappingFact.AddressAndPortDependent)) return Port.Known;
        return nat is { Allocation: NatAllocationFact.Sequential, Step: not 0 and >= -LongestStep and <= LongestStep } ? Port.Next : Port.Any;
    }

    private static (int Low, int High) Band(TcpNatFacts nat)
    {
        // The other side's facts are its own word: a band of ports that no NAT gives says nothing.
        if (nat.LowestPort == 0 || nat.HighestPort < nat.LowestPort || nat.HighestPort < LowestPort) return (LowestPort, ushort.MaxValue);
        int more = Math.Max(8, (int)((nat.HighestPort - nat.LowestPort) * Widening));
        return (Math.Max(LowestPort, nat.LowestPort - more), Math.Min(ushort.MaxValue, nat.HighestPort + more));
    }
}
