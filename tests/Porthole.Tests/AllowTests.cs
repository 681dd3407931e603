using System.Net;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

public sealed class AllowTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly List<PeerNode> _nodes = [];
    private readonly List<IdentityKey> _keys = [];
    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        foreach (var key in _keys) key.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_was_met_by_a_code_may_call_again_and_nobody_else_may()
    {
        var (alice, bob, carol) = (await StartAsync(), await StartAsync(), await StartAsync());
        var code = PairingCode.Create(OperatingSystemEntropy.Instance);
        var meeting = bob.MeetAsync(code, Token);
        await (await alice.MeetAsync(code, Token).WaitAsync(s_patience, Token)).CloseAsync();
        await bob.AllowAsync((await meeting.WaitAsync(s_patience, Token)).RemotePeerId);

        await using var again = await alice.ConnectAsync(bob.Id.ToString(), Token).WaitAsync(s_patience, Token);
        await using var taken = await bob.AcceptAsync(Token).AsTask().WaitAsync(s_patience, Token);
        Assert.Equal((bob.Id, alice.Id), (again.RemotePeerId, taken.RemotePeerId));
        var refused = await Assert.ThrowsAsync<PeerException>(() => carol.ConnectAsync(bob.Id.ToString(), Token).WaitAsync(s_patience, Token));
        Assert.Equal(PeerError.Refused, refused.Error);
    }

    [Fact]
    public async Task As_many_are_allowed_as_a_server_takes()
    {
        var bob = await StartAsync();
        for (int i = 0; i < RendezvousLimits.MaxListedPeers; i++) await bob.AllowAsync(IdOf(i));
        await bob.AllowAsync(IdOf(0)); // is on the list
        Assert.Equal(PeerError.LimitReached, (await Assert.ThrowsAsync<PeerException>(() => bob.AllowAsync(IdOf(RendezvousLimits.MaxListedPeers)))).Error);
    }

    private static PeerId IdOf(int number)
    {
        byte[] bytes = new byte[PeerId.Size];
        BitConverter.TryWriteBytes(bytes, number + 1);
        return new PeerId(bytes);
    }

    private async Task<PeerNode> StartAsync()
    {
        var key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        _keys.Add(key);
        var options = new PeerOptions
        {
            Server = _server.Pinned,
            Identity = key,
            KnownPeers = KnownPeers.InMemory(),
            KnownServers = KnownServers.InMemory(),
            BindAddress = IPAddress.Loopback,
            Accept = AcceptPolicy.Known,
        };
        var node = await PeerNode.StartAsync(options, Token);
        _nodes.Add(node);
        return node;
    }
}
