using Porthole.Lab.Nat;
using Porthole.Testing;

namespace Porthole.Tests.Testing;

/// <summary>Alone, because it counts the threads and descriptors of the whole process.</summary>
[Collection<Alone>]
public sealed class TestNetworkLeakTests
{
    [Fact]
    public async Task A_network_opens_no_socket_and_leaves_no_thread_behind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and descriptors are counted in /proc.");
        int before = OwnProcess.Sockets();
        for (int i = 0; i < 2; i++)
        {
            await using var net = await PortholeTestNetwork.StartAsync();
            var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
            var alice = await net.StartPeerAsync("alice", NatProfile.SymmetricSequential, cancellationToken: TestPeers.Token);
            var (there, here) = await TestPeers.ConnectAsync(alice, bob);
            await TestPeers.ExchangeAsync(there, here);
            Assert.True(OwnProcess.Sockets() <= before, "A socket was opened.");
            Assert.True(OwnProcess.Threads("porthole") > 0);
        }

        await TestPeers.UntilAsync(static () => OwnProcess.Threads("porthole") == 0, static () => $"{OwnProcess.Threads("porthole")} threads are left.");
    }
}
