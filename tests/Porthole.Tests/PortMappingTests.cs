using System.Collections.Concurrent;
using System.Collections.Immutable;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Tests;

/// <summary>That no real router hears of these tests: where the server is on the same host, no gateway is asked for anything.</summary>
public sealed class PortMappingTests
{
    [Fact]
    public async Task With_a_server_on_the_same_host_no_gateway_is_asked()
    {
        await using var server = await LoopbackServer.StartAsync();
        var network = new WatchedNetwork();
        await using var node = await PeerNode.StartAsync(
            new PeerOptions
            {
                Server = server.Pinned,
                Identity = IdentityKey.Generate(OperatingSystemEntropy.Instance),
                KnownPeers = KnownPeers.InMemory(),
                KnownServers = KnownServers.InMemory(),
                Network = network,
            },
            TestContext.Current.CancellationToken);
        while (node.Nat is not { IsComplete: true }) await Task.Delay(20, TestContext.Current.CancellationToken);
        await node.GetPeersAsync(TestContext.Current.CancellationToken); // whatever was to be asked for is asked for by now

        Assert.DoesNotContain(network.Requests, static request => request is SocketRequest.HttpAsk or SocketRequest.UdpBind { IsMulticast: true });
        Assert.Empty(node.MappedPorts);
        Assert.Null(node.PortMappingProblem);
    }

    /// <summary>This host's network with a gateway that is not there: what would be sent to it goes nowhere.</summary>
    private sealed class WatchedNetwork : INetwork
    {
        private readonly RealNetwork _real = new() { UseLoopback = true };

        public ConcurrentQueue<SocketRequest> Requests { get; } = new();

        public ImmutableArray<TransportAddress> LocalAddresses => [TransportAddress.Parse("127.0.0.1:0")];

        public ImmutableArray<TransportAddress> Gateways => [TransportAddress.Parse("10.255.255.254:0")];

        public IDisposable WatchAddresses(Action<ImmutableArray<TransportAddress>> changed) => _real.WatchAddresses(_ => { });

        public INetworkSocket Open(SocketRequest request, ISocketInbox inbox)
        {
            Requests.Enqueue(request);
            return _real.Open(request, inbox);
        }
    }
}
