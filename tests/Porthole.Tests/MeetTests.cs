using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

public sealed class MeetTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<PeerNode> _nodes = [];
    private readonly List<IdentityKey> _keys = [];
    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync(new RendezvousServerOptions { Lobby = true });

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        foreach (var key in _keys) key.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Strangers_meet_and_are_remembered_only_with_a_code(bool hasCode)
    {
        var code = hasCode ? PairingCode.Create(OperatingSystemEntropy.Instance) : null;
        var (alice, bob) = (await StartAsync(), await StartAsync());
        var (first, second) = await MeetAsync(alice, bob, code);

        Assert.Equal((bob.Id, alice.Id), (first.RemotePeerId, second.RemotePeerId));
        Assert.Equal((hasCode, hasCode), (first.IsAuthenticated, second.IsAuthenticated));
        Assert.NotEqual(first.IsIncoming, second.IsIncoming);
        await AssertTalkAsync(first, second);
        await alice.DisposeAsync(); // what is to be written is written then
        await bob.DisposeAsync();
        Assert.Equal(hasCode ? [bob.Id] : [], alice.Options.KnownPeers!.Peers.Select(static peer => peer.Key.PeerId));
        Assert.Equal(hasCode ? [alice.Id] : [], bob.Options.KnownPeers!.Peers.Select(static peer => peer.Key.PeerId));
    }

    [Fact]
    public async Task The_conversation_goes_on_when_both_have_left_the_server_and_it_is_gone()
    {
        var (alice, bob) = (await StartAsync(), await StartAsync());
        var (first, second) = await MeetAsync(alice, bob, PairingCode.Create(OperatingSystemEntropy.Instance));
        await first.WaitForDirectAsync(s_patience, Token);
        await second.WaitForDirectAsync(s_patience, Token);
        await alice.LeaveServerAsync();
        await bob.LeaveServerAsync();
        await _server.DisposeAsync();

        await AssertTalkAsync(first, second);
        Assert.True(first.Path.IsDirect);
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => alice.MeetAsync(null, Token))).Error);
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => alice.ConnectAsync(bob.Id.ToString(), Token))).Error);
        _server = await LoopbackServer.StartAsync();
    }

    [Fact]
    public async Task A_code_that_two_have_met_with_is_used_up()
    {
        var code = PairingCode.Create(OperatingSystemEntropy.Instance);
        var (alice, bob, carol) = (await StartAsync(), await StartAsync(), await StartAsync());
        var (first, second) = await MeetAsync(alice, bob, code);
        await Task.WhenAll(first.Confirmed, second.Confirmed).WaitAsync(s_patience, Token);
        var exception = await Assert.ThrowsAsync<PeerException>(() => carol.MeetAsync(code, Token).WaitAsync(s_patience, Token));
        Assert.Equal((PeerError.WrongCode, RendezvousError.CodeUsed.Text), (exception.Error, exception.Message));
    }

    [Fact]
    public async Task Waiting_can_be_taken_back()
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var alice = await StartAsync(happened =>
        {
            if (happened is PeerEvent.Waiting) waiting.TrySetResult();
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var meeting = alice.MeetAsync(null, stop.Token);
        await waiting.Task.WaitAsync(s_patience, Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => meeting);

        var (bob, carol) = (await StartAsync(), await StartAsync());
        var (first, _) = await MeetAsync(bob, carol, null); // and not alice
        Assert.Equal(carol.Id, first.RemotePeerId);
    }

    private async Task<PeerNode> StartAsync(Action<PeerEvent>? observer = null)
    {
        var key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        _keys.Add(key);
        var node = await PeerNode.StartAsync(LoopbackOptions.At(_server.Pinned, identity: key) with { Observer = observer }, Token);
        _nodes.Add(node);
        return node;
    }

    private static async Task<(PeerConnection First, PeerConnection Second)> MeetAsync(PeerNode one, PeerNode other, PairingCode? code)
    {
        var first = one.MeetAsync(code, Token);
        var second = other.MeetAsync(code, Token);
        return (await first.WaitAsync(s_patience, Token), await second.WaitAsync(s_patience, Token));
    }

    private static async Task AssertTalkAsync(PeerConnection first, PeerConnection second)
    {
        var (asking, answering) = first.IsIncoming ? (second, first) : (first, second);
        await using var there = await asking.OpenStreamAsync(Token);
        await there.WriteAsync("hello"u8.ToArray(), Token);
        there.CompleteWrites();
        await using var here = await answering.AcceptStreamAsync(Token).AsTask().WaitAsync(s_patience, Token);
        await here.CopyToAsync(here, Token).WaitAsync(s_patience, Token);
        here.CompleteWrites();
        Assert.Equal("hello", await new StreamReader(there).ReadToEndAsync(Token).WaitAsync(s_patience, Token));
    }
}
