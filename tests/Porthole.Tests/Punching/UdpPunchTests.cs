using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Punching;
using Porthole.Server;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Punching;

/// <summary>The bare UDP punch on real sockets: what comes out is a connected socket that holds nothing but the other program's data.</summary>
public sealed class UdpPunchTests : IDisposable
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(2), s_patience = TimeSpan.FromSeconds(60);

    private readonly List<Socket> _sockets = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var socket in _sockets) socket.Dispose();
    }

    [Fact]
    public async Task Two_sockets_become_one_connection_and_nothing_of_the_punch_stays_in_it()
    {
        for (int i = 0; i < 10; i++)
        {
            var (alice, bob) = (Bind(), Bind());
            var punched = await Task.WhenAll(
                HolePuncher.PunchUdpAsync(alice, AddressOf(bob), cancellationToken: Token),
                HolePuncher.PunchUdpAsync(bob, AddressOf(alice), cancellationToken: Token));
            Assert.Equal([alice, bob], punched);
            Assert.Equal((AddressOf(bob), AddressOf(alice)), ((IPEndPoint)alice.RemoteEndPoint!, (IPEndPoint)bob.RemoteEndPoint!));
            await ExchangeAsync(alice, bob);
            Assert.False(alice.Poll(0, SelectMode.SelectRead) || bob.Poll(0, SelectMode.SelectRead));
        }
    }

    [Fact]
    public async Task What_the_first_to_be_ready_says_at_once_waits_for_the_other()
    {
        var (alice, bob) = (Bind(), Bind());
        async Task SpeakAsync(Socket socket, IPEndPoint other)
        {
            await HolePuncher.PunchUdpAsync(socket, other, cancellationToken: Token);
            for (int i = 0; i < 3; i++) await socket.SendAsync(Encoding.ASCII.GetBytes($"{i}"), Token);
        }

        await Task.WhenAll(SpeakAsync(alice, AddressOf(bob)), SpeakAsync(bob, AddressOf(alice)));
        foreach (var socket in (Socket[])[alice, bob])
        {
            for (int i = 0; i < 3; i++) Assert.Equal($"{i}", await ReceiveAsync(socket));
        }
    }

    [Fact]
    public async Task Another_port_of_the_right_address_is_followed_there()
    {
        var (alice, bob, elsewhere) = (Bind(), Bind(), Bind());
        var steps = new Steps();
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(alice, AddressOf(elsewhere), progress: steps, cancellationToken: Token), // what a server saw of a symmetric NAT
            HolePuncher.PunchUdpAsync(bob, AddressOf(alice), cancellationToken: Token));
        Assert.Equal(AddressOf(bob), alice.RemoteEndPoint);
        await ExchangeAsync(alice, bob);
        Assert.Equal([PunchStep.Opening, PunchStep.Answering, PunchStep.Agreeing, PunchStep.Connected], steps.Seen.Select(static one => one.Step).Distinct());
        Assert.Equal(AddressOf(bob), steps.Seen[^1].Remote);
        Assert.All(steps.Seen, static one => Assert.DoesNotContain('\n', one.ToString()));
    }

    [Fact]
    public async Task A_socket_of_both_families_punches_to_an_IPv4_address()
    {
        using var both = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        both.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        var bob = Bind();
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(both, AddressOf(bob), cancellationToken: Token),
            HolePuncher.PunchUdpAsync(bob, new IPEndPoint(IPAddress.Loopback, AddressOf(both).Port), cancellationToken: Token));
        await ExchangeAsync(both, bob);
    }

    [Fact]
    public async Task Whatever_strangers_send_is_not_there_afterwards()
    {
        var (alice, bob, stranger) = (Bind(), Bind(), Bind());
        await stranger.SendToAsync("noise"u8.ToArray(), AddressOf(alice), Token);
        await stranger.SendToAsync(ReadOnlyMemory<byte>.Empty, AddressOf(alice), Token);
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(alice, AddressOf(bob), cancellationToken: Token),
            HolePuncher.PunchUdpAsync(bob, AddressOf(alice), cancellationToken: Token));
        await stranger.SendToAsync("more"u8.ToArray(), AddressOf(alice), Token);
        await ExchangeAsync(alice, bob);
    }

    [Fact]
    public async Task Without_a_peer_it_fails_at_the_opening_and_the_socket_is_as_it_was()
    {
        var (alice, silent) = (Bind(), Bind());
        short timeToLive = alice.Ttl;
        var steps = new Steps();
        var clock = new ManualTimeProvider();
        var options = new UdpHoleOptions { Tries = 5, Interval = TimeSpan.FromMilliseconds(40), OpenerTimeToLive = 2, TimeProvider = clock };
        var punching = HolePuncher.PunchUdpAsync(alice, AddressOf(silent), options, steps, Token);
        await clock.PassUntilAsync(punching);
        var failure = await Assert.ThrowsAsync<PunchException>(() => punching);
        Assert.Equal(PunchStep.Opening, failure.Step);
        Assert.Contains("0.2 s and 5 tries", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.Equal([1, 2, 3, 4, 5], steps.Seen.Select(static one => one.Try));
        AssertUntouched(alice, timeToLive);
        await silent.SendToAsync("later"u8.ToArray(), AddressOf(alice), Token);
        Assert.Equal("later", await ReceiveAsync(alice));
    }

    [Fact]
    public async Task A_cancelled_punch_leaves_the_socket_as_it_was()
    {
        var (alice, silent) = (Bind(), Bind());
        short timeToLive = alice.Ttl;
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var steps = new Steps { Told = _ => cancel.Cancel() };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HolePuncher.PunchUdpAsync(alice, AddressOf(silent), progress: steps, cancellationToken: cancel.Token));
        AssertUntouched(alice, timeToLive);
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(alice, AddressOf(silent), cancellationToken: Token),
            HolePuncher.PunchUdpAsync(silent, AddressOf(alice), cancellationToken: Token));
        await ExchangeAsync(alice, silent);
    }

    [Fact]
    public async Task Two_with_different_cookies_do_not_meet()
    {
        var (alice, bob) = (Bind(), Bind());
        var options = new UdpHoleOptions { Timeout = s_short, Cookie = "ours"u8.ToArray() };
        var both = (Task<Socket>[])[
            HolePuncher.PunchUdpAsync(alice, AddressOf(bob), options, cancellationToken: Token),
            HolePuncher.PunchUdpAsync(bob, AddressOf(alice), options with { Cookie = "theirs"u8.ToArray() }, cancellationToken: Token),
        ];
        foreach (var one in both) Assert.Equal(PunchStep.Opening, (await Assert.ThrowsAsync<PunchException>(() => one)).Step);
    }

    [Fact]
    public async Task A_way_that_is_open_in_one_direction_alone_is_said_to_be_so()
    {
        var (alice, bob, oneWay) = (Bind(), Bind(), Bind());
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var forwarding = ForwardAsync(oneWay, AddressOf(bob), AddressOf(alice), over.Token);
        var clock = new ManualTimeProvider();
        var options = new UdpHoleOptions { Timeout = s_short, TimeProvider = clock };
        var heard = HolePuncher.PunchUdpAsync(alice, AddressOf(oneWay), options, Steps.Until(PunchStep.Answering, out var isHeard), Token);
        var deaf = HolePuncher.PunchUdpAsync(bob, AddressOf(oneWay), options, cancellationToken: Token);
        await isHeard.WaitAsync(s_patience, Token); // before any time passes
        await clock.PassUntilAsync(Task.WhenAll(heard, deaf));
        Assert.Equal(PunchStep.Answering, (await Assert.ThrowsAsync<PunchException>(() => heard)).Step);
        Assert.Equal(PunchStep.Opening, (await Assert.ThrowsAsync<PunchException>(() => deaf)).Step);
        await over.CancelAsync();
        await forwarding;
    }

    [Fact]
    public async Task Both_begin_at_the_common_start()
    {
        var (alice, bob) = (Bind(), Bind());
        var steps = new Steps();
        var clock = Stopwatch.StartNew();
        var options = new UdpHoleOptions { StartAt = DateTimeOffset.UtcNow + s_short };
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(alice, AddressOf(bob), options, steps, Token),
            HolePuncher.PunchUdpAsync(bob, AddressOf(alice), options, cancellationToken: Token));
        Assert.Equal(PunchStep.Waiting, steps.Seen[0].Step);
        Assert.True(clock.Elapsed > s_short / 2); // half: the wall clock and the stopwatch are two clocks
    }

    [Fact]
    public async Task A_socket_that_will_not_do_is_an_error_of_the_caller()
    {
        var alice = Bind();
        using var unbound = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<ArgumentException>(() => HolePuncher.PunchUdpAsync(unbound, AddressOf(alice), cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentException>(() => HolePuncher.PunchUdpAsync(tcp, AddressOf(alice), cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentException>(() => HolePuncher.PunchUdpAsync(alice, new IPEndPoint(IPAddress.IPv6Loopback, 1), cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => HolePuncher.PunchUdpAsync(alice, new IPEndPoint(IPAddress.Loopback, 0), cancellationToken: Token));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UdpHoleOptions { Tries = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new UdpHoleOptions { Interval = TimeSpan.FromMilliseconds(1) });
        Assert.Throws<ArgumentException>(() => new UdpHoleOptions { Cookie = default });
    }

    [Fact]
    public async Task A_server_says_what_it_sees_of_a_socket_and_who_is_none_is_named()
    {
        await using var server = await PortholeServer.StartAsync(new PortholeServerOptions { Address = IPAddress.Loopback, Port = 0, StunPort = 0, DataDirectory = null }, NullLoggerFactory.Instance, Token);
        var (alice, bob) = (Bind(), Bind());
        Assert.Equal(AddressOf(alice), await HolePuncher.GetMappedAddressAsync(alice, server.Stun[0].ToEndPoint(), Token));
        var mapped = await HolePuncher.GetMappedAddressAsync(bob, server.Stun[1].ToEndPoint(), Token);
        await Task.WhenAll(
            HolePuncher.PunchUdpAsync(alice, mapped, cancellationToken: Token),
            HolePuncher.PunchUdpAsync(bob, AddressOf(alice), cancellationToken: Token));
        await ExchangeAsync(alice, bob);

        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var asking = HolePuncher.GetMappedAddressAsync(Bind(), AddressOf(Bind()), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    internal static async Task ExchangeAsync(Socket alice, Socket bob)
    {
        await alice.SendAsync("from alice"u8.ToArray(), Token);
        await bob.SendAsync("from bob"u8.ToArray(), Token);
        Assert.Equal("from alice", await ReceiveAsync(bob));
        Assert.Equal("from bob", await ReceiveAsync(alice));
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[100];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any, Token).AsTask().WaitAsync(s_patience, Token);
        return Encoding.ASCII.GetString(buffer, 0, received.ReceivedBytes);
    }

    private static void AssertUntouched(Socket socket, short timeToLive)
    {
        Assert.False(socket.Connected);
        Assert.Equal(timeToLive, socket.Ttl);
    }

    private static async Task ForwardAsync(Socket socket, IPEndPoint from, IPEndPoint to, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[100];
        try
        {
            while (true)
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, from, cancellationToken);
                if (received.RemoteEndPoint.Equals(from)) await socket.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), to, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private static IPEndPoint AddressOf(Socket socket) => (IPEndPoint)socket.LocalEndPoint!;

    private Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _sockets.Add(socket);
        return socket;
    }
}
