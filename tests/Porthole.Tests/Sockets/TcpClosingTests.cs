using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Sockets;

/// <summary>How TCP sockets end, what they leave behind, and how many there may be.</summary>
public sealed class TcpClosingTests
{
    private const string Established = "01", Listens = "0A";

    private static readonly TransportAddress s_nobody = TransportAddress.Parse("0.0.0.0:0");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_orderly_close_delivers_everything_and_leaves_nothing_behind()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var raw = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await raw.ConnectAsync(listener.LocalEndpoint, Token);
        var accepted = await listener.AcceptSocketAsync(Token);
        var socket = new TcpConnection(new SocketId(1), MessageFraming.LengthPrefixed, new CollectingInbox()) { CloseTimeout = CollectingInbox.Patience };
        socket.Attach(accepted);
        Assert.True(socket.TryOpen());
        TransportAddress local = TransportAddress.FromEndPoint((IPEndPoint)raw.RemoteEndPoint!), remote = TransportAddress.FromEndPoint((IPEndPoint)raw.LocalEndPoint!);
        var running = socket.RunAsync(accepted, remote);
        Assert.Equal([Established], StatesOf(local, remote));
        byte[] message = new byte[60_000];
        const int Messages = 50;
        for (int i = 0; i < Messages; i++) socket.Send(default, message, message.Length);
        socket.Close(abortive: false);
        socket.Send(default, message, message.Length); // too late
        Assert.Equal(Messages * (MessageFrames.PrefixSize + message.Length), await ReceiveAllAsync(raw));
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        await running;
        Assert.Equal([], StatesOf(local, remote));
    }

    [Fact]
    public async Task Two_sides_that_close_in_order_at_the_same_time_leave_nothing_behind()
    {
        await using TcpHost one = new(), two = new();
        var (listener, port) = await one.ListenAsync(TcpHost.FreePort());
        var (left, local) = await two.ConnectedAsync(port, TcpHost.FreePort());
        var right = one.Add((await one.Inbox.NextAcceptedAsync()).Socket);
        Assert.Equal([Established, Established, Listens], [.. StatesOf(local, port), .. StatesOf(port, local), .. StatesOf(port, s_nobody)]);
        left.Send(default, new byte[10], 10);
        right.Send(default, new byte[10], 10);
        left.Close(abortive: false);
        right.Close(abortive: false);
        listener.Close(abortive: false);
        await Task.WhenAll(left.Closed, right.Closed, listener.Closed).WaitAsync(CollectingInbox.Patience, Token);
        Assert.Equal([], StatesOf(local, port));
        Assert.Equal([], StatesOf(port, local));
        Assert.Equal([], StatesOf(port, s_nobody));
    }

    [Fact]
    public async Task An_orderly_close_does_not_wait_for_ever()
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync();
        using (raw)
        {
            byte[] message = new byte[60_000];
            while (host.Inbox.Events == 0) socket.Send(default, message, message.Length); // until it is congested
            socket.Close(abortive: false);
            await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        }
    }

    [Fact]
    public async Task An_abortive_close_resets_at_once()
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync();
        using (raw)
        {
            socket.Close(abortive: true);
            var exception = await Assert.ThrowsAsync<SocketException>(() => raw.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(CollectingInbox.Patience, Token));
            Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
            await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
            Assert.Equal(0, host.Inbox.Events);
        }
    }

    [Fact]
    public async Task An_attempt_that_is_closed_frees_its_addresses_at_once()
    {
        await using var host = new TcpHost();
        // A full queue of a listener is silence: its system drops what comes.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var remote = TransportAddress.FromEndPoint((IPEndPoint)full.LocalEndPoint!);
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await first.ConnectAsync(remote.ToEndPoint(), Token);

        var local = TcpHost.FreePort();
        for (int i = 0; i < 50; i++)
        {
            var attempt = host.Connect(remote, local);
            attempt.Close(abortive: i % 2 == 0);
        }

        var (_, listening) = await host.ListenAsync(local); // and no event came before this one
        Assert.Equal(local, listening);
    }

    [Fact]
    public async Task A_closed_listener_leaves_its_connections_alone_and_frees_its_port()
    {
        await using TcpHost one = new(), two = new();
        var (listener, port) = await one.ListenAsync();
        var (connection, _) = await two.ConnectedAsync(port);
        var accepted = one.Add((await one.Inbox.NextAcceptedAsync()).Socket);
        listener.Close(abortive: false);
        await listener.Closed.WaitAsync(CollectingInbox.Patience, Token);
        connection.Send(default, new byte[] { 1 }, 1);
        Assert.Equal([1], (await one.Inbox.NextDatagramAsync()).Bytes);
        accepted.Send(default, new byte[] { 2 }, 1);
        Assert.Equal([2], (await two.Inbox.NextDatagramAsync()).Bytes);
        Assert.Equal(port, (await one.ListenAsync(port)).Local);
    }

    [Fact]
    public async Task A_flood_of_connections_is_reset_beyond_the_limit_and_one_that_ends_makes_room()
    {
        await using var host = new TcpHost();
        var (_, port) = await host.ListenAsync();
        var flood = new List<Socket>();
        try
        {
            for (int i = 0; i < TcpListenerSocket.MaxSharedConnections; i++) flood.Add(await ConnectAsync(port));
            var accepted = new List<INetworkSocket>();
            for (int i = 0; i < flood.Count; i++) accepted.Add(host.Add((await host.Inbox.NextAcceptedAsync()).Socket));

            await Assert.ThrowsAsync<SocketException>(async () =>
            {
                flood.Add(await ConnectAsync(port)); // may hear of the reset already
                await flood[^1].ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(CollectingInbox.Patience, Token);
            });
            Assert.Equal(0, host.Inbox.Events);

            accepted[0].Close(abortive: true);
            await accepted[0].Closed.WaitAsync(CollectingInbox.Patience, Token);
            flood.Add(await ConnectAsync(port));
            host.Add((await host.Inbox.NextAcceptedAsync()).Socket);
        }
        finally
        {
            foreach (var socket in flood) socket.Close(0);
        }
    }

    [Fact]
    public async Task A_connection_leaves_at_its_time_by_the_clock_of_the_machine()
    {
        var time = new ManualTimeProvider();
        var clock = new InstantClock(time);
        await using TcpHost one = new(), two = new(new CollectingInbox { Clock = clock });
        var (_, port) = await one.ListenAsync();
        var start = clock.Now + TimeSpan.FromHours(1);
        two.Connect(port, notBefore: start);
        var given = two.Connect(port, notBefore: start);
        time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        given.Close(abortive: true); // waiting still
        await given.Closed.WaitAsync(CollectingInbox.Patience, Token);
        Assert.Equal((0, 0), (one.Inbox.Events, two.Inbox.Events));
        time.Advance(TimeSpan.FromMilliseconds(1));
        await two.Inbox.NextEventAsync<SocketEvent.Opened>();
        one.Add((await one.Inbox.NextAcceptedAsync()).Socket);
        Assert.Equal(0, one.Inbox.Events);
    }

    private static async Task<Socket> ConnectAsync(TransportAddress remote)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(remote.ToEndPoint(), Token);
        return socket;
    }

    private static async Task<int> ReceiveAllAsync(Socket raw)
    {
        byte[] buffer = new byte[100_000];
        int all = 0;
        try
        {
            while (await raw.ReceiveAsync(buffer, Token).AsTask().WaitAsync(CollectingInbox.Patience, Token) is var received and > 0) all += received;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            // How such a connection ends.
        }

        return all;
    }

    /// <summary>What the system still has of an IPv4 socket with these two ends: the state column of <c>/proc/net/tcp</c>; 06 is TIME_WAIT.</summary>
    private static string[] StatesOf(TransportAddress local, TransportAddress remote)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The system's sockets are read from /proc.");
        var (here, there) = (Hex(local), Hex(remote));
        return [.. File.ReadAllLines("/proc/net/tcp").Skip(1).Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[1] == here && fields[2] == there).Select(static fields => fields[3])];

        // The kernel prints the address as a number of this machine, and the port as one of the network.
        static string Hex(TransportAddress address) => string.Create(
            CultureInfo.InvariantCulture, $"{BitConverter.ToUInt32(address.ToEndPoint().Address.GetAddressBytes()):X8}:{address.Port:X4}");
    }
}
