namespace Porthole.Protocol.Discovery;

/// <summary>Judges how a NAT chooses ports, from a whole flight of questions: pure functions.</summary>
internal static class PortClassifier
{
    /// <summary>The largest distance of two ports that still counts as a step.</summary>
    private const int MaxStep = NatClassifier.MaxStep;

    /// <summary>Others' flows that may come between the first question and the last that is repeated: 20 a second for less than a second.</summary>
    private const int ForeignSteps = 16;

    /// <summary>The least mappings that show a step.</summary>
    private const int LeastMappings = 3;

    /// <summary>The least mappings near each other that count as random because they are in no order: fewer may only have been mixed up on their way.</summary>
    private const int LeastForRandom = 5;

    /// <summary>The least mappings that show a step by lying densely.</summary>
    private const int LeastForDensity = 6;

    /// <summary>The least mappings that show parity: by chance one NAT in 128 would seem to keep it.</summary>
    private const int LeastForParity = 8;

    /// <summary>The least mappings that show a block.</summary>
    private const int LeastForBlock = 8;

    /// <summary>The smallest block of ports that counts as one: carriers give a subscriber 64 and more (RFC 7422 section 2).</summary>
    private const int MinBlock = 64;

    /// <summary>The largest: more is no block but a good part of all ports.</summary>
    private const int MaxBlock = 8_192;

    /// <summary>
    /// How much of an aligned block the seen ports must span to stand for all of it: ten random ports of a block span less in one case of twenty, and a band that is
    /// none is taken for one only where that makes it longer by two thirds at most.
    /// </summary>
    private const double BlockFill = 0.6;

    /// <summary>How the NAT before one local host chooses ports, from all answers to its sockets.</summary>
    /// <remarks>
    /// Random ports of a small band lie near each other now and then, so a step counts only where the order says so too: three ports in a row that rise alike, or
    /// as many rises without a fall that chance brings them in less than one case of twenty (the sign test). Packets of one socket keep their order as a rule, those
    /// of several need not.
    /// </remarks>
    public static (NatAllocation Allocation, int Step) Judge(IReadOnlyList<NatObservation> answers)
    {
        if (KeepsPorts(answers)) return (NatAllocation.Preserve, 0);
        var fresh = answers.Where(static answer => answer.IsFresh).ToList(); // older mappings lie where the counter stood when they were made
        var ordered = (fresh.Count >= LeastMappings ? fresh : answers).OrderBy(static answer => answer.Order).DistinctBy(static answer => answer.Mapped).ToList();
        if (ordered.Count < 2) return (NatAllocation.Unknown, 0);
        int spread = ordered.Max(static answer => answer.Mapped.Port) - ordered.Min(static answer => answer.Mapped.Port);
        if (spread > (ordered.Count + ForeignSteps) * MaxStep) return (NatAllocation.Random, 0); // whatever the order

        var steps = StepsOf(ordered, acrossSockets: false);
        if (steps.Count < LeastMappings - 1) steps = StepsOf(ordered, acrossSockets: true);
        bool isOrderKnown = steps.Count >= LeastMappings - 1;
        if (!isOrderKnown) steps = StepsOf(ordered, acrossSockets: false, repeatedToo: true); // what was repeated came later, or its answer was late: steps tell which
        if (steps.Count < LeastMappings - 1) return (NatAllocation.Unknown, 0);
        int step = steps.MinBy(Math.Abs);
        int rises = steps.Count(static step => step > 0);
        int falls = steps.Count - rises;
        if (falls > rises != step < 0) step = -step; // two packets of a socket changed places
        bool areClose = steps.TrueForAll(static step => Math.Abs(step) <= MaxStep);
        bool areAlike = steps.TrueForAll(each => each == step);
        if (areClose && (areAlike || IsNoChance(Math.Min(rises, falls), steps.Count))) return (NatAllocation.Sequential, step);
        if (IsDense(ordered, step)) return (NatAllocation.Sequential, step);
        return isOrderKnown && ordered.Count >= LeastForRandom ? (NatAllocation.Random, 0) : (NatAllocation.Unknown, 0);
    }

