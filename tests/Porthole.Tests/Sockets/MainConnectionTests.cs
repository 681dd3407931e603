using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

public sealed class MainConnectionTests
{
    private static readonly SocketId s_id = new(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_cross_whole_and_in_order_both_ways()
    {
        await using var server = await TestServer.StartAsync(EchoAsync);
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server.Address), inbox);
        var opened = await inbox.NextEventAsync<SocketEvent.Opened>();
        Assert.Equal((s_id, server.Port), (opened.Socket, (int)opened.Remote.Port));
        Assert.True(opened.Local.IsLoopback);

        byte[] longest = new byte[MainConnection.MaxMessage];
        new Random(1).NextBytes(longest);
        socket.Send(default, new byte[] { 1, 2, 3, 4, 5 }, 2); // three messages
        socket.Send(default, longest, longest.Length);

        Assert.Equal([1, 2], (await inbox.NextDatagramAsync()).Bytes);
        Assert.Equal([3, 4], (await inbox.NextDatagramAsync()).Bytes);
        Assert.Equal([5], (await inbox.NextDatagramAsync()).Bytes);
        Assert.Equal(longest, (await inbox.NextDatagramAsync()).Bytes);
        socket.Close(abortive: false);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
    }

    [Fact]
    public async Task A_server_that_does_not_read_makes_the_connection_congested_and_reading_makes_it_writable()
    {
        var read = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(async webSocket =>
        {
            await read.Task.WaitAsync(CollectingInbox.Patience, Token);
            byte[] buffer = new byte[64 * 1024];
            while ((await webSocket.ReceiveAsync(buffer.AsMemory(), Token)).MessageType != WebSocketMessageType.Close) { }
        });
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server.Address), inbox);
        await inbox.NextEventAsync<SocketEvent.Opened>();

        byte[] message = new byte[16_000];
        for (int i = 0; i < 2_000 && inbox.Events == 0; i++)
        {
            socket.Send(default, message, message.Length);
            await Task.Yield();
        }

        Assert.Equal(s_id, (await inbox.NextEventAsync<SocketEvent.Congested>()).Socket);
        read.SetResult();
        Assert.Equal(s_id, (await inbox.NextEventAsync<SocketEvent.Writable>()).Socket);
        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
    }

    [Fact]
    public async Task Congested_and_writable_take_turns_however_fast_the_other_side_reads()
    {
        await using var server = await TestServer.StartAsync(async webSocket =>
        {
            byte[] buffer = new byte[64 * 1024];
            while ((await webSocket.ReceiveAsync(buffer.AsMemory(), Token)).MessageType != WebSocketMessageType.Close) { }
        });
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server.Address), inbox);
        await inbox.NextEventAsync<SocketEvent.Opened>();

        // A machine that hears them the wrong way round would wait for ever: so after each burst there is an end of the congestion, if there was one.
        byte[] burst = new byte[16 * 1_024];
        for (int i = 0; i < 500; i++)
        {
            for (int message = 0; message < 5; message++) socket.Send(default, burst, burst.Length);
            while (inbox.Events > 0)
            {
                await inbox.NextEventAsync<SocketEvent.Congested>();
                await inbox.NextEventAsync<SocketEvent.Writable>();
            }
        }

        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
    }

    [Fact]
    public async Task An_orderly_close_sends_what_is_queued_first()
    {
        var received = new TaskCompletionSource<int>();
        await using var server = await TestServer.StartAsync(async webSocket =>
        {
            byte[] buffer = new byte[64 * 1024];
            int total = 0;
            while (await webSocket.ReceiveAsync(buffer.AsMemory(), Token) is { MessageType: WebSocketMessageType.Binary } message) total += message.Count;
            received.SetResult(total);
            await webSocket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Token);
        });
        var client = new ClientWebSocket();
        client.Options.AddSubProtocol(MainConnection.SubProtocol);
        await client.ConnectAsync(new UriBuilder(server.Address) { Scheme = "ws", Path = MainConnection.Path }.Uri, Token);
        var socket = new WebSocketConnection(s_id, new CollectingInbox()) { CloseTimeout = CollectingInbox.Patience };
        var running = socket.RunAsync(client);
        for (int i = 0; i < 3; i++) socket.Send(default, new byte[10_000], 10_000);
        socket.Close(abortive: false);
        Assert.Equal(30_000, await received.Task.WaitAsync(CollectingInbox.Patience, Token));
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        await running;
    }

    [Fact]
    public async Task A_server_that_goes_away_is_an_event_with_its_reason()
    {
        await using var server = await TestServer.StartAsync(webSocket => webSocket.CloseAsync(WebSocketCloseStatus.PolicyViolation, "too many connections", Token));
        var inbox = new CollectingInbox();
        new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server.Address), inbox);
        await inbox.NextEventAsync<SocketEvent.Opened>();
        var failed = await inbox.NextEventAsync<SocketEvent.Failed>();
        Assert.Equal((SocketFailure.Closed, "too many connections"), (failed.Reason, failed.Detail));
    }

    [Fact]
    public async Task Text_and_endless_messages_are_not_our_protocol()
    {
        await using var server = await TestServer.StartAsync(async webSocket =>
        {
            await webSocket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, Token);
            await webSocket.ReceiveAsync(new byte[10].AsMemory(), Token);
        });
        Assert.Equal(SocketFailure.Protocol, (await FailAfterOpenAsync(server.Address)).Reason);

        await using var endless = await TestServer.StartAsync(async webSocket =>
        {
            for (int i = 0; i < 20; i++) await webSocket.SendAsync(new byte[8_000], WebSocketMessageType.Binary, false, Token);
        });
        Assert.Equal(SocketFailure.Protocol, (await FailAfterOpenAsync(endless.Address)).Reason);
    }

    [Fact]
    public async Task A_machine_that_falls_behind_holds_few_messages_and_the_sender_waits()
    {
        var flooding = new TaskCompletionSource<int>();
        await using var server = await TestServer.StartAsync(async webSocket =>
        {
            byte[] message = new byte[60_000];
            for (int sent = 0; sent < 2_000; sent++)
            {
                var sending = webSocket.SendAsync(message, WebSocketMessageType.Binary, true, Token);
                if (await Task.WhenAny(sending, Task.Delay(3_000, Token)) == sending) continue;
                flooding.TrySetResult(sent);
                await sending;
            }
        });
        var hoarder = new HoardingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server.Address), hoarder);
        Assert.InRange(await flooding.Task.WaitAsync(CollectingInbox.Patience, Token), 1, 1_999);
        while (hoarder.Held == 0) await Task.Delay(10, Token); // a machine that stalls may look as if nothing were taken
        Assert.InRange(hoarder.Held, 1, 8);
        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
    }

    [Fact]
    public async Task A_refused_connection_says_so()
    {
        int port = FreePorts.Next();
        var failed = await FailAsync(new Uri($"http://127.0.0.1:{port}"));
        Assert.Equal(SocketFailure.Refused, failed.Reason);
        Assert.DoesNotContain('\n', failed.Detail);
    }

    [Fact]
    public async Task An_unknown_name_says_so() =>
        Assert.Equal(SocketFailure.NameNotFound, (await FailAsync(new Uri("http://no-such-host.invalid:8848"))).Reason);

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("")]
    public async Task Something_else_that_listens_is_no_porthole_server(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync(Token);
            var stream = client.GetStream();
            await stream.ReadAtLeastAsync(new byte[1_000], 1, throwOnEndOfStream: true, Token);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), Token);
        }, Token);
        var failed = await FailAsync(new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
        Assert.True(failed.Reason is SocketFailure.Protocol, failed.ToString());
        await serving;
    }

    [Fact]
    public async Task Closing_while_connecting_gives_up_at_once_and_says_nothing()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, new Uri($"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}")), inbox);
        using var accepted = await silent.AcceptTcpClientAsync(Token);
        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        Assert.Equal(0, inbox.Events);
    }

    [Fact]
    public async Task The_connection_leaves_from_the_chosen_port()
    {
        await using var server = await TestServer.StartAsync(EchoAsync);
        int port = FreePorts.Next();
        Assert.Equal(port, await LocalPortAsync(server.Address, port));
    }

    [Fact]
    public async Task The_main_connection_shares_its_port_with_a_listener_and_its_connections()
    {
        await using var server = await TestServer.StartAsync(EchoAsync);
        await using TcpHost host = new(), bob = new(), carol = new();
        var (_, port) = await host.ListenAsync();
        var (_, toBob) = await bob.ListenAsync();
        var (_, toCarol) = await carol.ListenAsync();
        Assert.Equal(port, (await host.ConnectedAsync(toBob, port)).Local);
        Assert.Equal(port.Port, await LocalPortAsync(server.Address, port.Port));
        Assert.Equal(port, (await host.ConnectedAsync(toCarol, port)).Local);
        foreach (var other in new[] { bob, carol }) other.Add((await other.Inbox.NextAcceptedAsync()).Socket);
    }

    [Fact]
    public async Task When_another_program_has_the_chosen_port_the_connection_leaves_from_any()
    {
        await using var server = await TestServer.StartAsync(EchoAsync);
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        Assert.NotEqual(port, await LocalPortAsync(server.Address, port));
    }

    [Fact]
    public async Task When_the_last_connection_from_the_chosen_port_is_not_forgotten_yet_the_next_leaves_from_any()
    {
        await using var server = await TestServer.StartAsync(EchoAsync);
        int port = FreePorts.Next();
        using var last = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        last.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        last.Bind(new IPEndPoint(IPAddress.Any, port));
        await last.ConnectAsync(IPAddress.Loopback, server.Port, Token);
        Assert.NotEqual(port, await LocalPortAsync(server.Address, port));
    }

    private static async Task<int> LocalPortAsync(Uri server, int port)
    {
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server, (ushort)port), inbox);
        int local = (await inbox.NextEventAsync<SocketEvent.Opened>()).Local.Port;
        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        return local;
    }

    private static async Task<SocketEvent.Failed> FailAsync(Uri server)
    {
        var inbox = new CollectingInbox();
        var socket = new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server), inbox);
        var failed = await inbox.NextEventAsync<SocketEvent.Failed>();
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        Assert.Equal(s_id, failed.Socket);
        return failed;
    }

    private static async Task<SocketEvent.Failed> FailAfterOpenAsync(Uri server)
    {
        var inbox = new CollectingInbox();
        new RealNetwork().Open(new SocketRequest.ServerConnect(s_id, server), inbox);
        await inbox.NextEventAsync<SocketEvent.Opened>();
        return await inbox.NextEventAsync<SocketEvent.Failed>();
    }

    private static async Task EchoAsync(WebSocket webSocket)
    {
        byte[] buffer = new byte[128 * 1024];
        while (await webSocket.ReceiveAsync(buffer.AsMemory(), Token) is { MessageType: WebSocketMessageType.Binary } message)
        {
            await webSocket.SendAsync(buffer.AsMemory(0, message.Count), WebSocketMessageType.Binary, message.EndOfMessage, Token);
        }
    }

    private sealed class HoardingInbox : TestInbox
    {
        private int _held;

        public int Held => Volatile.Read(ref _held);

        public override void Deliver(ReceiveBatch batch) => Interlocked.Increment(ref _held);

        public override void Deliver(SocketEvent socketEvent)
        {
        }
    }

    private sealed class TestServer(WebApplication application) : IAsyncDisposable
    {
        public int Port => Address.Port;

        public Uri Address => new(application.Urls.Single());

        public static async Task<TestServer> StartAsync(Func<WebSocket, Task> serve)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var application = builder.Build();
            application.UseWebSockets();
            application.Map(MainConnection.Path, async (HttpContext context) =>
            {
                using var webSocket = await context.WebSockets.AcceptWebSocketAsync(MainConnection.SubProtocol);
                try
                {
                    await serve(webSocket);
                }
                catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
                {
                    // The client went away first.
                }
            });
            await application.StartAsync(Token);
            return new TestServer(application);
        }

        public async ValueTask DisposeAsync()
        {
            await application.StopAsync(new CancellationToken(canceled: true));
            await application.DisposeAsync();
        }
    }
}
