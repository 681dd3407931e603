namespace Porthole.Protocol.Discovery;

/// <summary>Judges observations: pure functions.</summary>
internal static class NatClassifier
{
    /// <summary>
    /// The largest distance of two ports that still counts as a step: sequential NATs were seen to move by one or two, and others' new flows come
    /// between (a spread of 15 is the rule of known hole punchers).
    /// </summary>
    public const int MaxStep = 16;

    /// <summary>The fewest ports whose order shows that no question was overtaken.</summary>
    private const int LeastSteady = 3;

    /// <summary>The mapping behaviour that one socket's answers show (RFC 5780 section 4.3, without CHANGE-REQUEST: the servers are several).</summary>
    public static NatMapping JudgeMapping(IReadOnlyList<NatObservation> answers)
    {
        bool differByPort = false, differByHost = false, agreeByPort = false, agreeByHost = false;
        for (int i = 0; i < answers.Count; i++)
        {
            if (answers[i].Mapped == answers[i].Local) return NatMapping.EndpointIndependent; // nothing translates (RFC 5780 section 4.3)
            for (int j = 0; j < i; j++)
            {
                bool same = answers[i].Mapped == answers[j].Mapped;
                if (answers[i].Server.SameHost(answers[j].Server)) (differByPort, agreeByPort) = (differByPort | !same, agreeByPort | same);
                else (differByHost, agreeByHost) = (differByHost | !same, agreeByHost | same);
            }
        }

        if (differByPort) return NatMapping.AddressAndPortDependent;
        if (differByHost) return agreeByPort ? NatMapping.AddressDependent : NatMapping.AddressAndPortDependent; // not told apart: the harder one
        if (agreeByHost) return NatMapping.EndpointIndependent;
        return agreeByPort ? NatMapping.EndpointOrAddressDependent : NatMapping.Unknown;
    }

    /// <summary>How the NAT before one local host chooses ports, from the few answers to sockets that are kept. <see cref="PortClassifier"/> judges whole flights.</summary>
    public static (NatAllocation Allocation, int Step) JudgeAllocation(IEnumerable<NatObservation> answers)
    {
        var ordered = answers.OrderBy(static answer => answer.Order).ToList();
        if (ordered.Exists(static answer => answer.Mapped.Port == answer.Local.Port)) return (NatAllocation.Preserve, 0);
        if (ordered.Select(static answer => answer.Mapped).Distinct().Count() < 2) return (NatAllocation.Unknown, 0);

        // Whatever the order: ports that are farther apart than as many steps were not counted.
        var all = ordered.Select(static answer => answer.Mapped).Distinct().Select(static mapped => (int)mapped.Port).ToList();
        if (all.Max() - all.Min() > all.Count * MaxStep) return (NatAllocation.Random, 0);

        // A question that was repeated may have reached the NAT after later ones, or only its answer was late. Ports that rise or fall steadily all the same tell that
        // they were given in this order: what was lost and repeated comes behind the others, which two ports alone do not show.
        bool tellsOrder = all.Count >= LeastSteady || ordered[0].IsOrdered;
        if (tellsOrder && JudgeSteps(all) is { } steady) return (NatAllocation.Sequential, steady);
        var ports = ordered.Where(static answer => answer.IsOrdered).Select(static answer => answer.Mapped).Distinct().Select(static mapped => (int)mapped.Port).ToList();
        if (ports.Count < 2) return (NatAllocation.Unknown, 0);
        return JudgeSteps(ports) is { } step ? (NatAllocation.Sequential, step) : (NatAllocation.Random, 0);
    }

    /// <summary>The least step of ports that all go one way by steps; null when they do not.</summary>
    private static int? JudgeSteps(List<int> ports)
    {
        int step = ports[1] - ports[0];
        for (int i = 1; i < ports.Count; i++)
        {
            int distance = ports[i] - ports[i - 1];
            if (distance == 0 || Math.Abs(distance) > MaxStep || Math.Sign(distance) != Math.Sign(step)) return null;
            if (Math.Abs(distance) < Math.Abs(step)) step = distance; // others' flows only make it longer
        }

        return step;
    }
}