    /// <summary>The mapped ports of a NAT that cannot be foreseen: the band that was seen, and the aligned block that it fills.</summary>
    public static (ushort Lowest, ushort Highest, int Block) JudgeBand(IReadOnlyList<NatObservation> answers, NatAllocation allocation)
    {
        if (allocation == NatAllocation.Sequential) return default;
        var ports = answers.Where(answer => allocation != NatAllocation.Preserve || answer.Mapped.Port != answer.Local.Port).Select(static answer => answer.Mapped.Port).Distinct().ToList();
        if (ports.Count == 0) return default;
        ushort lowest = ports.Min(), highest = ports.Max();
        int block = 1;
        while (lowest / block != highest / block) block *= 2;
        bool isFilled = ports.Count >= LeastForBlock && block is >= MinBlock and <= MaxBlock && highest - lowest >= block * BlockFill;
        return (lowest, highest, isFilled ? block : 0);
    }

    /// <summary>Whether mapped ports have the parity of local ones (RFC 4787 section 4.2.2); null while too few were seen.</summary>
    public static bool? JudgeParity(IReadOnlyList<NatObservation> answers, NatAllocation allocation)
    {
        var seen = answers.DistinctBy(static answer => answer.Mapped).ToList();
        if (seen.Exists(static answer => (answer.Mapped.Port ^ answer.Local.Port) % 2 != 0)) return false;

        // Steps of two keep the parity of the first whatever the local ports are.
        bool areBoth = seen.Select(static answer => answer.Local.Port % 2).Distinct().Count() == 2;
        return seen.Count >= LeastForParity && (areBoth || allocation == NatAllocation.Random) ? true : null;
    }

    /// <summary>Whether one mapped address stood for two local ports (RFC 4787 section 4.2.1).</summary>
    public static bool IsOverloading(IReadOnlyList<NatObservation> answers) =>
        answers.GroupBy(static answer => answer.Mapped).Any(static group => group.Select(static answer => answer.Local.Port).Distinct().Count() > 1);

    /// <summary>Whether sockets keep their ports: two of three, for a random port of a small band may be the local one.</summary>
    private static bool KeepsPorts(IReadOnlyList<NatObservation> answers)
    {
        var sockets = answers.GroupBy(static answer => answer.Local).Select(static socket => socket.Any(static answer => answer.Mapped.Port == answer.Local.Port)).ToList();
        int kept = sockets.Count(static keeps => keeps);
        return kept > 0 && 3 * kept >= 2 * sockets.Count;
    }

    /// <summary>The distances of ports that were given out one after another, as far as the order is known, or as it was meant.</summary>
    private static List<int> StepsOf(List<NatObservation> ordered, bool acrossSockets, bool repeatedToo = false)
    {
        var steps = new List<int>();
        var sockets = acrossSockets ? [ordered] : ordered.GroupBy(static answer => answer.Local).Select(static socket => socket.ToList());
        foreach (var socket in sockets)
        {
            var known = socket.FindAll(answer => answer.IsOrdered || repeatedToo);
            for (int i = 1; i < known.Count; i++)
            {
                int step = known[i].Mapped.Port - known[i - 1].Mapped.Port;
                if (step != 0) steps.Add(step); // the same port of another host
            }
        }

        return steps;
    }

    /// <summary>The sign test: whether so few exceptions come by chance in less than one case of twenty.</summary>
    private static bool IsNoChance(int exceptions, int count)
    {
        double cases = 0, ways = 1;
        for (int i = 0; i <= exceptions; i++)
        {
            cases += ways;
            ways = ways * (count - i) / (i + 1);
        }

        return 2 * cases / Math.Pow(2, count) < 0.05;
    }

    /// <summary>Whether the ports lie a step apart, nearly all: of random ones hardly a few would.</summary>
    private static bool IsDense(List<NatObservation> answers, int step)
    {
        if (answers.Count < LeastForDensity) return false;
        var ports = answers.Select(static answer => (int)answer.Mapped.Port).Distinct().Order().ToList();
        int close = ports.Zip(ports.Skip(1), static (one, next) => next - one).Count(gap => gap == Math.Abs(step));
        return close * 4 >= (ports.Count - 1) * 3;
    }
}
