using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

public sealed class AllowTests : IAsyncLifetime
{
    private LoopbackPeers _peers = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _peers = await LoopbackPeers.StartAsync();

    public ValueTask DisposeAsync() => _peers.DisposeAsync();

    [Fact]
    public async Task Whoever_was_met_by_a_code_may_call_again_and_nobody_else_may()
    {
        var (alice, bob, carol) = (await StartAsync("alice"), await StartAsync("bob"), await StartAsync("carol"));
        var code = PairingCode.Create(OperatingSystemEntropy.Instance);
        var meeting = bob.MeetAsync(code, Token);
        await (await alice.MeetAsync(code, Token).WaitAsync(LoopbackPeers.Patience, Token)).CloseAsync();
        await bob.AllowAsync((await meeting.WaitAsync(LoopbackPeers.Patience, Token)).RemotePeerId, Token);

        await using var again = await alice.ConnectAsync(bob.Id.ToString(), Token).WaitAsync(LoopbackPeers.Patience, Token);
        await using var taken = await bob.AcceptAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
        Assert.Equal((bob.Id, alice.Id), (again.RemotePeerId, taken.RemotePeerId));
        var refused = await Assert.ThrowsAsync<PeerException>(() => carol.ConnectAsync(bob.Id.ToString(), Token).WaitAsync(LoopbackPeers.Patience, Token));
        Assert.Equal(PeerError.Refused, refused.Error);
    }

    [Fact]
    public async Task As_many_are_allowed_as_a_server_takes()
    {
        var bob = await StartAsync("bob");
        for (int i = 0; i < RendezvousLimits.MaxListedPeers; i++) await bob.AllowAsync(IdOf(i), Token);
        await bob.AllowAsync(IdOf(0), Token); // is on the list
        Assert.Equal(PeerError.LimitReached, (await Assert.ThrowsAsync<PeerException>(() => bob.AllowAsync(IdOf(RendezvousLimits.MaxListedPeers), Token))).Error);
    }

    private Task<PeerNode> StartAsync(string name) => _peers.StartAsync(name, AcceptPolicy.Known);

    private static PeerId IdOf(int number)
    {
        byte[] bytes = new byte[PeerId.Size];
        BitConverter.TryWriteBytes(bytes, number + 1);
        return new PeerId(bytes);
    }
}
