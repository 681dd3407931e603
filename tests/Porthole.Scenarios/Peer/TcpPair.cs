using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>What the scenarios of TCP paths share.</summary>
internal static class TcpPair
{
    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, PeerPair.Seeds).Select(seed => (ulong)seed)];

    public static PeerMachineOptions TcpOnly(PeerMachineOptions options) => options with { Transports = Transports.Tcp };

    /// <summary>Two peers behind NATs, each of which may keep UDP back.</summary>
    public static PeerPair BehindNats(
        ulong seed, bool isBlockedAtAlice, bool isBlockedAtBob, Func<PeerMachineOptions, PeerMachineOptions>? change = null, NatProfile? alice = null, NatProfile? bob = null)
    {
        var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
        var one = net.Simulation.Internet.AddNat("nat of alice", alice ?? NatProfile.PortRestricted, "203.0.113.1", link: LinkOptions.WithDelay(10));
        var other = net.Simulation.Internet.AddNat("nat of bob", bob ?? NatProfile.PortRestricted, "203.0.113.2", link: LinkOptions.WithDelay(10));
        (one.Link.BlocksUdp, other.Link.BlocksUdp) = (isBlockedAtAlice, isBlockedAtBob);
        return PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10", change: change), net.AddPeer("bob", other.Inside, "192.168.1.20", change: change));
    }

    public static void BlockUdp(PeerPair pair, bool isBlocked)
    {
        pair.Alice.Host.Network.Gateway!.Link.BlocksUdp = isBlocked;
        pair.Bob.Host.Network.Gateway!.Link.BlocksUdp = isBlocked;
    }

    public static PathKind? Kind(this PeerPair pair) => pair.Alice.PathOf(pair.Connection)?.Kind;

    /// <summary>Whether both sides send by TCP.</summary>
    public static bool IsOnTcp(this PeerPair pair) => pair.Kind() == PathKind.Tcp && pair.Bob.PathOf(pair.Bob.Opened) is { Kind: PathKind.Tcp };

    public static bool IsOnUdp(this PeerPair pair) => pair.Kind() == PathKind.Udp && pair.Bob.PathOf(pair.Bob.Opened) is { Kind: PathKind.Udp };

    public static PathVerdict VerdictOfAlice(this PeerPair pair) => pair.Alice.Machine.GetVerdict(pair.Connection);

    public static PathVerdict VerdictOfBob(this PeerPair pair) => pair.Bob.Machine.GetVerdict(pair.Bob.Opened);

    /// <summary>For messages of asserts.</summary>
    public static string Say(this PeerPair pair) => $"alice: {pair.VerdictOfAlice()}; bob: {pair.VerdictOfBob()}; {pair.Alice.Machine.Nat?.Tcp}; {pair.Bob.Machine.Nat?.Tcp}";

    /// <summary>Sends bytes both ways and sees them arrive.</summary>
    public static void AssertCarries(this PeerPair pair)
    {
        (long before, long beforeBack) = (pair.Bob.BytesReceived, pair.Alice.BytesReceived);
        pair.Alice.Send(pair.Connection, PeerPair.Payload(100_000));
        pair.Bob.Send(pair.Bob.Opened, PeerPair.Payload(100_000, salt: 5));
        Assert.True(pair.Until(() => pair.Bob.BytesReceived == before + 100_000 && pair.Alice.BytesReceived == beforeBack + 100_000, 10), "bytes arrive both ways");
    }
}
