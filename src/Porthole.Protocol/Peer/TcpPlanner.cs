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

    /// <summary>The longest step that is believed: NATs count by one or two. Random ports of a small band look like longer ones now and then.</summary>
    public const int LongestStep = 4;

    /// <summary>Plans one side.</summary>
    /// <param name="own">What this side found out; null when nothing is known.</param>
    /// <param name="remote">What the other side did.</param>
    public static TcpPlan Plan(TcpNatFacts? own, TcpNatFacts? remote) => (Judge(own), Judge(remote)) switch
    {
        (PortKind.Known, PortKind.Known or PortKind.Next) => TcpPlan.Plain,
        (PortKind.Next, PortKind.Known or PortKind.Next) => new TcpPlan(TcpPlanKind.Predict, Window),
        (PortKind.Known, PortKind.Any) => Spray(TcpPlanKind.SprayTo, remote!),
        (PortKind.Any, PortKind.Known) => Spray(TcpPlanKind.SprayFrom, own!),

        // Every socket of the random side would have to go to every port that is foreseen, or drawn: more than any budget.
        (PortKind.Any, PortKind.Next or PortKind.Any) or (PortKind.Next, PortKind.Any) => TcpPlan.None,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static TcpPlan Spray(TcpPlanKind kind, TcpNatFacts random)
    {
        var band = PortBand.Of(random.LowestPort, random.HighestPort);
        return new TcpPlan(kind, Sockets(band.Size), band.Lowest, band.Highest);
    }

    /// <summary>How many sockets each side must hold so that one of each meet with <see cref="Confidence"/>: of R ports N on each side miss one another by exp(−N·N/R).</summary>
    private static int Sockets(int band) =>
        Math.Clamp((int)Math.Ceiling(Math.Sqrt(band * -Math.Log(1 - Confidence))), 1, Math.Min(SprayBudget.MaxSockets, Math.Max(1, band / 4)));

    /// <summary>How well the port of a side's next TCP connection can be foreseen.</summary>
    public static PortKind Judge(TcpNatFacts? nat)
    {
        if (nat is null || nat.Mapping is not (NatMappingFact.AddressDependent or NatMappingFact.AddressAndPortDependent)) return PortKind.Known;
        return nat is { Allocation: NatAllocationFact.Sequential, Step: not 0 and >= -LongestStep and <= LongestStep } ? PortKind.Next : PortKind.Any;
    }
}
