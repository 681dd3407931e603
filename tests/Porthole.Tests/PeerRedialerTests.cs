using System.Threading.Channels;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Tests.Runtime;

namespace Porthole.Tests;

public sealed class PeerRedialerTests : IAsyncLifetime
{
    private LoopbackPeers _peers = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _peers = await LoopbackPeers.StartAsync();

    public ValueTask DisposeAsync() => _peers.DisposeAsync();

    [Fact]
    public async Task All_who_ask_are_given_one_connection()
    {
        await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        await using var redialer = await KeepAsync();
        Assert.Null(redialer.Current);
        var given = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => redialer.GetAsync(Token))).WaitAsync(LoopbackPeers.Patience, Token);
        Assert.Single(given.Distinct());
        Assert.Same(given[0], redialer.Current);
    }

    [Fact]
    public async Task When_the_peer_comes_back_it_is_found_again()
    {
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        await using var redialer = await KeepAsync();
        var events = EventsOf(redialer);
        var first = await GetAsync(redialer);
        await bob.DisposeAsync();
        Assert.Same(first, Assert.IsType<PeerRedialerEvent.Found>(await NextAsync(events)).Connection);
        var lost = Assert.IsType<PeerRedialerEvent.Lost>(await NextAsync(events));
        Assert.Equal(PeerError.ClosedByPeer, lost.End.Error);

        var waiting = redialer.GetAsync(Token);
        var failed = Assert.IsType<PeerRedialerEvent.Failed>(await NextAsync(events));
        Assert.Equal(PeerError.PeerOffline, failed.Reason.Error);
        await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var second = await waiting.WaitAsync(LoopbackPeers.Patience, Token);
        Assert.NotSame(first, second);
        Assert.False(second.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_replaced_connection_gives_its_place_to_another_and_stays_open()
    {
        var bob = await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        await using var redialer = await KeepAsync();
        var first = await GetAsync(redialer);
        redialer.Replace(first);
        var second = await GetAsync(redialer);
        Assert.NotSame(first, second);
        redialer.Replace(first); // not the current one any more
        Assert.Same(second, await GetAsync(redialer));

        await using var stream = await first.OpenStreamAsync(Token);
        await stream.WriteAsync(new byte[1], Token);
        await using var there = await (await bob.AcceptAsync(Token)).AcceptStreamAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);

        redialer.Replace(second);
        var third = await GetAsync(redialer);
        Assert.NotSame(second, third);
        Assert.Equal(PeerError.Closed, (await first.Closed.WaitAsync(LoopbackPeers.Patience, Token)).Error); // two are kept, not any number
        Assert.False(second.Closed.IsCompleted);
    }

    [Fact]
    public async Task What_cannot_be_replaced_is_given_again()
    {
        await _peers.StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await _peers.StartAsync("alice", change: static options => options with { ConnectTimeout = TimeSpan.FromSeconds(3) });
        await using var redialer = Keep(alice);
        var events = EventsOf(redialer);
        var connection = await GetAsync(redialer);
        await connection.WaitForDirectAsync(LoopbackPeers.Patience, Token);
        await _peers.StopServerAsync();
        while (alice.Server.IsRegistered) await Task.Delay(10, Token); // until it has heard of it
        for (int i = 0; i < 2; i++)
        {
            redialer.Replace(connection);
            Assert.Same(connection, await GetAsync(redialer));
        }

        var first = await NextAsync(events);
        while (first is PeerRedialerEvent.Failed) first = await NextAsync(events); // a slow machine may not find the peer in so short a time
        Assert.IsType<PeerRedialerEvent.Found>(first);
        Assert.Equal(PeerError.ServerUnreachable, Assert.IsType<PeerRedialerEvent.Failed>(await NextAsync(events)).Reason.Error);
    }

    [Fact]
    public async Task Who_refuses_is_not_asked_again()
    {
        await _peers.StartAsync("bob", AcceptPolicy.Known);
        await using var redialer = await KeepAsync();
        var events = EventsOf(redialer);
        for (int i = 0; i < 2; i++)
        {
            var error = await Assert.ThrowsAsync<PeerException>(() => GetAsync(redialer));
            Assert.Equal(PeerError.Refused, error.Error);
        }

        Assert.IsType<PeerRedialerEvent.Ended>(await NextAsync(events));
    }

    [Fact]
    public async Task Pauses_grow_from_a_quarter_of_a_second_to_ten_seconds_and_can_be_ended()
    {
        var clock = new ManualTimeProvider();
        var attempts = Channel.CreateUnbounded<int>();
        await using var redialer = new PeerRedialer(
            _ =>
            {
                attempts.Writer.TryWrite(0);
                throw new PeerException(PeerError.PeerOffline, "bob is offline.");
            },
            clock);
        var events = EventsOf(redialer);
        redialer.Start();
        redialer.Start();
        foreach (double seconds in (double[])[0.25, 0.5, 1, 2, 4, 8, 10, 10])
        {
            await attempts.Reader.ReadAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
            Assert.Equal(seconds, Assert.IsType<PeerRedialerEvent.Failed>(await NextAsync(events)).Pause.TotalSeconds);
            while (!attempts.Reader.TryPeek(out _))
            {
                clock.Advance(TimeSpan.FromSeconds(seconds)); // the pause begins just after it is told
                await Task.Yield();
            }
        }

        await NextAsync(events);
        await attempts.Reader.ReadAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
        redialer.DialNow();
        await attempts.Reader.ReadAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);
    }

    [Fact]
    public async Task Who_waits_is_told_when_it_is_given_up()
    {
        var redialer = await KeepAsync();
        var waiting = redialer.GetAsync(Token);
        using var cancel = new CancellationTokenSource();
        var impatient = redialer.GetAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        await redialer.DisposeAsync();
        await redialer.DisposeAsync();
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => waiting)).Error);
        Assert.Equal(PeerError.Closed, (await Assert.ThrowsAsync<PeerException>(() => GetAsync(redialer))).Error);
    }

    private static Task<PeerConnection> GetAsync(PeerRedialer redialer) => redialer.GetAsync(Token).WaitAsync(LoopbackPeers.Patience, Token);

    private static Channel<PeerRedialerEvent> EventsOf(PeerRedialer redialer)
    {
        var events = Channel.CreateUnbounded<PeerRedialerEvent>();
        redialer.Changed += (_, happened) => events.Writer.TryWrite(happened);
        return events;
    }

    private static Task<PeerRedialerEvent> NextAsync(Channel<PeerRedialerEvent> events) => events.Reader.ReadAsync(Token).AsTask().WaitAsync(LoopbackPeers.Patience, Token);

    private async Task<PeerRedialer> KeepAsync() => Keep(await _peers.StartAsync("alice"));

    private static PeerRedialer Keep(PeerNode node) => new(node, new PeerTarget("bob", null));
}
