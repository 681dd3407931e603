using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>NATs that give every destination another port, met by whole peers: whoever calls, within seconds, within the budget.</summary>
public sealed class HardNatTests
{
    /// <summary>What is promised from the call on, where a few packets do it.</summary>
    private const double Soon = 3;

    /// <summary>What is promised where ports are any of 64,511.</summary>
    private const double Late = 6;

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    [Theory]
    [MemberData(nameof(SeedList))]
    public void The_next_port_of_a_NAT_that_counts_is_foreseen(ulong seed)
    {
        foreach (int step in (int[])[1, 2, -1])
        {
            AssertMeet(seed, HardPair.Counting(step), NatProfile.PortRestricted, Soon, PunchMethod.Predict);
            AssertMeet(seed, NatProfile.PortRestricted, HardPair.Counting(step), Soon, PunchMethod.Predict);
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Other_hosts_behind_a_NAT_that_counts_do_not_matter(ulong seed)
    {
        AssertMeet(seed, HardPair.Counting(1, foreign: 100), NatProfile.PortRestricted, Soon, PunchMethod.Predict);
        AssertMeet(seed, NatProfile.PortRestricted, HardPair.Counting(1, foreign: 100), Soon, PunchMethod.Predict);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_NAT_that_keeps_the_port_of_a_fresh_socket_is_met_there(ulong seed)
    {
        AssertMeet(seed, HardPair.Keeping, NatProfile.PortRestricted, Soon, PunchMethod.FreshSocket);
        AssertMeet(seed, NatProfile.PortRestricted, HardPair.Keeping, Soon, PunchMethod.FreshSocket);
        AssertMeet(seed, HardPair.Keeping, HardPair.Keeping, Soon, PunchMethod.FreshSocket);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_NAT_that_keeps_ports_and_one_that_counts_meet(ulong seed)
    {
        AssertMeet(seed, HardPair.Keeping, HardPair.Counting(1), Soon, PunchMethod.Predict);
        AssertMeet(seed, HardPair.Counting(2), HardPair.Keeping, Soon, PunchMethod.Predict);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Two_NATs_that_count_are_scanned_for_from_both_sides(ulong seed)
    {
        AssertMeet(seed, HardPair.Counting(1), HardPair.Counting(1), Soon, PunchMethod.Cross);
        AssertMeet(seed, HardPair.Counting(2), HardPair.Counting(-1), Soon, PunchMethod.Cross);
        AssertMeet(seed, HardPair.Counting(1, foreign: 20), HardPair.Counting(1, foreign: 20), Soon, PunchMethod.Cross);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Random_ports_of_a_block_or_a_band_are_hit(ulong seed)
    {
        foreach (var random in (NatProfile[])[HardPair.Block(512), HardPair.Block(1_024), HardPair.Block(4_096), HardPair.Band])
        {
            AssertMeet(seed, random, NatProfile.PortRestricted, Soon, PunchMethod.Spray);
            AssertMeet(seed, NatProfile.PortRestricted, random, Soon, PunchMethod.Spray);
        }
    }

    /// <summary>The chance of a spray over all ports is 99 %: of ten seeds nine must meet.</summary>
    [Fact]
    public void Random_ports_over_the_whole_range_are_hit()
    {
        int met = 0;
        for (ulong seed = 1; seed <= 5; seed++)
        {
            foreach (var hard in (HardPair[])[HardPair.Meet(seed, NatProfile.Symmetric, NatProfile.PortRestricted, Late), HardPair.Meet(seed, NatProfile.PortRestricted, NatProfile.Symmetric, Late)])
            {
                hard.AssertBudget();
                if (hard.Direct is null) continue;
                met++;
                Assert.Equal((PunchMethod.Spray, PunchMethod.Spray), (hard.AliceVerdict.Method, hard.BobVerdict.Method));
                hard.Pair.AssertCarries();
            }
        }

        Assert.InRange(met, 9, 10);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Where_both_NATs_draw_ports_nothing_is_guessed_at_and_the_verdict_says_so_soon(ulong seed)
    {
        var hard = HardPair.Meet(seed, NatProfile.Symmetric, NatProfile.Symmetric, Soon);
        Assert.Null(hard.Direct);
        Assert.True(hard.Pair.IsOpen);
        foreach (bool isAlice in (bool[])[true, false])
        {
            var (peer, verdict) = isAlice ? (hard.Pair.Alice, hard.AliceVerdict) : (hard.Pair.Bob, hard.BobVerdict);
            Assert.Equal(VerdictReason.RandomPortsBoth, peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.VerdictChanged>().Last().Verdict.Reason);
            Assert.Equal(PunchMethod.Plain, Assert.Single(verdict.Tried).Method);
            Assert.InRange(hard.ChecksOf(isAlice), 1, 30);
            Assert.Equal(1, hard.PortsOf(isAlice));
        }

        hard.Pair.AssertCarries();
    }

    [Fact]
    public void What_did_not_meet_is_closed_and_what_did_stays_as_long_as_the_connection()
    {
        var hard = HardPair.AssertMeet(1, NatProfile.Symmetric, NatProfile.PortRestricted, Late, PunchMethod.Spray);
        var pair = hard.Pair;
        Assert.InRange(pair.Alice.Host.SocketsOpen, 2, 1 + IceOptions.KeptPairs); // the main one, and what has met

        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(3));
        Assert.True(pair.IsDirect, "consent keeps the path");
        pair.AssertCarries();

        pair.Alice.Invoke((machine, now) => machine.Close(now, pair.Connection, 0, ""));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(pair.Bob.Host.SocketsOpen, pair.Alice.Host.SocketsOpen); // bob never had any but the main one and the probes'
    }

    [Fact]
    public void A_path_of_a_fresh_socket_that_breaks_is_found_again()
    {
        var pair = HardPair.AssertMeet(1, HardPair.Counting(1), NatProfile.PortRestricted, Soon, PunchMethod.Predict).Pair;
        var cut = pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host);
        Assert.True(pair.Until(() => pair.Alice.PathOf(pair.Connection) is { Kind: PathKind.Relay }, 40), "relayed");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(60));
        cut.Heal();
        Assert.True(pair.Until(() => pair.IsDirect, 15), "direct again");
        pair.AssertCarries();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(5));
        Assert.InRange(pair.Alice.Host.SocketsOpen, pair.Bob.Host.SocketsOpen + 1, pair.Bob.Host.SocketsOpen + IceOptions.KeptPairs);
    }

    [Fact]
    public void A_host_that_changes_its_address_leaves_its_fresh_sockets_behind()
    {
        var pair = HardPair.AssertMeet(1, HardPair.Counting(1), NatProfile.PortRestricted, Soon, PunchMethod.Predict).Pair;
        var address = TransportAddress.Parse("192.168.1.77:0");
        pair.Alice.Host.SetAddresses("192.168.1.77");
        Assert.True(pair.Until(() => pair.IsDirect && pair.Alice.PathOf(pair.Connection)!.Local?.SameHost(address) == true, 10), "direct from the new address");
        pair.AssertCarries();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(5));
        Assert.InRange(pair.Alice.Host.SocketsOpen, 2, 1 + IceOptions.KeptPairs);
    }

    [Fact]
    public void A_spray_that_a_change_of_network_ends_has_not_failed_and_leaves_no_sockets()
    {
        var hard = HardPair.Meet(1, NatProfile.Symmetric, NatProfile.PortRestricted, 0.2);
        var pair = hard.Pair;
        pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host); // whatever port is hit, nothing comes through
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));
        Assert.True(pair.Alice.Host.SocketsOpen > 20, "it sprays");

