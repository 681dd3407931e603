using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

public sealed class PeerNodeTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<PeerNode> _nodes = [];
    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Two_peers_find_each_other_by_name_and_talk()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        Assert.Equal((bob.Id, "bob", false), (there.RemotePeerId, there.RemoteName, there.IsIncoming));
        Assert.Equal((alice.Id, "alice", true), (here.RemotePeerId, here.RemoteName, here.IsIncoming));
        await there.Confirmed.WaitAsync(s_patience, Token);

        await using var asking = await there.OpenStreamAsync(Token);
        await asking.WriteAsync("hello"u8.ToArray(), Token);
        asking.CompleteWrites();
        await using var answering = await here.AcceptStreamAsync(Token);
        await answering.CopyToAsync(answering, Token).WaitAsync(s_patience, Token);
        answering.CompleteWrites();
        Assert.Equal("hello", await new StreamReader(asking).ReadToEndAsync(Token).WaitAsync(s_patience, Token));

        there.SendDatagram("ping"u8);
        Assert.Equal("ping"u8.ToArray(), (await here.ReceiveDatagramAsync(Token).AsTask().WaitAsync(s_patience, Token)).ToArray());
        var (mine, yours) = (await there.GetReportAsync(), await here.GetReportAsync());
        Assert.Equal(32, mine.HandshakeHash.Length);
        Assert.Equal(mine.HandshakeHash.ToArray(), yours.HandshakeHash.ToArray());
    }

    [Fact]
    public async Task A_stream_says_what_is_spoken_on_it()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var (there, here) = await ConnectAsync(await StartAsync("alice"), "bob", bob);
        await using var named = await there.OpenStreamAsync("example-game/1", Token);
        await named.WriteAsync("go"u8.ToArray(), Token);
        named.CompleteWrites();
        await using var taken = await here.AcceptStreamAsync(Token);
        Assert.Equal("example-game/1", await taken.ReadProtocolAsync(Token).AsTask().WaitAsync(s_patience, Token));
        Assert.Equal("go", await new StreamReader(taken).ReadToEndAsync(Token).WaitAsync(s_patience, Token));

        foreach (byte[] other in (byte[][])[[], [0], [5, 65, 66], [3, 32, 32, 32], [255, 65]])
        {
            await using var nameless = await there.OpenStreamAsync(Token);
            await nameless.WriteAsync(other, Token);
            nameless.CompleteWrites();
            if (other.Length == 0) continue; // a stream without a byte is never heard of
            await using var odd = await here.AcceptStreamAsync(Token);
            Assert.Null(await odd.ReadProtocolAsync(Token).AsTask().WaitAsync(s_patience, Token));
        }
    }

    [Fact]
    public Task The_connection_moves_to_a_direct_path() => MoveAsync(Transports.Udp, PathKind.Udp);

    [Fact]
    public Task With_TCP_only_it_moves_to_a_TCP_connection() => MoveAsync(Transports.Tcp, PathKind.Tcp);

    [Fact]
    public async Task Who_prefers_TCP_gets_it_and_keeps_UDP_as_a_spare()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone, static options => options with { Prefer = PathKind.Tcp });
        var alice = await StartAsync("alice", change: static options => options with { Prefer = PathKind.Tcp });
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        await there.WaitForDirectAsync(s_patience, Token);

        // Whichever came first, and wherever a machine that stalls has sent some of it.
        long began = Stopwatch.GetTimestamp();
        while (here.Path.Kind != PathKind.Tcp || !(await there.GetReportAsync()).Paths.Any(static path => path.Traits.Kind == PathKind.Tcp && path is { IsActive: true, BytesSent: > 1_000_000 }))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < s_patience, $"{there.Path} {here.Path}");
            await EchoAsync(there, here, 100_000);
        }
    }

    [Fact]
    public async Task With_relay_only_it_stays_on_the_relay_and_says_why()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice", change: options => options with { Transports = Transports.None });
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        await EchoAsync(there, here, 100_000);
        var error = await FailAsync(PeerError.NoDirectPath, () => there.WaitForDirectAsync(TimeSpan.FromMilliseconds(200), Token));
        Assert.Contains("bob", error.Message, StringComparison.Ordinal);
        Assert.Equal(PathKind.Relay, there.Path.Kind);
    }

    [Fact]
    public async Task A_server_whose_udp_is_closed_still_brings_peers_of_one_network_together()
    {
        await using var server = await LoopbackServer.StartAsync(withUdp: false);
        var bob = await StartAsync("bob", AcceptPolicy.Anyone, options => options with { Server = server.Address });
        var alice = await StartAsync("alice", change: options => options with { Server = server.Address });
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        await EchoAsync(there, here, 10_000);

        // Both came to the server from one address, so they try each other on their own network all the same.
        Assert.True((await there.WaitForDirectAsync(s_patience, Token)).IsDirect);
    }

    [Fact]
    public async Task Whom_nobody_knows_cannot_be_called()
    {
        var alice = await StartAsync("alice");
        await FailAsync(PeerError.UnknownPeer, () => alice.ConnectAsync("nobody", Token));
        await FailAsync(PeerError.BadRequest, () => alice.ConnectAsync("no body", Token));
        await FailAsync(PeerError.BadRequest, () => alice.ConnectAsync("alice", Token));
    }

    [Fact]
    public async Task Who_has_left_is_offline()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        await bob.DisposeAsync();
        await FailAsync(PeerError.PeerOffline, () => alice.ConnectAsync("bob", Token));
    }

    [Fact]
    public async Task A_name_belongs_to_the_key_that_took_it()
    {
        await StartAsync("bob");
        await FailAsync(PeerError.NameTaken, () => StartAsync("bob"));
    }

    [Fact]
    public async Task A_changed_key_of_a_known_peer_is_an_error()
    {
        await StartAsync("bob", AcceptPolicy.Anyone);
        var known = KnownPeers.InMemory();
        var alice = await StartAsync("alice", change: options => options with { KnownPeers = known });
        known.Trust(new KnownPeer(alice.ServerKey!.PeerId, "bob", Key(), DateTimeOffset.UtcNow));
        await FailAsync(PeerError.KeyChanged, () => alice.ConnectAsync("bob", Token));
    }

    [Fact]
    public async Task A_name_with_an_id_is_called_only_if_both_fit()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        await FailAsync(PeerError.WrongPeer, () => alice.ConnectAsync($"bob@{Key().PeerId}", Token));
        var (there, _) = await ConnectAsync(alice, $"bob@{bob.Id}", bob);
        Assert.Equal(bob.Id, there.RemotePeerId);
        (there, _) = await ConnectAsync(alice, bob.Id.ToString(), bob);
        Assert.Equal(bob.Key, there.RemoteKey);
    }

    [Fact]
    public async Task A_peer_is_written_down_when_it_is_met()
    {
        var known = KnownPeers.InMemory();
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice", change: options => options with { KnownPeers = known });
        await ConnectAsync(alice, "bob", bob);
        await alice.DisposeAsync();
        Assert.Equal(bob.Key, known.FindByName(alice.ServerKey!.PeerId, "bob"));
    }

    [Fact]
    public async Task Callers_are_written_down_unless_that_is_left_to_the_program()
    {
        var (all, some) = (KnownPeers.InMemory(), KnownPeers.InMemory());
        var bob = await StartAsync("bob", AcceptPolicy.Anyone, options => options with { KnownPeers = all });
        var carol = await StartAsync("carol", AcceptPolicy.Anyone, options => options with { KnownPeers = some, RemembersCallers = false });
        var (alice, dave) = (await StartAsync("alice"), await StartAsync("dave"));
        await ConnectAsync(alice, "bob", bob);
        await ConnectAsync(alice, "carol", carol);
        var (_, welcome) = await ConnectAsync(dave, "carol", carol);
        welcome.Remember();
        await bob.DisposeAsync(); // by then everything is written
        await carol.DisposeAsync();
        Assert.Equal([alice.Id], all.Peers.Select(static peer => peer.Key.PeerId));
        Assert.Equal([dave.Id], some.Peers.Select(static peer => peer.Key.PeerId));
    }

    [Fact]
    public async Task Known_peers_alone_are_let_in_where_that_is_the_policy()
    {
        var alice = await StartAsync("alice");
        var carol = await StartAsync("carol");
        var bob = await StartAsync("bob", AcceptPolicy.Known, options => options with { Allowed = [alice.Id] });
        await ConnectAsync(alice, "bob", bob);
        await FailAsync(PeerError.Refused, () => carol.ConnectAsync("bob", Token));
    }

    [Fact]
    public async Task Where_the_policy_is_to_ask_the_program_decides()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Ask);
        var alice = await StartAsync("alice");
        var first = alice.ConnectAsync("bob", Token);
        var call = await bob.AcceptCallAsync(Token).AsTask().WaitAsync(s_patience, Token);
        Assert.Equal(("alice", alice.Id), (call.Name, call.PeerId));
        call.Refuse();
        await FailAsync(PeerError.Refused, () => first);

        var second = alice.ConnectAsync("bob", Token);
        call = await bob.AcceptCallAsync(Token).AsTask().WaitAsync(s_patience, Token);
        var here = await call.AcceptAsync(Token).WaitAsync(s_patience, Token);
        await EchoAsync(await second.WaitAsync(s_patience, Token), here, 1_000);
        Assert.Throws<InvalidOperationException>(call.Refuse);
    }

    [Fact]
    public async Task A_call_can_be_taken_back()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Ask);
        var alice = await StartAsync("alice");
        using var cancel = new CancellationTokenSource();
        var calling = alice.ConnectAsync("bob", cancel.Token);
        var call = await bob.AcceptCallAsync(Token).AsTask().WaitAsync(s_patience, Token);
        await cancel.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);
        Assert.Equal(cancel.Token, error.CancellationToken);
        await call.Ended.WaitAsync(s_patience, Token);
    }

    [Fact]
    public async Task Closing_tells_the_other_side_code_and_reason()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        await EchoAsync(there, here, 10);
        var accepting = here.AcceptStreamAsync(Token).AsTask();
        await there.CloseAsync(7, "enough for today").WaitAsync(s_patience, Token);
        Assert.Equal(new ConnectionEnd(PeerError.ClosedByPeer, 7, "enough for today"), await here.Closed.WaitAsync(s_patience, Token));
        Assert.Equal(PeerError.Closed, (await there.Closed.WaitAsync(s_patience, Token)).Error);
        var told = await Assert.ThrowsAsync<PeerException>(() => accepting);
        Assert.Contains("enough for today", told.Message, StringComparison.Ordinal);
        await FailAsync(PeerError.Closed, async () => await there.OpenStreamAsync(Token));
        await FailAsync(PeerError.ClosedByPeer, async () => await here.OpenStreamAsync(Token));
        await there.DisposeAsync();
    }

    [Fact]
    public async Task A_wrong_token_a_wrong_key_and_no_server_are_named()
    {
        await using var guarded = await LoopbackServer.StartAsync(new RendezvousServerOptions { Token = "right" });
        await FailAsync(PeerError.WrongToken, () => StartAsync("alice", change: options => options with { Server = guarded.Address, Token = "wrong" }));
        await StartAsync("alice", change: options => options with { Server = guarded.Address, Token = "right" });
        await FailAsync(PeerError.WrongServerKey, () => StartAsync("bob", change: options => options with { Server = new ServerAddress(_server.Address.Uri, Key()) }));
        await StartAsync("bob", change: options => options with { Server = _server.Pinned });

        var nowhere = ServerAddress.Parse($"127.0.0.1:{FreePorts.Next()}");
        await FailAsync(PeerError.ServerUnreachable, () => StartAsync("carol", change: options => options with { Server = nowhere }));
    }

    [Fact]
    public async Task A_server_whose_key_changed_is_an_error()
    {
        var known = KnownServers.InMemory();
        int port = FreePorts.Next();
        await _server.DisposeAsync();
        _server = await LoopbackServer.StartAsync(port: port);
        await StartAsync("alice", change: options => options with { KnownServers = known });
        Assert.Single(known.Servers);
        await _server.DisposeAsync();
        _server = await LoopbackServer.StartAsync(port: port);
        await FailAsync(PeerError.WrongServerKey, () => StartAsync("bob", change: options => options with { KnownServers = known }));
    }

    [Fact]
    public async Task A_port_that_was_asked_for_must_be_free_and_the_usual_one_need_not_be()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        await FailAsync(PeerError.PortInUse, () => StartAsync("alice", change: options => options with { Port = port }));
        await StartAsync("bob");
        await StartAsync("carol"); // two on one host: the second takes another port
    }

    [Fact]
    public async Task Presence_and_the_list_of_peers_show_who_is_in_the_room()
    {
        var alice = await StartAsync("alice", change: options => options with { Presence = PresenceMode.Room, Room = "tea" });
        var came = new TaskCompletionSource<PresenceChange>();
        var left = new TaskCompletionSource<PresenceChange>();
        alice.PresenceChanged += (_, change) => (change.IsOnline ? came : left).TrySetResult(change);
        var bob = await StartAsync("bob", change: options => options with { Presence = PresenceMode.Room, Room = "tea" });
        Assert.Equal(new PeerInfo(bob.Id, "bob"), (await came.Task.WaitAsync(s_patience, Token)).Peer);
        Assert.Contains(await alice.GetPeersAsync(Token), peer => peer.Name == "bob");
        await bob.DisposeAsync();
        Assert.Equal("bob", (await left.Task.WaitAsync(s_patience, Token)).Peer.Name);
    }

    [Fact]
    public async Task The_nat_is_examined()
    {
        var alice = await StartAsync("alice");
        var report = await alice.CheckAsync(Token);
        Assert.NotNull(report);
    }

    [Fact]
    public async Task Waiting_ends_when_the_node_is_closed()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Ask);
        var waiting = new[] { bob.AcceptAsync(Token).AsTask(), (Task)bob.AcceptCallAsync(Token).AsTask() };
        await bob.DisposeAsync();
        await bob.DisposeAsync();
        foreach (var task in waiting) await FailAsync(PeerError.Closed, () => task.WaitAsync(s_patience, Token));
        await FailAsync(PeerError.Closed, () => bob.ConnectAsync("alice", Token));
        Assert.True(bob.Stopped.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Starting_can_be_given_up()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var server = ServerAddress.Parse(silent.LocalEndpoint.ToString()!);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => StartAsync("alice", change: options => options with { Server = server }, cancellationToken: new CancellationToken(canceled: true)));
        await FailAsync(PeerError.TimedOut, () => StartAsync("alice", change: options => options with { Server = server, StartTimeout = TimeSpan.FromMilliseconds(300) }));
    }

    [Fact]
    public async Task Both_calling_at_once_gives_one_connection()
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice", AcceptPolicy.Anyone);
        for (int i = 0; i < 20; i++)
        {
            var both = await Task.WhenAll(alice.ConnectAsync("bob", Token), bob.ConnectAsync("alice", Token)).WaitAsync(s_patience, Token);
            var (mine, yours) = (await both[0].GetReportAsync(), await both[1].GetReportAsync());
            if (mine.HandshakeHash.Span.SequenceEqual(yours.HandshakeHash.Span))
            {
                await EchoAsync(both[0], both[1], 10_000);
                return;
            }

            // The first call was through before the second was made: two connections are right then. The exact case is proved in the simulation.
            foreach (var connection in both) await connection.DisposeAsync();
        }

        Assert.Fail("Twenty times there were two.");
    }

    [Fact]
    public async Task When_the_server_comes_back_the_node_registers_again_and_a_direct_connection_has_gone_on()
    {
        using var identity = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        var names = new List<NameRecord>();
        int port = FreePorts.Next();
        await _server.DisposeAsync();
        _server = await LoopbackServer.StartAsync(identity: identity, names: names, port: port);
        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        await there.WaitForDirectAsync(s_patience, Token);
        var states = Channel.CreateUnbounded<ServerState>();
        alice.ServerChanged += (_, state) => states.Writer.TryWrite(state);

        await _server.DisposeAsync();
        var lost = await states.Reader.ReadAsync(Token).AsTask().WaitAsync(s_patience, Token);
        Assert.False(lost.IsRegistered);
        Assert.True(lost.WillRetry);
        await EchoAsync(there, here, 100_000);

        _server = await LoopbackServer.StartAsync(identity: identity, names: names, port: port);
        while (!(await states.Reader.ReadAsync(Token).AsTask().WaitAsync(s_patience, Token)).IsRegistered) { }
        Assert.True(alice.Server.IsRegistered);
        await EchoAsync(there, here, 100_000);
    }

    private static PublicKey Key()
    {
        using var key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        return key.PublicKey;
    }

    private static async Task EchoAsync(PeerConnection asker, PeerConnection answerer, int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        await using var asking = await asker.OpenStreamAsync(Token);
        var answering = Task.Run(
            async () =>
            {
                await using var stream = await answerer.AcceptStreamAsync(Token);
                await stream.CopyToAsync(stream, Token);
                stream.CompleteWrites();
            },
            Token);
        var writing = Task.Run(
            async () =>
            {
                await asking.WriteAsync(bytes, Token);
                asking.CompleteWrites();
            },
            Token);
        using var received = new MemoryStream();
        await asking.CopyToAsync(received, Token).WaitAsync(s_patience, Token);
        await Task.WhenAll(answering, writing).WaitAsync(s_patience, Token);
        Assert.True(bytes.AsSpan().SequenceEqual(received.ToArray()));
    }

    private static async Task<PeerException> FailAsync(PeerError expected, Func<Task> action)
    {
        var error = await Assert.ThrowsAsync<PeerException>(() => action().WaitAsync(s_patience, Token));
        Assert.True(error.Error == expected, $"{error.Error}: {error.Message}");
        Assert.DoesNotContain('\n', error.Message);
        return error;
    }

    private static async Task<(PeerConnection There, PeerConnection Here)> ConnectAsync(PeerNode caller, string target, PeerNode callee)
    {
        var there = caller.ConnectAsync(target, Token);
        var here = callee.AcceptAsync(Token).AsTask();
        return (await there.WaitAsync(s_patience, Token), await here.WaitAsync(s_patience, Token));
    }

    private async Task MoveAsync(Transports transports, PathKind kind)
    {
        var bob = await StartAsync("bob", AcceptPolicy.Anyone, options => options with { Transports = transports });
        var alice = await StartAsync("alice", change: options => options with { Transports = transports });
        var (there, here) = await ConnectAsync(alice, "bob", bob);
        var path = await there.WaitForDirectAsync(s_patience, Token);
        Assert.Equal(kind, path.Kind);
        Assert.True(path.Local!.Value.IsLoopback && path.Remote!.Value.IsLoopback);
        Assert.Equal(kind, (await here.WaitForDirectAsync(s_patience, Token)).Kind);
        await EchoAsync(there, here, 1_000_000);
    }

    private async Task<PeerNode> StartAsync(
        string? name, AcceptPolicy accept = AcceptPolicy.Nobody, Func<PeerOptions, PeerOptions>? change = null, CancellationToken? cancellationToken = null)
    {
        var options = LoopbackOptions.At(_server.Address, name, accept);
        var node = await PeerNode.StartAsync(change is null ? options : change(options), cancellationToken ?? Token);
        _nodes.Add(node);
        return node;
    }
}
