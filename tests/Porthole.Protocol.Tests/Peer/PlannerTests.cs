using System.Collections.Immutable;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Peer;

/// <summary>The plans of two sides, for every combination of what they may know of their NATs.</summary>
public sealed class PlannerTests
{
    private static readonly NatFacts s_easy = new(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, 0, UdpReachable: true)
    {
        Filtering = NatFilteringFact.AddressAndPortDependent,
    };

    private static readonly NatFacts s_random = s_easy with { Mapping = NatMappingFact.AddressAndPortDependent, Allocation = NatAllocationFact.Random, LowestPort = 3_000, HighestPort = 60_000 };
    private static readonly NatFacts s_block = s_random with { LowestPort = 20_500, HighestPort = 20_900, BlockSize = 512 };
    private static readonly NatFacts s_next = s_easy with { Mapping = NatMappingFact.AddressAndPortDependent, Allocation = NatAllocationFact.Sequential, Step = 2 };
    private static readonly NatFacts s_same = s_easy with { Mapping = NatMappingFact.AddressAndPortDependent, Allocation = NatAllocationFact.Preserve };

    public static TheoryData<string, string, PunchMethod?> Table => new()
    {
        { "easy", "easy", PunchMethod.Opener },
        { "easy", "unknown", PunchMethod.Opener },
        { "next", "easy", PunchMethod.Predict },
        { "easy", "next", PunchMethod.Predict },
        { "next", "same", PunchMethod.Predict },
        { "next", "next", PunchMethod.Cross },
        { "same", "easy", PunchMethod.FreshSocket },
        { "same", "same", PunchMethod.FreshSocket },
        { "random", "easy", PunchMethod.Spray },
        { "easy", "random", PunchMethod.Spray },
        { "block", "easy", PunchMethod.Spray },
        { "random", "random", null },
        { "block", "block", null },
        { "random", "next", null },
        { "same", "random", null },
        { "mapped", "random", PunchMethod.Spray },
        { "mapped", "next", PunchMethod.Predict },
        { "unknown", "unknown", PunchMethod.Opener },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Two_NATs_make_a_plan(string here, string there, PunchMethod? method)
    {
        var plan = Planner.Plan(Facts(here), Facts(there), Transports.Udp, isControlling: true);
        PunchMethod[] expected = method is { } one ? [PunchMethod.Plain, one, PunchMethod.Relay] : [PunchMethod.Plain, PunchMethod.Relay];
        Assert.Equal(expected, plan.Select(static planned => planned.Method));
        Assert.Equal(method is null, Planner.IsHopeless(plan));
    }

    [Fact]
    public void The_plans_of_both_sides_fit_whatever_they_know()
    {
        var all = All().ToArray();
        foreach (var one in all)
        {
            foreach (var other in all)
            {
                var (plan, opposite) = (Planner.Plan(one, other, Transports.All, isControlling: true), Planner.Plan(other, one, Transports.All, isControlling: false));
                AssertFit(one, other, plan, opposite);
                AssertWithinBudget(one, plan);
                AssertWithinBudget(other, opposite);
            }
        }
    }

    [Fact]
    public void What_worked_before_comes_right_after_plain_checks_and_nothing_is_added()
    {
        foreach (var hint in Enum.GetValues<PunchMethod>())
        {
            var without = Planner.Plan(s_easy, s_random, Transports.All, isControlling: true);
            var with = Planner.Plan(s_easy, s_random, Transports.All, isControlling: true, hint);
            Assert.Equal(without.OrderBy(static planned => planned.Method), with.OrderBy(static planned => planned.Method));
            Assert.Equal(PunchMethod.Plain, with[0].Method);
            Assert.Equal(PunchMethod.Relay, with[^1].Method);
            if (hint is not (PunchMethod.Plain or PunchMethod.Relay) && without.Any(planned => planned.Method == hint)) Assert.Equal(hint, with[1].Method);
        }
    }

    [Theory]
    [InlineData(64_511, 256, 0.98)]
    [InlineData(4_096, 169, 0.998)]
    [InlineData(512, 60, 0.998)]
    [InlineData(251, 42, 0.998)]
    [InlineData(128, 30, 0.998)]
    [InlineData(16, 4, 0.98)]
    public void A_spray_is_sized_by_the_birthday_paradox_within_the_budget(int size, int sockets, double chance)
    {
        var band = new PortBand(1_024, (ushort)(1_023 + size), 1_024, (ushort)(1_023 + size));
        Assert.Equal(sockets, Planner.SpraySockets(band));
        Assert.InRange(Planner.MeetingChance(size, Planner.SpraySockets(band), Planner.SprayTargets(band, hosts: 1)), chance, 1);
        Assert.InRange(Planner.SprayTargets(band, hosts: 1), 1, size);
    }

    [Fact]
    public void Several_public_hosts_make_more_of_a_spray() =>
        Assert.InRange(Planner.SprayTargets(PortBand.Of(s_block), 3), 2 * Planner.SprayTargets(PortBand.Of(s_block), 1), 4 * Planner.SprayTargets(PortBand.Of(s_block), 1));

    [Theory]
    [InlineData(20_480, 20_991, 512, 20_480, 20_991)]
    [InlineData(20_500, 20_900, 512, 20_480, 20_991)] // what was seen does not fill it
    [InlineData(20_400, 20_900, 512, 20_275, 21_025)] // no such block: the band counts
    [InlineData(0, 0, 512, 1_024, 65_535)]
    [InlineData(1_500, 1_900, 2_048, 1_024, 2_047)] // nothing is sent to the ports of services
    [InlineData(1_500, 60_000, 65_536, 1_024, 65_535)]
    [InlineData(65_100, 65_530, 0, 64_993, 65_535)]
    [InlineData(1_030, 1_040, 0, 1_024, 1_048)]
    [InlineData(500, 600, 0, 1_024, 65_535)] // no NAT gives these
    [InlineData(40_000, 30_000, 0, 1_024, 65_535)]
    public void A_band_is_what_was_seen_and_something_on_both_sides(int lowest, int highest, int block, int first, int last)
    {
        var band = PortBand.Of(s_random with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest, BlockSize = block });
        Assert.Equal((first, last), ((int)band.Lowest, (int)band.Highest));
        Assert.InRange(band.InnerLowest, band.Lowest, band.InnerHighest);
        Assert.InRange(band.InnerHighest, band.InnerLowest, band.Highest);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(-16)]
    public void A_step_that_no_NAT_has_is_taken_for_chance(int step) => Assert.Equal(PortKind.Any, Planner.Judge(s_next with { Step = step }));

