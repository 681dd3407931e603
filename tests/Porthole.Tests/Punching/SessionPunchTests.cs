using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Punching;
using Porthole.Server;

namespace Porthole.Tests.Punching;

/// <summary>Raw sockets punched beside a session, which carries the addresses and the secret.</summary>
public sealed class SessionPunchTests : IAsyncLifetime
{
    private PortholeServer _server = null!;
    private PeerNode _alice = null!, _bob = null!;
    private PeerConnection _toBob = null!, _toAlice = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await PortholeServer.StartAsync(new PortholeServerOptions { Address = IPAddress.Loopback, Port = 0, StunPort = 0, DataDirectory = null }, NullLoggerFactory.Instance, Token);
        _bob = await StartAsync("bob", AcceptPolicy.Anyone);
        _alice = await StartAsync("alice", AcceptPolicy.Nobody);
        _toBob = await _alice.ConnectAsync("bob", Token);
        _toAlice = await _bob.AcceptAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _alice.DisposeAsync();
        await _bob.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_UDP_socket_and_a_TCP_connection_come_up_beside_it()
    {
        using Socket aliceSocket = Bind(), bobSocket = Bind();
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(_toBob, aliceSocket, cancellationToken: Token),
            HolePuncher.PunchUdpAsync(_toAlice, bobSocket, cancellationToken: Token));
        await UdpPunchTests.ExchangeAsync(aliceSocket, bobSocket);

        var steps = new Steps();
        var punched = await Task.WhenAll(
            HolePuncher.PunchTcpAsync(_toBob, progress: steps, cancellationToken: Token),
            HolePuncher.PunchTcpAsync(_toAlice, cancellationToken: Token));
        Assert.Equal((PunchStep.Mapping, PunchStep.Connected), (steps.Seen[0].Step, steps.Seen[^1].Step));
        using Socket one = punched[0], other = punched[1];
        await _server.DisposeAsync(); // it has only introduced the two
        await one.SendAsync("raw"u8.ToArray(), Token);
        byte[] buffer = new byte[3];
        await using var stream = new NetworkStream(other);
        await stream.ReadExactlyAsync(buffer, Token);
        Assert.Equal("raw", Encoding.ASCII.GetString(buffer));
    }

    [Fact]
    public async Task Two_that_call_different_methods_are_told_so()
    {
        using var socket = Bind();
        var udp = HolePuncher.PunchUdpAsync(_toBob, socket, cancellationToken: Token);
        var tcp = HolePuncher.PunchTcpAsync(_toAlice, cancellationToken: Token);
        Assert.Equal(PunchStep.Mapping, (await Assert.ThrowsAsync<PunchException>(() => udp)).Step);
        Assert.Equal(PunchStep.Mapping, (await Assert.ThrowsAsync<PunchException>(() => tcp)).Step);
    }

    [Fact]
    public async Task A_peer_that_says_something_else_is_not_punched_to()
    {
        foreach (string line in (string[])["hello\n", "porthole-punch/1 udp 127.0.0.1:9 - 00\n", $"porthole-punch/1 udp 127.0.0.1:0 - {new string('0', 64)}\n", new string('x', 400)])
        {
            using var socket = Bind();
            var punching = HolePuncher.PunchUdpAsync(_toAlice, socket, cancellationToken: Token);
            await using var stream = await _toBob.OpenStreamAsync(Token);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(line), Token);
            Assert.Equal(PunchStep.Mapping, (await Assert.ThrowsAsync<PunchException>(() => punching)).Step);
            Assert.False(socket.Connected);
        }
    }

    [Fact]
    public async Task A_session_that_ends_ends_the_punch()
    {
        using var socket = Bind();
        var punching = HolePuncher.PunchUdpAsync(_toAlice, socket, cancellationToken: Token);
        await _toBob.CloseAsync();
        Assert.Equal(PeerError.ClosedByPeer, (await Assert.ThrowsAsync<PeerException>(() => punching)).Error);
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return socket;
    }

    private Task<PeerNode> StartAsync(string name, AcceptPolicy accept) =>
        PeerNode.StartAsync(LoopbackOptions.At(new ServerAddress(_server.Http, _server.Key), name, accept), Token);
}
