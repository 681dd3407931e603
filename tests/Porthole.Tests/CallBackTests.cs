using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests;

public sealed class CallBackTests : IAsyncLifetime
{
    private LoopbackPeers _peers = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _peers = await LoopbackPeers.StartAsync();

    public ValueTask DisposeAsync() => _peers.DisposeAsync();

    [Fact]
    public async Task Who_calls_back_gets_the_connection_and_the_call_that_rang_has_ended()
    {
        var (alice, bob) = (await _peers.StartAsync("alice", AcceptPolicy.Ask), await _peers.StartAsync("bob", AcceptPolicy.Ask));
        var calling = bob.ConnectAsync("alice", Token);
        var call = await alice.AcceptCallAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);

        await using var back = await alice.ConnectAsync("bob", Token).WaitAsync(LoopbackPeers.Patience, Token);
        await using var called = await calling.WaitAsync(LoopbackPeers.Patience, Token);
        await call.Ended.WaitAsync(LoopbackPeers.Patience, Token);

        Assert.Equal((bob.Id, alice.Id, false), (back.RemotePeerId, called.RemotePeerId, back.IsIncoming));
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => call.AcceptAsync(Token).WaitAsync(LoopbackPeers.Patience, Token))).Error);
        var sent = await called.OpenStreamAsync(Token);
        await sent.WriteAsync("hello"u8.ToArray(), Token);
        var received = await back.AcceptStreamAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
        byte[] bytes = new byte[5];
        await received.ReadExactlyAsync(bytes, Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
        Assert.Equal("hello"u8.ToArray(), bytes);
    }
}
