using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Lab.Scenarios;

/// <summary>
/// Pairs of peers drawn from a population, each of which meets as whole peers in an internet of its own: what share becomes direct, and by what.
/// </summary>
/// <param name="options">Which population, and how many pairs.</param>
public sealed class PopulationStudy(PopulationOptions options)
{
    /// <summary>How long a pair may take by UDP: longer than every method within the budget.</summary>
    private static readonly TimeSpan s_udpPatience = TimeSpan.FromSeconds(12);

    /// <summary>The same with TCP, whose spray comes later and takes longer.</summary>
    private static readonly TimeSpan s_tcpPatience = TimeSpan.FromSeconds(25);

    private readonly ImmutableArray<PopulationClass> _classes = PopulationClass.Of(options.Mix);

    /// <summary>Runs all pairs, on all processors.</summary>
    /// <param name="finished">Called after each pair with the number of those that are done, from any thread; null for nobody.</param>
    public PopulationReport Run(Action<int>? finished = null)
    {
        var pairs = new PopulationPair[options.Pairs];
        int done = 0;
        Parallel.For(0, pairs.Length, index =>
        {
            pairs[index] = RunPair(index);
            finished?.Invoke(Interlocked.Increment(ref done));
        });
        return new PopulationReport(options, _classes, [.. pairs]);
    }

    private PopulationPair RunPair(int index)
    {
        var chance = SeededEntropy.ForStream(options.Seed, (ulong)index);
        var (caller, called) = (Draw(chance), Draw(chance));
        ulong seed = chance.NextUInt64();
        var meeting = new MeetingOptions(caller.Side with { HasGateway = false }, called.Side with { HasGateway = false })
        {
            OneWay = TimeSpan.FromMilliseconds(chance.NextDouble(5, 60)),
            Jitter = TimeSpan.FromMilliseconds(chance.NextDouble(0, 3)),
            Loss = chance.NextDouble(0, 0.01),
            WarmUp = TimeSpan.FromSeconds(chance.NextDouble(3, 25)),
            Patience = s_udpPatience,
        };
        var result = Meeting.Run(seed, meeting);
        long packets = Math.Max(result.CallerCost.Packets, result.CalledCost.Packets);
        var pair = new PopulationPair(caller, called, result.FirstByte is not null, result.Method, result.ToDirect, packets);
        if (pair.Method is not null || options.Transports == Transports.Udp) return pair;

        bool hasTcp = !caller.HasProxyOnly && !called.HasProxyOnly;
        bool hasGateway = caller.Side.HasGateway || called.Side.HasGateway;
        var mapped = meeting with { Caller = caller.Side, Called = called.Side };
        bool byTcp = hasTcp && IsDirect(seed, meeting, Transports.All);
        bool byMapping = hasGateway && IsDirect(seed, mapped, Transports.Udp);
        return pair with
        {
            GainsByTcp = byTcp,
            GainsByMapping = byMapping,
            GainsByBoth = byTcp || byMapping || (hasTcp && hasGateway && IsDirect(seed, mapped, Transports.All)),
        };
    }

    private PopulationClass Draw(EntropySource chance)
    {
        double left = chance.NextDouble(0, 1);
        foreach (var one in _classes)
        {
            if ((left -= one.Weight) < 0) return one;
        }

        return _classes[^1];
    }

    private static bool IsDirect(ulong seed, MeetingOptions meeting, Transports transports) => Meeting.Run(
        seed, meeting with { Transports = transports, Patience = transports == Transports.Udp ? meeting.Patience : s_tcpPatience }).ToDirect is not null;
}
