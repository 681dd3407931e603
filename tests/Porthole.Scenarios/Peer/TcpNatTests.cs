using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>NATs that are hard for TCP: they answer with RST or ICMP, give every connection another port, or let nothing through. Where there is no way, the verdict says why.</summary>
public sealed class TcpNatTests
{
    /// <summary>A punch and what is around it (TcpPunchOptions.Limit).</summary>
    private const double PunchTime = 8.5;

    private static readonly NatProfile s_band = NatProfile.Symmetric with { Name = "symmetric in a band", Ports = new PortRange(20_000, 20_250) };

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Two_NATs_that_refuse_are_passed_by_retrying(ulong seed) => AssertMeet(seed, NatProfile.Resetting, NatProfile.Resetting);

    [Theory]
    [MemberData(nameof(SeedList))]
    public void One_NAT_that_refuses_is_passed_too(ulong seed)
    {
        AssertMeet(seed, NatProfile.Resetting, NatProfile.PortRestricted);
        AssertMeet(seed, NatProfile.PortRestricted, NatProfile.Resetting);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_NAT_that_answers_with_ICMP_is_passed_too(ulong seed)
    {
        AssertMeet(seed, NatProfile.Unreachable, NatProfile.PortRestricted);
        AssertMeet(seed, NatProfile.PortRestricted, NatProfile.Unreachable);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Ports_that_count_up_are_foreseen(ulong seed)
    {
        AssertMeet(seed, NatProfile.SymmetricSequential, NatProfile.PortRestricted);
        AssertMeet(seed, NatProfile.PortRestricted, NatProfile.SymmetricSequential);
        AssertMeet(seed, NatProfile.SymmetricSequential with { Allocation = new PortAllocation.Sequential(-2) }, NatProfile.Restricted);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Random_ports_of_a_band_are_hit_by_many_sockets(ulong seed)
    {
        AssertMeet(seed, s_band, NatProfile.PortRestricted);
        AssertMeet(seed, NatProfile.PortRestricted, s_band);
    }

    /// <summary>A NAT that lets everybody in to a port, as one where the user has it forwarded: no SYN of bob's hits alice's random port, hers comes to his listener.</summary>
    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_mapped_port_is_met_by_its_listener_whatever_port_the_other_side_comes_from(ulong seed)
    {
        foreach (bool isCalled in new[] { true, false })
        {
            var mapped = NatProfile.FullCone;
            var pair = TcpPair.BehindNats(seed, true, true, alice: isCalled ? NatProfile.Symmetric : mapped, bob: isCalled ? mapped : NatProfile.Symmetric).Call();
            Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());

            var (atAlice, atBob) = (SocketInUse(pair.Alice, pair.Connection), SocketInUse(pair.Bob, pair.Bob.Opened));
            var (listening, connecting) = isCalled ? (atBob, atAlice) : (atAlice, atBob);
            Assert.True(listening.Value < 0, "what is accepted is numbered downwards");
            Assert.True(connecting.Value > 0);
            pair.AssertCarries();
        }

        static SocketId SocketInUse(SimulatedPeer peer, ConnectionHandle connection) => Assert.Single(peer.Machine.GetPaths(connection), static path => path.IsActive).Socket;
    }

    [Fact]
    public void Two_NATs_with_random_ports_are_not_guessed_at_and_the_verdict_says_so()
    {
        var pair = PeerPair.BehindNats(1, NatProfile.Symmetric, NatProfile.Symmetric, change: TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(() => pair.IsOpen, 2));

        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.RandomPortsBoth && pair.VerdictOfBob().Reason == VerdictReason.RandomPortsBoth, PunchTime + 1), pair.Say());
        Assert.InRange(pair.VerdictOfAlice().TcpAttempts, 1, 10); // the plain ones
        pair.AssertCarries();
    }

    [Fact]
    public void Firewalls_that_let_no_connection_cross_another_end_the_punch_in_time()
    {
        var pair = PeerPair.BehindNats(1, NatProfile.Strict, NatProfile.Strict, change: TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(() => pair.IsOpen, 2));

        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.NoAnswer && pair.VerdictOfBob().Reason == VerdictReason.NoAnswer, PunchTime + 1), pair.Say());
        Assert.Matches("none of [0-9]+ TCP attempts was answered", pair.VerdictOfAlice().Sentence);
    }

    [Fact]
    public void Where_UDP_is_blocked_and_TCP_does_not_help_the_verdict_tells_of_both()
    {
        var pair = TcpPair.BehindNats(1, true, false, alice: NatProfile.Strict, bob: NatProfile.Strict).Call();

        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.UdpBlockedHere && pair.VerdictOfBob().Reason == VerdictReason.UdpBlockedThere, 60), pair.Say());
        Assert.Contains("by TCP none of", pair.VerdictOfAlice().Sentence, StringComparison.Ordinal);
        Assert.Contains("by TCP none of", pair.VerdictOfBob().Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_TCP_never_comes_through_it_is_tried_ever_more_seldom()
    {
        // Each answers the other's SYNs with RST, and lets none cross another: hundreds of attempts for nothing.
        var profile = NatProfile.Resetting with { Tcp = NatProfile.Resetting.Tcp! with { TracksSimultaneousOpen = false } };
        var pair = PeerPair.BehindNats(1, profile, profile, change: TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(() => pair.VerdictOfAlice().Reason == VerdictReason.TcpRefused, PunchTime + 1), pair.Say());
        Assert.Contains("TCP attempts were refused", pair.VerdictOfAlice().Sentence, StringComparison.Ordinal);
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(3));
        long before = pair.Alice.Host.Traffic.SynsSent;

        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));

        // A punch in half a minute, every fourth of them by TCP.
        Assert.InRange(pair.Alice.Host.Traffic.SynsSent - before, 1, 6 * 1_000);
    }

    private static void AssertMeet(ulong seed, NatProfile alice, NatProfile bob)
    {
        var pair = PeerPair.BehindNats(seed, alice, bob, change: TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(pair.IsOnTcp, PunchTime), $"{alice} and {bob}: {pair.Say()}");
        pair.AssertCarries();
    }
}
