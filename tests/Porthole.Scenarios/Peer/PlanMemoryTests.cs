using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Two sessions in a row between the same two networks: what led to a direct path in the first is tried soon in the second, and harms nothing where it fits no more.</summary>
public sealed class PlanMemoryTests
{
    /// <summary>How long a session may take to be direct where ports are guessed.</summary>
    private const double Late = 6;

    private static readonly LinkOptions s_link = LinkOptions.WithDelay(10);

    /// <summary>By UDP a port is drawn for every destination; by TCP one serves all.</summary>
    private static readonly NatProfile s_easyByTcp = NatProfile.Symmetric with
    {
        Name = "hard by UDP alone",
        Tcp = new NatTcpProfile { Mapping = NatMapping.EndpointIndependent, Allocation = new PortAllocation.Preserve() },
    };

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    [Theory]
    [MemberData(nameof(SeedList))]
    public void What_worked_comes_right_after_the_plain_method_in_the_next_session(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, s_easyByTcp, NatProfile.PortRestricted);
        var first = Meet(pair);
        Assert.Null(first.Alice.Hint);
        AssertOrder(first, PunchMethod.Plain, PunchMethod.Spray, PunchMethod.Tcp);
        Assert.Equal(PunchMethod.Tcp, first.Alice.Method);

        var second = Meet(pair);
        Assert.Equal((PunchMethod.Tcp, PunchMethod.Tcp), (second.Alice.Hint, second.Bob.Hint));
        AssertOrder(second, PunchMethod.Plain, PunchMethod.Tcp, PunchMethod.Spray);
    }

    /// <summary>The router of one side was exchanged for another of the same provider, and the method is not in any plan.</summary>
    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_hint_that_fits_no_more_is_passed_over(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, HardPair.Counting(1), NatProfile.PortRestricted, change: UdpOnly);
        Assert.Equal(PunchMethod.Predict, Meet(pair).Alice.Method);

        Exchange(pair, NatProfile.PortRestricted);
        var second = Meet(pair);
        Assert.Equal((PunchMethod.Predict, PunchMethod.Predict), (second.Alice.Hint, second.Bob.Hint));
        AssertOrder(second, PunchMethod.Plain, PunchMethod.Opener, PunchMethod.Relay);
        Assert.Equal(PunchMethod.Plain, second.Alice.Method);
    }

    /// <summary>The method is in the plans and leads nowhere: the others are tried as without a hint.</summary>
    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_hint_that_misleads_does_not_keep_the_others_back(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, s_easyByTcp, NatProfile.PortRestricted);
        Assert.Equal(PunchMethod.Tcp, Meet(pair).Alice.Method);

        Exchange(pair, HardPair.Counting(1) with { Tcp = new NatTcpProfile { Mapping = NatMapping.AddressAndPortDependent, Allocation = new PortAllocation.Random() } });
        var second = Meet(pair);
        Assert.Equal((PunchMethod.Tcp, PunchMethod.Tcp), (second.Alice.Hint, second.Bob.Hint));
        AssertOrder(second, PunchMethod.Plain, PunchMethod.Tcp, PunchMethod.Predict);
        Assert.Equal(PunchMethod.Predict, second.Alice.Method);
    }

    /// <summary>Nothing leads to a direct path any more: the session is relayed, and a few such end the memory.</summary>
    [Fact]
    public void A_hint_without_hope_leaves_the_session_to_the_relay_and_is_forgotten()
    {
        var pair = PeerPair.BehindNats(1, HardPair.Counting(1), NatProfile.PortRestricted, change: UdpOnly);
        Assert.Equal(PunchMethod.Predict, Meet(pair).Alice.Method);

        pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host);
        PunchMethod? hint = PunchMethod.Predict;
        for (int session = 0; session < 4 && hint is not null; session++)
        {
            Open(pair);
            hint = pair.VerdictOfAlice().Hint;
            pair.AssertCarries();
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(30)); // until the punch is given up
            Assert.False(pair.IsDirect);
            End(pair);
        }

        Assert.Null(hint);
    }

    private static (PathVerdict Alice, PathVerdict Bob) Meet(PeerPair pair)
    {
        Open(pair);
        Assert.True(pair.Until(() => pair.IsDirect, Late), pair.Say());
        pair.AssertCarries();
        var verdicts = (pair.VerdictOfAlice(), pair.VerdictOfBob());
        End(pair);
        return verdicts;
    }

    private static void Open(PeerPair pair)
    {
        var before = pair.Bob.Opened;
        pair.Call();
        Assert.True(pair.Until(() => pair.IsOpen && pair.Bob.Opened != before, 5), "open");
    }

    private static void End(PeerPair pair)
    {
        pair.Alice.Invoke((machine, now) => machine.Close(now, pair.Connection, 0, ""));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(5));
    }

    private static void Exchange(PeerPair pair, NatProfile profile)
    {
        var router = pair.Net.Simulation.Internet.AddNat("new nat of alice", profile, "203.0.113.9", inside: "192.168.9.0/24", link: s_link);
        pair.Alice.Host.Move(router.Inside, "192.168.9.10");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(20)); // registered again, and probed
    }

    private static void AssertOrder((PathVerdict Alice, PathVerdict Bob) session, params PunchMethod[] start)
    {
        Assert.Equal(start, session.Alice.Planned.Take(start.Length));
        Assert.Equal(start, session.Bob.Planned.Take(start.Length));
    }

    private static PeerMachineOptions UdpOnly(PeerMachineOptions options) => options with { Transports = Transports.Udp };
}
