using System.Collections.Immutable;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Says by which methods a pair of NATs is tried, in which order and at what cost: a pure function of what both sides found out about their NATs. Each side is
/// told the other's facts, and both come to plans that fit each other.
/// </summary>
internal static class Planner
{
    /// <summary>How often a method that is over within a round trip or two is tried in one punch, each time from a fresh socket.</summary>
    public const int Rounds = 4;

    /// <summary>The packets of a scan of <see cref="PunchMethod.Cross"/>: they make up for the flows of others as long as nA + 2·nB stays below that number.</summary>
    public const int ScanPackets = 40;

    /// <summary>The chance that a UDP spray is sized for, where the budget allows it. A guess costs less than a second try.</summary>
    public const double Confidence = 0.999;

    /// <summary>How long a spray by UDP lasts at most. What has not met by then costs a relayed connection less than it brings.</summary>
    public static readonly TimeSpan SprayTime = TimeSpan.FromSeconds(10);

    /// <summary>How long a side that need not speak first waits for the other's checks, before it checks as well.</summary>
    public static readonly TimeSpan SilentTime = TimeSpan.FromMilliseconds(500);

    /// <summary>The pause from one round to the next; longer where round trips are.</summary>
    public static readonly TimeSpan RoundPeriod = TimeSpan.FromMilliseconds(500);

    /// <summary>The most probes that one side makes in a spray: all that it may send in its time, but for the ordinary checks of the attempt.</summary>
    private static readonly int s_maxTargets = Math.Min(SprayBudget.MaxProbes - 100, (int)(SprayBudget.MaxGuessesPerSecond * SprayTime.TotalSeconds));

    /// <summary>The chance below which a method is not what the verdict waits for.</summary>
    private const double Hopeless = 0.05;

    /// <summary>Plans one side.</summary>
    /// <param name="here">What this side found out about its NAT, as the other side was told.</param>
    /// <param name="there">What the other side found out.</param>
    /// <param name="transports">By what direct paths both want.</param>
    /// <param name="isControlling">Whether this side controls: where both could do the same, one of them does.</param>
    /// <param name="hint">A method that has worked between the two networks before; it comes right after the plain one.</param>
    /// <returns>The methods in the order in which they are preferred; the relay is the last.</returns>
    public static ImmutableArray<PlannedMethod> Plan(NatFacts here, NatFacts there, Transports transports, bool isControlling, PunchMethod? hint = null)
    {
        var plan = ImmutableArray.CreateBuilder<PlannedMethod>();
        if (transports.HasFlag(Transports.Udp)) PlanUdp(plan, here, there, isControlling);
        if (transports.HasFlag(Transports.Tcp)) PlanTcp(plan, here.Tcp, there.Tcp);
        Prefer(plan, hint);
        plan.Add(new PlannedMethod(PunchMethod.Relay, 1, 0, 0, TimeSpan.Zero));
        return plan.DrainToImmutable();
    }

    /// <summary>How well the port of a side's next UDP mapping can be foreseen.</summary>
    public static PortKind Judge(NatFacts nat) => nat switch
    {
        { HasPortMapping: true } => PortKind.Known,
        { Mapping: not (NatMappingFact.AddressDependent or NatMappingFact.AddressAndPortDependent) } => PortKind.Known,
        { Allocation: NatAllocationFact.Preserve } => PortKind.Same,
        { Allocation: NatAllocationFact.Sequential, Step: not 0 and >= -TcpPlanner.LongestStep and <= TcpPlanner.LongestStep } => PortKind.Next,
        _ => PortKind.Any,
    };

    /// <summary>
    /// The chance of plain checks between signalled addresses. Two mappings that do not depend on the destination meet. One that does still meets the other where
    /// that admits every port of an address it has sent to, or where it admits everybody itself: an answer leaves by the port that was asked.
    /// </summary>
    private static double PlainChance(NatFacts here, NatFacts there)
    {
        var (one, other) = (Judge(here), Judge(there));
        if (one == PortKind.Known && other == PortKind.Known) return AreSpoiled(here, there) ? 0.4 : 0.95; // both must leave before either arrives
        if (LetsEverybodyIn(here) || LetsEverybodyIn(there)) return 0.9;
        if (one != PortKind.Known && other != PortKind.Known) return IsLenient(here) || IsLenient(there) ? 0.5 : 0;
        return Admittance(one == PortKind.Known ? here : there);
    }