        pair.Alice.Invoke((machine, now) => machine.HandleSocketEvent(now, new SocketEvent.NetworkChanged(pair.Alice.Host.Addresses) { Gateways = pair.Alice.Host.Gateways }));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(4));
        Assert.True(pair.Alice.Host.SocketsOpen > 20, "it sprays again at once");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(1, pair.Alice.Host.SocketsOpen);
    }

    [Fact]
    public void A_spray_that_fails_is_not_soon_repeated()
    {
        var hard = HardPair.Meet(1, NatProfile.Symmetric, NatProfile.PortRestricted, 0.2);
        var pair = hard.Pair;
        pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host); // whatever port is hit, nothing comes through
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(11));
        Assert.Equal(AttemptOutcome.Unanswered, Assert.Single(hard.AliceVerdict.Tried, static attempt => attempt.Method == PunchMethod.Spray).Outcome);
        Assert.Equal(1, pair.Alice.Host.SocketsOpen);

        long before = pair.Bob.Host.Traffic.Sent;
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(45));
        Assert.InRange(pair.Bob.Host.Traffic.Sent - before, 1, 600); // plain checks, and the relay
        Assert.Equal(AttemptOutcome.BudgetSpent, Assert.Single(hard.AliceVerdict.Tried, static attempt => attempt.Method == PunchMethod.Spray).Outcome);
    }

    private static void AssertMeet(ulong seed, NatProfile alice, NatProfile bob, double seconds, PunchMethod method) => HardPair.AssertMeet(seed, alice, bob, seconds, method);
}
