using System.Diagnostics;
using System.Net;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Testing;

namespace Porthole.Tests.Testing;

/// <summary>What a test can do to a network, and what real nodes make of it.</summary>
public sealed class TroubleTests : IAsyncLifetime
{
    private PortholeTestNetwork _net = null!;
    private PeerNode _alice = null!;
    private PeerNode _bob = null!;
    private PeerConnection _there = null!;
    private PeerConnection _here = null!;

    public async ValueTask InitializeAsync()
    {
        _net = await PortholeTestNetwork.StartAsync();
        _bob = await _net.StartPeerAsync("bob", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        _alice = await _net.StartPeerAsync("alice", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        (_there, _here) = await TestPeers.ConnectAsync(_alice, _bob);
        try
        {
            await TestPeers.UntilAsync(() => _there.Path.Kind == PathKind.Udp && _here.Path.Kind == PathKind.Udp, Describe);
        }
        catch
        {
            await _net.DisposeAsync(); // nobody else does, and threads that are left are counted elsewhere
            throw;
        }
    }

    public ValueTask DisposeAsync() => _net.DisposeAsync();

    [Fact]
    public async Task A_cut_path_is_left_for_the_relay_and_a_healed_one_found_again()
    {
        _net.CutPath(_alice, _bob);
        _net.CutPath(_bob, _alice); // a second cut is the first one
        await UntilAsync(() => _there.Path.Kind == PathKind.Relay);
        Assert.Contains("the path is cut", _net.Trace, StringComparison.Ordinal);

        _net.Heal(_bob, _alice);
        await TestPeers.UntilAsync(() => _there.Path.IsDirect);
        await TestPeers.ExchangeAsync(_there, _here);
    }

    [Fact]
    public async Task A_direct_path_outlives_the_server_and_peers_come_back_to_a_new_one()
    {
        _net.StopServer();
        _net.StopServer();
        await TestPeers.UntilAsync(() => !_alice.Server.IsRegistered && !_bob.Server.IsRegistered);
        await TestPeers.ExchangeAsync(_there, _here);
        Assert.True(_there.Path.IsDirect);

        _net.StartServer();
        _net.StartServer();
        await TestPeers.UntilAsync(() => _alice.Server.IsRegistered && _bob.Server.IsRegistered);
        var (again, there) = await TestPeers.ConnectAsync(_bob, _alice);
        await TestPeers.ExchangeAsync(again, there);
    }

    [Fact]
    public async Task A_peer_that_changes_its_network_keeps_its_connection()
    {
        await MovesAsync(() => _net.ChangeNetwork(_alice, NatProfile.Restricted));
        await MovesAsync(() => _net.ChangeNetwork(_alice));

        async Task MovesAsync(Action change)
        {
            var before = _here.Path.Remote;
            change();
            await UntilAsync(() => _here.Path.IsDirect && _here.Path.Remote != before);
        }
    }

    [Fact]
    public async Task UDP_that_is_blocked_leaves_TCP_or_the_relay()
    {
        _net.BlockUdp(_alice);
        await UntilAsync(() => _there.Path.Kind != PathKind.Udp);
        _net.BlockUdp(_alice, isBlocked: false);
        await TestPeers.ExchangeAsync(_there, _here);
    }

    [Fact]
    public async Task A_cable_that_is_pulled_for_a_while_breaks_nothing()
    {
        _net.Unplug(_alice);
        var exchanging = TestPeers.ExchangeAsync(_there, _here);
        await TestPeers.UntilAsync(() => _net.Trace.Contains("the link is down", StringComparison.Ordinal));
        Assert.False(exchanging.IsCompleted);
        _net.Unplug(_alice, isUnplugged: false);
        await exchanging;
    }

    [Fact]
    public async Task What_is_lost_late_or_slow_arrives_whole()
    {
        _net.ChangeLink(_alice, static link => link with { Loss = 0.05, Jitter = TimeSpan.FromMilliseconds(3) });
        await TestPeers.ExchangeAsync(_there, _here, 200_000);
        Assert.Contains("lost on the link", _net.Trace, StringComparison.Ordinal);
        _net.ChangeLink(_alice, static link => link with { Loss = 0, BitsPerSecond = 10_000_000 });
        await TestPeers.ExchangeAsync(_there, _here, 200_000);
    }

    [Fact]
    public async Task Datagrams_arrive_unless_all_are_lost()
    {
        await ArrivesAsync("one"u8.ToArray());
        _net.ChangeLink(_bob, static link => link with { Loss = 1 });
        _there.SendDatagram("two"u8);
        await TestPeers.UntilAsync(() => _net.Trace.Contains("lost on the link", StringComparison.Ordinal));
        _net.ChangeLink(_bob, static link => link with { Loss = 0 });
        await ArrivesAsync("three"u8.ToArray());
    }

    [Fact]
    public void What_is_asked_of_the_wrong_network_is_refused()
    {
        Assert.Throws<ArgumentException>(() => _net.CreateOptions("ALICE"));
        Assert.Throws<ArgumentException>(() => _net.CreateOptions("no name"));
        Assert.Throws<ArgumentOutOfRangeException>(() => _net.ChangeLink(_alice, static link => link with { Loss = 2 }));
        Assert.Equal(IPAddress.Parse("198.51.100.1"), IPAddress.Parse(_net.Server.Uri.Host));
    }

    // A connection finds out about its path by using it.
    private async Task UntilAsync(Func<bool> isSo)
    {
        var began = Stopwatch.GetTimestamp();
        do
        {
            await TestPeers.ExchangeAsync(_there, _here);
            Assert.True(Stopwatch.GetElapsedTime(began) < TestPeers.Patience, Describe());
        }
        while (!isSo());
    }

    private string Describe() => $"{_here.Path}\n{_here.Verdict}\n{_there.Path}\n{_there.Verdict}\n{_alice.Server} {_bob.Server}\n{_net.Trace}";

    /// <summary>Sends a datagram until it arrives: one that meets a stall on its way may be lost.</summary>
    private async Task ArrivesAsync(byte[] datagram)
    {
        long began = Stopwatch.GetTimestamp();
        do
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TestPeers.Patience, Describe());
            _there.SendDatagram(datagram);
        }
        while (!await ReceivesAsync(datagram));
    }

    private async Task<bool> ReceivesAsync(byte[] expected)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestPeers.Token);
        late.CancelAfter(TimeSpan.FromMilliseconds(100));
        try
        {
            return (await _here.ReceiveDatagramAsync(late.Token)).Span.SequenceEqual(expected);
        }
        catch (OperationCanceledException) when (!TestPeers.Token.IsCancellationRequested)
        {
            return false;
        }
    }
}
