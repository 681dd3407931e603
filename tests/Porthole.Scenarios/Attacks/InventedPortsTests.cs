using Porthole.Protocol;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Attacks;

/// <summary>The server, or a peer, tells of NATs with ports that must be guessed, to have peers flood a victim with guesses.</summary>
public sealed class InventedPortsTests
{
    private const string Victim = "203.0.113.99";

    private static readonly NatFacts s_random = new(NatMappingFact.AddressAndPortDependent, NatAllocationFact.Random, 0, UdpReachable: true)
    {
        Filtering = NatFilteringFact.AddressAndPortDependent,
        LowestPort = 1_024,
        HighestPort = 65_535,
        PublicHosts = 8,
    };

    private static readonly NatFacts s_next = s_random with { Allocation = NatAllocationFact.Sequential, Step = 1, LowestPort = 0, HighestPort = 0 };

    [Fact]
    public void A_victim_named_as_a_peer_with_random_ports_is_guessed_at_within_the_budget_and_left_alone()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        var times = Watch(world, "alice");
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = Claim(push.Plan, s_random) };
        world.Converse(alice, bob);
        world.Run(20);

        Assert.InRange(times.Count, 100, SprayBudget.MaxProbes);
        AssertRate(times);
        world.AssertSentOnlyTo("alice", Victim);

        int before = times.Count;
        world.Run(30);
        Assert.InRange(times.Count - before, 0, 300); // plain checks to the one address
    }

    [Fact]
    public void Restarts_without_end_make_one_spray_a_minute_and_then_less()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        var times = Watch(world, "alice");
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push;
        };
        var connection = world.Converse(alice, bob);
        for (int generation = 1; generation <= 100; generation++)
        {
            var plan = Claim(HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob.Machine.Id, generation), s_random);
            world.Tell(alice, new ServerMessage.Restarted(session, plan));
            world.Run(7); // time enough for a whole one
        }

        // 700 s: after 0, 1, 3 and 7 minutes; in between the plain checks of a hundred punches.
        Assert.InRange(times.Count, 1, 5 * SprayBudget.MaxProbes + 100 * 20);
        AssertRate(times);
        world.AssertAlive(alice, connection, bob);
    }

    [Theory]
    [InlineData(CandidatePurpose.Predicted)]
    [InlineData(CandidatePurpose.Fresh)]
    [InlineData(CandidatePurpose.ScanBase)]
    [InlineData(CandidatePurpose.Opener)]
    public void Foreseen_ports_without_end_are_checked_as_few_as_candidates(CandidatePurpose purpose)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        var times = Watch(world, "alice");
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push with { Plan = Claim(push.Plan, s_next) };
        };
        var connection = world.Converse(alice, bob);
        for (int i = 0; i < 100; i++)
        {
            var twenty = Enumerable.Range(10_000 + 20 * i, 20).Select(port => HostileServer.Invented($"{Victim}:{port}") with { Purpose = purpose, Round = 1 + i % RendezvousLimits.MaxRounds });
            world.Tell(alice, new ServerMessage.Candidates(session, 0, [.. twenty]));
            world.Run(0.05);
        }

        world.Run(20);
        Assert.InRange(world.SentBy("alice").Keys.Count(static address => address.SameHost(TransportAddress.Parse($"{Victim}:0"))), 1, RendezvousLimits.MaxCandidates + RendezvousLimits.MaxGuidedCandidates);
        AssertRate(times, 250); // Ta is 5 ms, and what is sent again comes on top
        world.AssertSentOnlyTo("alice", Victim);
        world.AssertAlive(alice, connection, bob);
    }

    private static PunchPlan Claim(PunchPlan plan, NatFacts nat) => plan with { Nat = nat, Candidates = [HostileServer.Invented($"{Victim}:9000")] };

    private static List<Instant> Watch(AttackWorld world, string host)
    {
        var victim = TransportAddress.Parse($"{Victim}:0");
        var times = new List<Instant>();
        world.Capture = (entry, _) =>
        {
            if (entry.Place == host && entry.Flow.Destination.SameHost(victim)) times.Add(entry.At);
        };
        return times;
    }

    private static void AssertRate(List<Instant> times, int most = SprayBudget.MaxPacketsPerSecond)
    {
        for (int i = most; i < times.Count; i++) Assert.True(times[i] - times[i - most] >= TimeSpan.FromSeconds(1), $"more than {most} in the second before {times[i]}");
    }
}
