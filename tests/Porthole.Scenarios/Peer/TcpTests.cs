using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>Direct paths by TCP: where UDP is blocked, and where TCP is all that is wanted.</summary>
public sealed class TcpTests
{
    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, PeerPair.Seeds).Select(seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Two_peers_who_want_TCP_only_meet_by_simultaneous_open(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted, change: TcpOnly).Call();

        Assert.True(pair.Until(() => pair.IsDirect, 3), Say(pair));

        Assert.Equal(PathKind.Tcp, pair.Alice.PathOf(pair.Connection)!.Kind);
        byte[] sent = PeerPair.Payload(100_000);
        pair.Alice.Send(pair.Connection, sent);
        Assert.True(pair.Until(() => pair.Bob.BytesReceived == sent.Length, 10));
        Assert.Equal(sent, Assert.Single(pair.Bob.Received));
    }

    private static PeerMachineOptions TcpOnly(PeerMachineOptions options) => options with { Transports = Transports.Tcp };

    private static string Say(PeerPair pair) => $"{pair.Alice.Machine.GetVerdict(pair.Connection)} / {pair.Bob.Machine.GetVerdict(pair.Bob.Opened)}";
}
