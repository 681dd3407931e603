using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Tests.Forwarding;

public sealed class TcpForwardingTests : IAsyncLifetime
{
    private readonly Socket _listener = ForwardingRig.Listen();
    private ForwardingRig _rig = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _rig = await ForwardingRig.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _rig.DisposeAsync();
        _listener.Dispose();
    }

    [Fact]
    public async Task Bytes_cross_both_ways_and_each_direction_ends_for_itself()
    {
        var (client, served) = await ConnectAsync();
        using (client)
        using (served)
        {
            await client.SendAsync("question"u8.ToArray(), Token);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal("question"u8.ToArray(), await ForwardingRig.ReadToEndAsync(served));
            await served.SendAsync("answer after the end"u8.ToArray(), Token); // the other direction goes on
            served.Shutdown(SocketShutdown.Send);
            Assert.Equal("answer after the end"u8.ToArray(), await ForwardingRig.ReadToEndAsync(client));
        }

        await ForwardingRig.EventuallyAsync(() => _rig.Shared.OfType<ForwardingEvent.Closed>().Any() && _rig.Forwarded.OfType<ForwardingEvent.Closed>().Any());
        var there = _rig.Shared.OfType<ForwardingEvent.Closed>().Single();
        var here = _rig.Forwarded.OfType<ForwardingEvent.Closed>().Single();
        Assert.Equal((20L, 8L, null), (there.BytesToPeer, there.BytesFromPeer, there.Problem));
        Assert.Equal((8L, 20L, null), (here.BytesToPeer, here.BytesFromPeer, here.Problem));
    }

    [Fact]
    public async Task The_server_may_end_first()
    {
        var (client, served) = await ConnectAsync();
        using (client)
        using (served)
        {
            served.Shutdown(SocketShutdown.Send);
            Assert.Empty(await ForwardingRig.ReadToEndAsync(client));
            byte[] bytes = RandomNumberGenerator.GetBytes(3_000_000);
            var sending = SendAllAsync(client, bytes);
            Assert.Equal(SHA256.HashData(bytes), SHA256.HashData(await ForwardingRig.ReadToEndAsync(served)));
            await sending;
        }
    }

    [Fact]
    public async Task A_reset_on_one_side_is_a_reset_on_the_other()
    {
        var (client, served) = await ConnectAsync();
        using (served)
        {
            await EchoOnceAsync(client, served);
            client.LingerState = new LingerOption(true, 0);
            client.Dispose();
            await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(served));
        }

        (client, served) = await ConnectAsync();
        using (client)
        {
            await EchoOnceAsync(client, served);
            served.LingerState = new LingerOption(true, 0);
            served.Dispose();
            await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(client));
        }

        await ForwardingRig.EventuallyAsync(() => _rig.Shared.OfType<ForwardingEvent.Closed>().Count(static closed => closed.Problem is not null) == 2);
    }

    [Fact]
    public async Task Where_nobody_listens_the_client_is_refused_and_told_of_once()
    {
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, and not listening
        var target = ForwardingRig.Tcp(nobody);
        await _rig.ShareAsync(target);
        await RefusedAsync(_rig.Forward(target), ForwardStatus.Refused);
        Assert.Contains("Nobody listens", _rig.Shared.OfType<ForwardingEvent.Refused>().Single().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_shared_cannot_be_reached()
    {
        await _rig.ShareAsync(ForwardingRig.Tcp(1));
        await RefusedAsync(_rig.Forward(ForwardingRig.Tcp(_listener)), ForwardStatus.NotShared);
        Assert.False(_listener.Poll(0, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData("alice", true)]
    [InlineData("ALICE", true)]
    [InlineData("carol", false)]
    [InlineData("alice@", true)]
    [InlineData("carol@", false)]
    public async Task A_port_may_be_for_some_peers_alone(string peer, bool isReached)
    {
        var target = ForwardingRig.Tcp(_listener);
        string name = peer.TrimEnd('@');
        var whom = new PeerTarget(name, peer.EndsWith('@') ? _rig.Peers.KeyOf(name).PeerId : null);
        await _rig.ShareAsync([new SharedPort(target) { Peers = [whom] }]);
        var local = _rig.Forward(target);
        if (isReached) (await ForwardingRig.ConnectAsync(local, _listener)).Served.Dispose();
        else await RefusedAsync(local, ForwardStatus.NotShared);
    }

    [Fact]
    public async Task Who_does_not_read_stops_nobody_else()
    {
        const int Stalled = 10;
        const int Others = 10;
        const int Size = 4 << 20;
        var target = ForwardingRig.Tcp(_listener);
        await _rig.ShareAsync(target);
        var local = _rig.Forward(target);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        long sent = 0;
        var stalled = new List<Socket>();
        var floods = new List<Task>();
        for (int i = 0; i < Stalled; i++)
        {
            var (client, served) = await ForwardingRig.ConnectAsync(local, _listener);
            stalled.AddRange(client, served);
            floods.Add(FloodAsync(served));
        }

        // As much as each of the streams holds has gone: the first windows of a session would be full of it.
        await ForwardingRig.EventuallyAsync(() => Interlocked.Read(ref sent) > Stalled * SessionLimits.InitialMaxStreamData);
        byte[] bytes = RandomNumberGenerator.GetBytes(Size);
        byte[] hash = SHA256.HashData(bytes);
        await Task.WhenAll(Enumerable.Range(0, Others).Select(_ => CarryAsync())).WaitAsync(ForwardingRig.Patience, Token);
        Assert.DoesNotContain(floods, static flood => flood.IsCompleted);
        Assert.InRange(Interlocked.Read(ref sent), 1, (long)Stalled * 16 << 20); // what streams and sockets hold, and no more
        await enough.CancelAsync();
        foreach (var flood in floods) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flood);
        foreach (var socket in stalled) socket.Dispose();

        async Task FloodAsync(Socket from)
        {
            byte[] chunk = new byte[1 << 20];
            while (true) Interlocked.Add(ref sent, await from.SendAsync(chunk, enough.Token));
        }

        async Task CarryAsync()
        {
            var (client, served) = await ForwardingRig.ConnectAsync(local, _listener);
            using (client)
            using (served)
            {
                var sending = SendAllAsync(served, bytes);
                Assert.Equal(hash, SHA256.HashData(await ForwardingRig.ReadToEndAsync(client)));
                await sending;
            }
        }
    }

    [Fact]
    public async Task Two_thousand_connections_at_once_all_work()
    {
        const int Count = 2_000;
        var target = ForwardingRig.Tcp(_listener);
        await _rig.ShareAsync(target);
        var local = _rig.Forward(target);
        var echoing = EchoAsync(Count);
        var clients = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => ForwardingRig.ConnectAsync(local)));
        byte[][] answers = await Task.WhenAll(clients.Select(static async (client, i) =>
        {
            await client.SendAsync(BitConverter.GetBytes(i), Token);
            byte[] answer = new byte[sizeof(int)];
            for (int read = 0; read < answer.Length;) read += await client.ReceiveAsync(answer.AsMemory(read), Token);
            return answer;
        })).WaitAsync(ForwardingRig.Patience, Token);
        Assert.Equal(Enumerable.Range(0, Count), answers.Select(static answer => BitConverter.ToInt32(answer)));
        Assert.Empty(_rig.Unconnected);
        foreach (var client in clients) client.Dispose(); // all were open until here
        await echoing.WaitAsync(ForwardingRig.Patience, Token);
        await ForwardingRig.EventuallyAsync(() => _rig.Shared.OfType<ForwardingEvent.Closed>().Count() == Count);
    }

    [Fact]
    public async Task A_peer_may_have_so_many_connections_and_no_more()
    {
        var target = ForwardingRig.Tcp(_listener);
        await _rig.ShareAsync([new SharedPort(target)], new PortSharerOptions { MaxConnections = 2 });
        var local = _rig.Forward(target);
        var first = await ForwardingRig.ConnectAsync(local, _listener);
        var second = await ForwardingRig.ConnectAsync(local, _listener);
        await RefusedAsync(local, ForwardStatus.LimitReached);
        first.Client.Dispose();
        first.Served.Dispose();
        await ForwardingRig.EventuallyAsync(() => _rig.Shared.OfType<ForwardingEvent.Closed>().Any());
        await ForwardingRig.EventuallyAsync(() =>
        {
            using var client = new TcpClient();
            client.Connect(local);
            return _listener.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectRead); // the place is free a moment after it is told
        });
        second.Client.Dispose();
        second.Served.Dispose();
    }

    [Fact]
    public async Task Local_programs_may_have_so_many_connections_and_no_more()
    {
        var target = ForwardingRig.Tcp(_listener);
        await _rig.ShareAsync(target);
        var local = _rig.Forward(target, new PortForwarderOptions { MaxConnections = 1 });
        var (client, served) = await ForwardingRig.ConnectAsync(local, _listener);
        using (client)
        using (served)
        {
            await Assert.ThrowsAsync<SocketException>(async () =>
            {
                using var more = await ForwardingRig.ConnectAsync(local); // the reset may come before this has returned
                await ForwardingRig.ReadToEndAsync(more).WaitAsync(ForwardingRig.Patience, Token);
            });
            await EchoOnceAsync(client, served);
        }

        Assert.Empty(_rig.Shared.OfType<ForwardingEvent.Refused>()); // nobody was asked
    }

    [Fact]
    public async Task A_target_that_does_not_answer_is_not_waited_for_for_ever()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere a port that takes no more refuses at once.");
        using var deaf = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        deaf.Listen(0);
        using var waiting = await ForwardingRig.ConnectAsync((IPEndPoint)deaf.LocalEndPoint!); // nobody accepts it, and there is no room for another
        var target = ForwardTarget.TryParse($"127.0.0.1:{((IPEndPoint)deaf.LocalEndPoint!).Port}", out var parsed) ? parsed : throw new ArgumentException("no target");
        await _rig.ShareAsync([new SharedPort(target)], new PortSharerOptions { ConnectTimeout = TimeSpan.FromSeconds(1) });
        await RefusedAsync(_rig.Forward(target), ForwardStatus.TimedOut);
    }

    [Fact]
    public async Task When_the_sharer_comes_back_what_connects_waits_for_it_and_what_was_connected_has_ended()
    {
        var target = ForwardingRig.Tcp(_listener);
        await _rig.ShareAsync(target);
        var local = _rig.Forward(target, new PortForwarderOptions { Patience = ForwardingRig.Patience });
        var (client, served) = await ForwardingRig.ConnectAsync(local, _listener);
        using (client)
        using (served)
        {
            await _rig.StopSharingAsync();
            await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(client));
            await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(served));
        }

        client = await ForwardingRig.ConnectAsync(local);
        await _rig.ShareAsync(target);
        using (client)
        using (served = await _listener.AcceptAsync(Token).AsTask().WaitAsync(ForwardingRig.Patience, Token))
        {
            await client.SendAsync(new byte[3], Token);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(3, (await ForwardingRig.ReadToEndAsync(served)).Length);
        }
    }

    [Fact]
    public async Task Who_waits_in_vain_is_closed()
    {
        var local = _rig.Forward(ForwardingRig.Tcp(1), new PortForwarderOptions { Patience = TimeSpan.FromMilliseconds(100) });
        using var client = await ForwardingRig.ConnectAsync(local);
        await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(client));
        await ForwardingRig.EventuallyAsync(() => !_rig.Unconnected.IsEmpty);
        Assert.Equal(PeerError.TimedOut, _rig.Unconnected.First().Error);
    }

    [Fact]
    public async Task A_peer_that_echoes_shares_nothing_and_is_told_from_one_that_does()
    {
        var bob = await _rig.Peers.StartAsync("bob", AcceptPolicy.Anyone);
        var local = _rig.Forward(ForwardingRig.Tcp(1));
        using var client = await ForwardingRig.ConnectAsync(local);
        var connection = await bob.AcceptAsync(Token).AsTask().WaitAsync(ForwardingRig.Patience, Token);
        var stream = await connection.AcceptStreamAsync(Token).AsTask().WaitAsync(ForwardingRig.Patience, Token);
        _ = stream.CopyToAsync(stream, Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(client));
        await ForwardingRig.EventuallyAsync(() => !_rig.Unconnected.IsEmpty);
        Assert.Contains("porthole share", _rig.Unconnected.First().Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_local_port_that_is_taken_is_named()
    {
        var error = Assert.Throws<PeerException>(() => PortForwarder.Start(_rig.ToBob, [new ForwardedPort((IPEndPoint)_listener.LocalEndPoint!, ForwardingRig.Tcp(1))]));
        Assert.Equal(PeerError.PortInUse, error.Error);
        error = Assert.Throws<PeerException>(() => PortForwarder.Start(_rig.ToBob, [new ForwardedPort(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0), ForwardingRig.Udp(1))]));
        Assert.Equal(PeerError.AddressNotAvailable, error.Error);
        await Task.CompletedTask;
    }

    /// <summary>The connection stands, at all of its ends.</summary>
    private static async Task EchoOnceAsync(Socket client, Socket served)
    {
        byte[] one = new byte[1];
        await client.SendAsync(one, Token);
        await served.ReceiveAsync(one, Token).AsTask().WaitAsync(ForwardingRig.Patience, Token);
        await served.SendAsync(one, Token);
        await client.ReceiveAsync(one, Token).AsTask().WaitAsync(ForwardingRig.Patience, Token);
    }

    private static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;) sent += await socket.SendAsync(bytes.AsMemory(sent), Token);
        socket.Shutdown(SocketShutdown.Send);
    }

    private async Task EchoAsync(int count)
    {
        var serving = new List<Task>();
        for (int i = 0; i < count; i++) serving.Add(EchoOneAsync(await _listener.AcceptAsync(Token)));
        await Task.WhenAll(serving);

        static async Task EchoOneAsync(Socket socket)
        {
            using (socket)
            {
                byte[] buffer = new byte[64];
                int read;
                while ((read = await socket.ReceiveAsync(buffer, Token)) > 0) await socket.SendAsync(buffer.AsMemory(0, read), Token);
            }
        }
    }

    private async Task RefusedAsync(IPEndPoint local, ForwardStatus status)
    {
        using var client = await ForwardingRig.ConnectAsync(local);
        await Assert.ThrowsAsync<SocketException>(() => ForwardingRig.ReadToEndAsync(client));
        await ForwardingRig.EventuallyAsync(() => _rig.Forwarded.OfType<ForwardingEvent.Refused>().Any() && _rig.Shared.OfType<ForwardingEvent.Refused>().Any());
        Assert.Equal(status, _rig.Forwarded.OfType<ForwardingEvent.Refused>().Single().Status);
        Assert.Equal(status, _rig.Shared.OfType<ForwardingEvent.Refused>().Single().Status);
    }

    private async Task<(Socket Client, Socket Served)> ConnectAsync()
    {
        var target = ForwardingRig.Tcp(_listener);
        if (_local is null)
        {
            await _rig.ShareAsync(target);
            _local = _rig.Forward(target);
        }

        return await ForwardingRig.ConnectAsync(_local, _listener);
    }

    private IPEndPoint? _local;
}
