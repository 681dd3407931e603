using Porthole.Lab.Nat;
using Porthole.Testing;

namespace Porthole.Tests.Testing;

public sealed class TestNetworkTests
{
    [Fact]
    public async Task Two_peers_behind_NATs_meet_and_talk_with_no_socket()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        var path = await there.WaitForDirectAsync(TestPeers.Patience, TestPeers.Token);
        Assert.True(path.IsDirect);
        await TestPeers.ExchangeAsync(there, here);
        Assert.Contains("nat1 is a port-restricted", net.Trace, StringComparison.Ordinal);
    }
}