    /// <summary>Whether plain checks are worth waiting for.</summary>
    public static bool IsPlainLikely(NatFacts here, NatFacts there) => PlainChance(here, there) >= 0.5;

    /// <summary>Whether nothing that is planned by UDP has a real chance: then the verdict need not wait.</summary>
    public static bool IsHopeless(ImmutableArray<PlannedMethod> plan)
    {
        foreach (var planned in plan)
        {
            if (planned.Method != PunchMethod.Relay && planned.ExpectedSuccess >= Hopeless) return false;
        }

        return true;
    }

    /// <summary>How many sockets the side with the random ports opens.</summary>
    public static int SpraySockets(PortBand band) => Math.Min(Math.Min(SprayBudget.MaxSockets, Math.Max(1, band.Size / 4)), Even(band.Size));

    /// <summary>How many ports the other side tries.</summary>
    /// <param name="band">The band.</param>
    /// <param name="hosts">The public hosts over which the ports are spread.</param>
    public static int SprayTargets(PortBand band, int hosts)
    {
        double space = (double)band.Size * hosts;
        return (int)Math.Clamp(Math.Ceiling(space * Doubt / SpraySockets(band)), 1, Math.Min(space, s_maxTargets));
    }

    /// <summary>The chance that one of some sockets and one of some probes meet in a space of ports: 1 − exp(−N·M/R).</summary>
    public static double MeetingChance(double space, int sockets, int probes) => 1 - Math.Exp(-(double)sockets * probes / space);

    /// <summary>On how many public hosts the ports of a side may be.</summary>
    public static int Hosts(NatFacts nat) => Math.Clamp(nat.PublicHosts, 1, RendezvousLimits.MaxPublicHosts);

    /// <summary>ln(1/ε) for the chance ε that a spray of full size fails.</summary>
    private static double Doubt => -Math.Log(1 - Confidence);

    private static void PlanUdp(ImmutableArray<PlannedMethod>.Builder plan, NatFacts here, NatFacts there, bool isControlling)
    {
        if (here.Mapping == NatMappingFact.Blocked || there.Mapping == NatMappingFact.Blocked || here.RelayOnly || there.RelayOnly || here.TcpOnly || there.TcpOnly) return;
        double plain = PlainChance(here, there);
        plan.Add(new PlannedMethod(PunchMethod.Plain, plain, 60, 0, TimeSpan.FromSeconds(3)));
        if (MayBeSilent(here) && !(MayBeSilent(there) && isControlling)) plan.Add(new PlannedMethod(PunchMethod.Silent, 0.95, 0, 0, SilentTime));
        var (own, other) = (Judge(here), Judge(there));
        switch (own, other)
        {
            case (PortKind.Known, PortKind.Known):
                bool isSpoiled = AreSpoiled(here, there);
                plan.Add(new PlannedMethod(PunchMethod.Opener, isSpoiled ? 0.9 : 0.3, OpenerMethod.Rounds * (1 + OpenerMethod.Copies), OpenerMethod.Rounds, RoundsTime(2 * OpenerMethod.Rounds)));
                break;
            case (PortKind.Next, PortKind.Next):
                plan.Add(new PlannedMethod(PunchMethod.Cross, 0.95, Rounds * (ScanPackets + 1), Rounds, RoundsTime(Rounds)));
                break;
            case (PortKind.Known or PortKind.Same, PortKind.Next) or (PortKind.Next, PortKind.Known or PortKind.Same):
                int rounds = own == PortKind.Known ? 0 : Rounds;
                plan.Add(new PlannedMethod(PunchMethod.Predict, 0.97, 3 * rounds, rounds, RoundsTime(Rounds)));
                break;
            case (PortKind.Known or PortKind.Same, PortKind.Same) or (PortKind.Same, PortKind.Known):
                rounds = own == PortKind.Known ? 0 : Rounds;
                plan.Add(new PlannedMethod(PunchMethod.FreshSocket, 0.97, 3 * rounds, rounds, RoundsTime(Rounds)));
                break;
            case (PortKind.Any, PortKind.Known) or (PortKind.Known, PortKind.Any):
                var random = own == PortKind.Any ? here : there;
                var band = PortBand.Of(random);
                var (sockets, targets) = (SpraySockets(band), SprayTargets(band, Hosts(random)));
                double chance = MeetingChance((double)band.Size * Hosts(random), sockets, targets);
                plan.Add(own == PortKind.Any
                    ? new PlannedMethod(PunchMethod.Spray, chance, sockets, sockets, SprayTime)
                    : new PlannedMethod(PunchMethod.Spray, chance, targets, 0, SprayTime));
                break;

            // Every socket of the random side would have to go to every port that is foreseen, or drawn: more than any budget.
            case (PortKind.Any, _) or (_, PortKind.Any):
                break;
        }
    }

