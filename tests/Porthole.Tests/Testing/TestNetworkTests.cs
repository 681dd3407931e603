using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
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

    [Fact]
    public async Task Networks_do_not_know_of_each_other()
    {
        await Task.WhenAll(Enumerable.Range(1, 6).Select(static async seed =>
        {
            await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { Seed = (ulong)seed });
            var bob = await net.StartPeerAsync("bob", NatProfile.Restricted, cancellationToken: TestPeers.Token);
            var alice = await net.StartPeerAsync("alice", cancellationToken: TestPeers.Token);
            var (there, here) = await TestPeers.ConnectAsync(alice, bob);
            Assert.Equal(bob.Id, there.RemotePeerId);
            await TestPeers.ExchangeAsync(there, here);
        }));
    }

    [Fact]
    public async Task The_relay_carries_much_where_nothing_else_is_allowed()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", configure: RelayAlone, cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.Symmetric, RelayAlone, TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        await TestPeers.ExchangeAsync(there, here, 2_000_000);
        Assert.Equal(PathKind.Relay, there.Path.Kind);

        static PeerOptions RelayAlone(PeerOptions options) => options with { Transports = Transports.None };
    }

    [Fact]
    public async Task A_network_ends_in_the_middle_of_everything()
    {
        var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", NatProfile.FullCone, cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.Symmetric, cancellationToken: TestPeers.Token);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        await using var stream = await there.OpenStreamAsync(TestPeers.Token);
        await stream.WriteAsync(new byte[1], TestPeers.Token);
        await using var other = await here.AcceptStreamAsync(TestPeers.Token);
        var reading = other.CopyToAsync(Stream.Null, TestPeers.Token);
        var writing = WriteForEverAsync(stream);
        var calling = alice.ConnectAsync("nobody-yet", TestPeers.Token);

        await net.DisposeAsync().AsTask().WaitAsync(TestPeers.Patience, TestPeers.Token);
        await Assert.ThrowsAnyAsync<Exception>(() => writing.WaitAsync(TestPeers.Patience, TestPeers.Token));
        await Task.WhenAny(reading).WaitAsync(TestPeers.Patience, TestPeers.Token);
        await Assert.ThrowsAsync<PeerException>(() => calling.WaitAsync(TestPeers.Patience, TestPeers.Token));
        await there.Closed.WaitAsync(TestPeers.Patience, TestPeers.Token);
        Assert.Throws<ObjectDisposedException>(() => net.Trace);
        Assert.Throws<ObjectDisposedException>(() => net.CutPath(alice, bob));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => net.StartPeerAsync("carol", cancellationToken: TestPeers.Token));
        await net.DisposeAsync();
    }

    [Fact]
    public async Task A_node_that_outlives_its_network_can_still_be_closed()
    {
        var net = await PortholeTestNetwork.StartAsync();
        var node = await PeerNode.StartAsync(net.CreateOptions("alice", NatProfile.Restricted), TestPeers.Token);
        await net.DisposeAsync();
        await node.DisposeAsync().AsTask().WaitAsync(TestPeers.Patience, TestPeers.Token);
    }

    [Fact]
    public async Task A_peer_that_is_closed_may_start_again_on_its_host()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.Restricted, cancellationToken: TestPeers.Token);
        await alice.DisposeAsync();
        await using var again = await PeerNode.StartAsync(alice.Options, TestPeers.Token);
        Assert.Equal(alice.Id, again.Id);
        var (there, here) = await TestPeers.ConnectAsync(again, bob);
        await TestPeers.ExchangeAsync(there, here);
        net.CutPath(again, bob); // it is known by its host
    }

    [Fact]
    public async Task The_network_and_its_peers_have_one_clock()
    {
        var clock = new FastClock(speed: 4);
        var began = clock.GetUtcNow();
        await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { TimeProvider = clock, Latency = TimeSpan.FromMilliseconds(200) });
        var bob = await net.StartPeerAsync("bob", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        var alice = await net.StartPeerAsync("alice", NatProfile.PortRestricted, cancellationToken: TestPeers.Token);
        Assert.Same(clock, alice.Options.TimeProvider);
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        await there.WaitForDirectAsync(TestPeers.Patience * 4, TestPeers.Token);
        await TestPeers.ExchangeAsync(there, here);
        Assert.True(there.Path.RoundTrip >= TimeSpan.FromMilliseconds(399), $"{there.Path}"); // by that clock; on the system's it is a quarter
        Assert.True(clock.GetUtcNow() - began > TimeSpan.FromSeconds(2)); // a registration and a call are some ten of 200 ms
    }

    [Fact]
    public async Task A_seed_and_a_name_make_a_key()
    {
        await using var first = await PortholeTestNetwork.StartAsync();
        await using var second = await PortholeTestNetwork.StartAsync();
        await using var third = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { Seed = 2 });
        _ = second.CreateOptions("bob");
        var ids = new[] { first, second, third }.Select(static net => net.CreateOptions("alice").Identity!.PeerId).ToArray();
        Assert.Equal(ids[0], ids[1]);
        Assert.NotEqual(ids[0], ids[2]);
    }

    [Fact]
    public async Task A_stopped_server_says_so_to_who_starts()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        net.StopServer();
        var failure = await Assert.ThrowsAsync<PeerException>(() => net.StartPeerAsync(
            "alice", configure: static options => options with { StartTimeout = TimeSpan.FromSeconds(2) }, cancellationToken: TestPeers.Token));
        Assert.Contains(failure.Error, (PeerError[])[PeerError.ServerUnreachable, PeerError.TimedOut]);
        net.StartServer();
        Assert.Equal("alice", (await net.StartPeerAsync("alice", cancellationToken: TestPeers.Token)).Name); // the name is free again
    }

    [Fact]
    public async Task A_NAT_of_another_network_is_refused()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        await using var other = await PortholeTestNetwork.StartAsync();
        var nat = other.AddNat(NatProfile.Carrier);
        var stranger = await other.StartPeerAsync("alice", nat, cancellationToken: TestPeers.Token);
        var bob = await net.StartPeerAsync("bob", cancellationToken: TestPeers.Token);
        await Assert.ThrowsAsync<ArgumentException>(() => net.StartPeerAsync("carol", nat, cancellationToken: TestPeers.Token));
        Assert.Throws<ArgumentException>(() => net.AddNat(NatProfile.FullCone, new TestNatOptions { Behind = nat }));
        Assert.Throws<ArgumentException>(() => net.CutPath(stranger, bob));
        Assert.Throws<ArgumentException>(() => net.ChangeNetwork(bob, nat));
    }

    [Fact]
    public async Task A_trace_keeps_the_newest_lines()
    {
        await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { TraceLines = 3 });
        await using var silent = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { TraceLines = 0 });
        for (int i = 0; i < 5; i++) (net.AddNat(NatProfile.Carrier), silent.AddNat(NatProfile.Carrier)).ToString();
        string[] lines = net.Trace.TrimEnd().Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Equal("... 2 earlier lines", lines[0]);
        Assert.Contains("nat5", lines[^1], StringComparison.Ordinal);
        Assert.Empty(silent.Trace);
    }

    private static async Task WriteForEverAsync(PeerStream stream)
    {
        byte[] bytes = new byte[10_000];
        while (true) await stream.WriteAsync(bytes, TestPeers.Token);
    }
}
