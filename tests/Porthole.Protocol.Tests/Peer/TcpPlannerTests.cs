using Porthole.Protocol.Peer;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Peer;

public sealed class TcpPlannerTests
{
    private static readonly TcpNatFacts s_easy = new(NatMappingFact.EndpointIndependent, NatAllocationFact.Preserve, 0, 0, 0);
    private static readonly TcpNatFacts s_oneAddress = new(NatMappingFact.EndpointOrAddressDependent, NatAllocationFact.Random, 0, 0, 0);
    private static readonly TcpNatFacts s_blocked = new(NatMappingFact.Blocked, NatAllocationFact.Unknown, 0, 0, 0);
    private static readonly TcpNatFacts s_sequential = new(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Sequential, 2, 0, 0);
    private static readonly TcpNatFacts s_random = new(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, 20_000, 20_250);

    /// <summary>Own and remote facts by name, and what each side does.</summary>
    public static TheoryData<string, string, string> Table => new()
    {
        { "none", "none", nameof(TcpPlanKind.Plain) },
        { "easy", "none", nameof(TcpPlanKind.Plain) },
        { "easy", "easy", nameof(TcpPlanKind.Plain) },
        { "easy", "one address", nameof(TcpPlanKind.Plain) },
        { "blocked", "easy", nameof(TcpPlanKind.Plain) },
        { "easy", "sequential", nameof(TcpPlanKind.Plain) }, // the other side foresees
        { "sequential", "easy", nameof(TcpPlanKind.Predict) },
        { "sequential", "sequential", nameof(TcpPlanKind.Predict) },
        { "sequential", "none", nameof(TcpPlanKind.Predict) },
        { "easy", "random", nameof(TcpPlanKind.SprayTo) },
        { "random", "easy", nameof(TcpPlanKind.SprayFrom) },
        { "random", "random", nameof(TcpPlanKind.None) },
        { "random", "sequential", nameof(TcpPlanKind.None) },
        { "sequential", "random", nameof(TcpPlanKind.None) },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Two_NATs_make_a_plan(string own, string remote, string plan) => Assert.Equal(plan, TcpPlanner.Plan(Facts(own), Facts(remote)).Kind.ToString());

    [Fact]
    public void Both_sides_of_a_spray_hold_as_many_sockets_and_aim_at_the_same_band()
    {
        var (from, to) = (TcpPlanner.Plan(s_random, s_easy), TcpPlanner.Plan(s_easy, s_random));

        Assert.Equal((from.Count, from.LowestPort, from.HighestPort), (to.Count, to.LowestPort, to.HighestPort));
        Assert.InRange(to.LowestPort, 19_900, 19_999); // what ten draws show of a band is not all of it
        Assert.InRange(to.HighestPort, 20_251, 20_350);
        Assert.InRange(from.Count, 30, 60); // in the field 16 held ports and 50 candidates found one another in a band of 251
    }

    [Fact]
    public void A_spray_over_all_ports_stays_within_the_budget()
    {
        var plan = TcpPlanner.Plan(s_easy, s_random with { LowestPort = 0, HighestPort = 0 });

        Assert.Equal((SprayBudget.MaxSockets, 1_024, ushort.MaxValue), (plan.Count, plan.LowestPort, plan.HighestPort));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1_023)]
    [InlineData(1_000, 1_010)]
    [InlineData(30_000, 20_000)]
    public void Facts_of_another_peer_that_cannot_be_true_make_a_spray_over_all_ports(int lowest, int highest)
    {
        var plan = TcpPlanner.Plan(s_easy, s_random with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest });

        Assert.Equal((SprayBudget.MaxSockets, 1_024, ushort.MaxValue), (plan.Count, plan.LowestPort, plan.HighestPort));
    }

    [Fact]
    public void A_band_as_small_as_a_port_block_is_not_used_up()
    {
        var plan = TcpPlanner.Plan(s_random with { LowestPort = 30_000, HighestPort = 30_031 }, s_easy);

        Assert.InRange(plan.Count, 1, (plan.HighestPort - plan.LowestPort + 1) / 4);
    }

    [Theory]
    [InlineData(1_024, 1_030)]
    [InlineData(65_530, 65_535)]
    [InlineData(50_000, 40_000)] // makes no sense: whatever the other side says is only a hint
    public void A_band_at_the_edge_stays_within_the_ports(int lowest, int highest)
    {
        var plan = TcpPlanner.Plan(s_easy, s_random with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest });

        Assert.InRange(plan.LowestPort, 1_024, plan.HighestPort);
        Assert.True(plan.Count <= plan.HighestPort - plan.LowestPort + 1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-16)] // what chance makes of a small band
    public void A_step_that_no_NAT_has_is_taken_for_chance(int step) => Assert.Equal(TcpPlanKind.SprayFrom, TcpPlanner.Plan(s_sequential with { Step = step }, s_easy).Kind);

    private static TcpNatFacts? Facts(string name) => name switch
    {
        "easy" => s_easy,
        "one address" => s_oneAddress,
        "blocked" => s_blocked,
        "sequential" => s_sequential,
        "random" => s_random,
        _ => null,
    };
}