    private static void PlanTcp(ImmutableArray<PlannedMethod>.Builder plan, TcpNatFacts? here, TcpNatFacts? there)
    {
        var (own, other) = (TcpPlanner.Plan(here, there), TcpPlanner.Plan(there, here));
        var kind = own.Kind == TcpPlanKind.Plain ? other.Kind : own.Kind;
        double plain = kind == TcpPlanKind.Plain ? 0.7 : 0;
        plan.Add(new PlannedMethod(PunchMethod.Tcp, plain, 200, 0, TcpPunchOptions.Default.Limit));
        if (kind == TcpPlanKind.Predict)
        {
            plan.Add(new PlannedMethod(PunchMethod.TcpPredict, 0.7, 200, 0, TcpPunchOptions.Default.Limit));
        }
        else if (kind is TcpPlanKind.SprayFrom or TcpPlanKind.SprayTo)
        {
            // Each SYN is repeated by the kernel while its socket is held: thrice within the limit of a punch.
            double chance = MeetingChance(own.HighestPort - own.LowestPort + 1, own.Count, own.Count);
            plan.Add(new PlannedMethod(PunchMethod.TcpSpray, 0.7 * chance, Math.Min(4 * own.Count, SprayBudget.MaxProbes), own.Count, TcpPunchOptions.Default.Limit));
        }
    }

    private static void Prefer(ImmutableArray<PlannedMethod>.Builder plan, PunchMethod? hint)
    {
        for (int i = 2; i < plan.Count; i++)
        {
            if (plan[i].Method != hint) continue;
            var preferred = plan[i];
            plan.RemoveAt(i);
            plan.Insert(plan[0].Method == PunchMethod.Plain ? 1 : 0, preferred);
            return;
        }
    }

    // A packet of its own would only open another port: the other side's packet gets in, and is answered from the port that it came to.
    private static bool MayBeSilent(NatFacts nat) => Judge(nat) != PortKind.Known && LetsEverybodyIn(nat);

    private static bool AreSpoiled(NatFacts here, NatFacts there) => here.IsSpoiledByStrangers == true || there.IsSpoiledByStrangers == true;

    private static bool LetsEverybodyIn(NatFacts nat) => nat.Filtering == NatFilteringFact.EndpointIndependent;

    private static bool IsLenient(NatFacts nat) => nat.Filtering == NatFilteringFact.AddressDependent;

    /// <summary>The chance that a side with a known port takes a packet from a port of the other's that it has not sent to.</summary>
    private static double Admittance(NatFacts nat) => nat.HasPortMapping ? 0.95 : nat.Filtering switch
    {
        NatFilteringFact.EndpointIndependent or NatFilteringFact.AddressDependent => 0.9,
        NatFilteringFact.Unknown => 0.3,
        NatFilteringFact.AddressAndPortDependent => 0,
    };

    private static int Even(int space) => (int)Math.Ceiling(Math.Sqrt(space * Doubt));

    private static TimeSpan RoundsTime(int rounds) => (rounds + 1) * RoundPeriod;
}