    private static void AssertFit(NatFacts one, NatFacts other, ImmutableArray<PlannedMethod> plan, ImmutableArray<PlannedMethod> opposite)
    {
        // Waiting for the other's first check is the one thing that a side does alone, and never both.
        Assert.Equal(plan.Select(static planned => planned.Method).Where(IsOfBoth), opposite.Select(static planned => planned.Method).Where(IsOfBoth));
        Assert.False(plan.Any(static planned => planned.Method == PunchMethod.Silent) && opposite.Any(static planned => planned.Method == PunchMethod.Silent));
        Assert.Equal(PunchMethod.Relay, plan[^1].Method);
        Assert.Single(plan, static planned => planned.Method == PunchMethod.Relay);
        Assert.Equal(plan.Length, plan.Select(static planned => planned.Method).Distinct().Count());

        var (here, there) = (Planner.Judge(one), Planner.Judge(other));
        if (Find(plan, PunchMethod.Spray) is { } from)
        {
            // Random against random is never sprayed; and of the two one opens sockets, the other sends.
            Assert.True((here == PortKind.Any) != (there == PortKind.Any));
            var to = Find(opposite, PunchMethod.Spray)!;
            Assert.True((from.Sockets == 0) != (to.Sockets == 0));
            Assert.Equal(here == PortKind.Any, from.Sockets > 0);
            Assert.Equal(from.ExpectedSuccess, to.ExpectedSuccess);
            Assert.Equal(PortKind.Known, here == PortKind.Any ? there : here);
        }

        if (Find(plan, PunchMethod.Predict) is { } predict) Assert.Equal(here != PortKind.Known, predict.Sockets > 0);
        if (Find(plan, PunchMethod.Cross) is not null) Assert.Equal((PortKind.Next, PortKind.Next), (here, there));
        if (here == PortKind.Any && there == PortKind.Any) Assert.DoesNotContain(plan, static planned => planned.Method is PunchMethod.Predict or PunchMethod.Cross or PunchMethod.Spray or PunchMethod.FreshSocket);
    }

    private static void AssertWithinBudget(NatFacts own, ImmutableArray<PlannedMethod> plan)
    {
        foreach (var planned in plan)
        {
            Assert.InRange(planned.Packets, 0, SprayBudget.MaxProbes);
            Assert.InRange(planned.Sockets, 0, SprayBudget.MaxSockets);
            Assert.InRange(planned.ExpectedSuccess, 0, 1);
            Assert.InRange(planned.Time, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            if (planned.Method == PunchMethod.Spray && planned.Sockets > 1) Assert.InRange(planned.Sockets, 1, PortBand.Of(own).Size / 4);
        }
    }

    private static bool IsOfBoth(PunchMethod method) => method != PunchMethod.Silent;

    private static PlannedMethod? Find(ImmutableArray<PlannedMethod> plan, PunchMethod method) => plan.FirstOrDefault(planned => planned.Method == method);

    private static IEnumerable<NatFacts> All()
    {
        foreach (var mapping in Enum.GetValues<NatMappingFact>())
        {
            foreach (var allocation in Enum.GetValues<NatAllocationFact>())
            {
                foreach (int step in (int[])[-2, 0, 1, 7])
                {
                    foreach (var filtering in (NatFilteringFact[])[NatFilteringFact.Unknown, NatFilteringFact.EndpointIndependent, NatFilteringFact.AddressAndPortDependent])
                    {
                        var facts = new NatFacts(mapping, allocation, step, UdpReachable: mapping != NatMappingFact.Blocked) { Filtering = filtering };
                        yield return facts;
                        if (mapping == NatMappingFact.AddressAndPortDependent && step == 1) yield return facts with { HasPortMapping = true };
                        if (allocation != NatAllocationFact.Random || step != 0) continue;
                        yield return facts with { LowestPort = 20_000, HighestPort = 20_250 };
                        yield return facts with { LowestPort = 20_480, HighestPort = 20_491, BlockSize = 16, PublicHosts = 3 };
                        yield return facts with { Tcp = new TcpNatFacts(mapping, allocation, step, 30_000, 30_100) };
                    }
                }
            }
        }
    }

    private static NatFacts Facts(string name) => name switch
    {
        "easy" => s_easy,
        "random" => s_random,
        "block" => s_block,
        "next" => s_next,
        "same" => s_same,
        "mapped" => s_random with { HasPortMapping = true },
        _ => NatFacts.Unknown,
    };
}
