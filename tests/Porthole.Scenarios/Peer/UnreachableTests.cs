using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Routers that answer what they do not let in with ICMP errors: a spray takes the hint.</summary>
public sealed class UnreachableTests
{
    /// <summary>What a spray may have sent when it hears of the eighth error: 200 a second for a round trip of 80 ms, and what it sends while errors are few.</summary>
    private const int MostPackets = 60;

    private static readonly NatProfile s_rejecting = NatProfile.PortRestricted with { Name = "port-restricted, rejecting", RejectsDatagrams = true };

    private static readonly NatProfile s_rejectingRandom = NatProfile.Symmetric with { Name = "symmetric, rejecting", RejectsDatagrams = true };

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_burst_of_errors_ends_a_spray_of_ports(ulong seed)
    {
        var hard = HardPair.Meet(seed, NatProfile.PortRestricted, s_rejectingRandom, 4);

        AssertRefused(hard.AliceVerdict);
        AssertStillWorks(hard);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_burst_of_errors_ends_a_spray_of_sockets(ulong seed)
    {
        var hard = HardPair.Meet(seed, NatProfile.Symmetric, s_rejecting, 4);

        AssertRefused(hard.AliceVerdict);
        Assert.Equal(1, hard.Pair.Alice.Host.SocketsOpen);
        AssertStillWorks(hard);
    }

    /// <summary>Errors that are few, as of a single check that comes too early, end nothing.</summary>
    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_few_errors_do_not_matter(ulong seed)
    {
        HardPair.AssertMeet(seed, s_rejecting, s_rejecting, 3, PunchMethod.Plain);
        HardPair.AssertMeet(seed, HardPair.Counting(1) with { RejectsDatagrams = true }, s_rejecting, 3, PunchMethod.Predict);
    }

    private static void AssertRefused(PathVerdict verdict)
    {
        var spray = Assert.Single(verdict.Tried, static attempt => attempt.Method == PunchMethod.Spray);
        Assert.Equal(AttemptOutcome.Refused, spray.Outcome);
        Assert.Matches(@"^met ([89]|\d\d) ICMP errors$", spray.Detail);
        Assert.InRange(spray.Packets, 8, MostPackets);
    }

    private static void AssertStillWorks(HardPair hard)
    {
        Assert.Null(hard.Direct);
        Assert.DoesNotContain(hard.Pair.Alice.Events, static entry => entry.Event is PeerEvent.Failed or PeerEvent.SocketsFailed);
        hard.Pair.AssertCarries();
    }
}
