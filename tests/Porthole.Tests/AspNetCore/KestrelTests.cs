using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Porthole.AspNetCore;
using Porthole.Http;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;

namespace Porthole.Tests.AspNetCore;

public sealed class KestrelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_application_is_reached_by_a_peers_name_and_knows_who_calls()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static (HttpContext context) =>
        {
            var peer = context.GetPeer()!;
            var ends = context.Features.Get<IConnectionEndPointFeature>()!;
            Assert.Equal((new PeerEndPoint(peer.PeerId, peer.Name), "bob"), (ends.RemoteEndPoint, ((PeerEndPoint)ends.LocalEndPoint!).Name));
            return $"{context.Request.Protocol} {context.Request.Scheme}://{context.Request.Host} {peer.Name} {peer.PeerId} {peer.Connection.IsIncoming}";
        }));
        Assert.Equal($"HTTP/1.1 http://bob.porthole alice {peers.Alice.Id} True", await peers.Client.GetStringAsync("/", Token));
        using var http2 = peers.Http2Client();
        Assert.Equal($"HTTP/2 http://bob.porthole alice {peers.Alice.Id} True", await http2.GetStringAsync("/", Token));
        Assert.StartsWith("HTTP/1.1", await peers.Client.GetStringAsync($"http://{peers.Bob.Id}.porthole/", Token));
        Assert.StartsWith("HTTP/1.1", await peers.Client.GetStringAsync($"http://bob.{peers.Bob.Id}.porthole/", Token));
        Assert.Equal(["http://bob.porthole"], peers.App.Urls.Distinct()); // and no port
    }

    [Fact]
    public async Task Trailers_follow_the_answer_over_http2()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapPost("/", static async (HttpContext context) =>
        {
            context.Response.DeclareTrailer("grpc-status");
            await context.Request.Body.CopyToAsync(context.Response.Body);
            context.Response.AppendTrailer("grpc-status", "0");
        }));
        using var client = peers.Http2Client();
        using var answer = await client.PostAsync("/", new ByteArrayContent([1, 2, 3]), Token);
        Assert.Equal([1, 2, 3], await answer.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal("0", Assert.Single(answer.TrailingHeaders.GetValues("grpc-status")));
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")] // RFC 8441
    public async Task A_web_socket_goes_both_ways(string version)
    {
        await using var peers = await WebPeers.StartAsync(static app => app.Map("/echo", EchoAsync));
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = Version.Parse(version);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        using var invoker = new HttpMessageInvoker(PortholeHttpHandler.Create(peers.Alice));
        await socket.ConnectAsync(new Uri("ws://bob.porthole/echo"), invoker, Token).WaitAsync(WebPeers.Patience, Token);
        byte[] buffer = new byte[100_000], sent = RandomNumberGenerator.GetBytes(buffer.Length);
        for (int length = 1; length <= sent.Length; length *= 10)
        {
            await socket.SendAsync(sent.AsMemory(0, length), WebSocketMessageType.Binary, endOfMessage: true, Token);
            int received = 0;
            for (bool isWhole = false; !isWhole;)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(received), Token).AsTask().WaitAsync(WebPeers.Patience, Token);
                (received, isWhole) = (received + part.Count, part.EndOfMessage);
            }

            Assert.True(sent.AsSpan(0, length).SequenceEqual(buffer.AsSpan(0, received)));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", Token).WaitAsync(WebPeers.Patience, Token);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_requests_at_once_with_large_bodies_arrive_whole(bool isHttp2)
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapPost("/{number:int}", static async (int number, HttpContext context) =>
        {
            context.Response.Headers["number"] = $"{number}";
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body); // whole, before the answer: HTTP/2 with many echoes at once runs out of credit on any transport
            await context.Response.Body.WriteAsync(body.ToArray());
        }));
        using var client = isHttp2 ? peers.Http2Client() : new HttpClient(PortholeHttpHandler.Create(peers.Alice)) { BaseAddress = new Uri("http://bob.porthole/") };
        await Task.WhenAll(Enumerable.Range(0, 150).Select(async number => // more than the streams that a session begins with
        {
            byte[] body = new byte[number * 1_000];
            new Random(number).NextBytes(body);
            using var answer = await client.PostAsync($"/{number}", new ByteArrayContent(body), Token);
            Assert.Equal($"{number}", Assert.Single(answer.Headers.GetValues("number")));
            byte[] answered = await answer.Content.ReadAsByteArrayAsync(Token);
            Assert.True(body.AsSpan().SequenceEqual(answered));
        })).WaitAsync(WebPeers.Patience, Token);
    }

    [Fact]
    public async Task An_application_learns_that_nobody_waits_any_more()
    {
        var arrived = new TaskCompletionSource();
        var aborted = new TaskCompletionSource();
        await using var peers = await WebPeers.StartAsync(app => app.MapGet("/", async (HttpContext context) =>
        {
            arrived.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            aborted.SetResult();
        }));
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var asking = peers.Client.GetAsync("/", impatient.Token);
        await arrived.Task.WaitAsync(WebPeers.Patience, Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await aborted.Task.WaitAsync(WebPeers.Patience, Token);
    }

    [Fact]
    public async Task Who_gives_up_in_the_middle_of_an_answer_is_no_error_of_the_application()
    {
        var log = new ListLogger();
        var over = new TaskCompletionSource();
        await using var peers = await WebPeers.StartAsync(
            app => app.MapGet("/", async (HttpContext context) =>
            {
                byte[] part = new byte[100_000];
                while (!context.RequestAborted.IsCancellationRequested) await context.Response.Body.WriteAsync(part, Token); // more than anything on the way holds
                over.SetResult();
            }),
            builder => builder.Services.AddSingleton<ILoggerProvider>(log));
        using (var answer = await peers.Client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, Token))
        {
            var body = await answer.Content.ReadAsStreamAsync(Token);
            await body.ReadExactlyAsync(new byte[1_000_000], Token);
        }

        await over.Task.WaitAsync(WebPeers.Patience, Token);
        await peers.App.StopAsync(Token).WaitAsync(WebPeers.Patience, Token);
        Assert.Empty(log.Errors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_under_way_is_finished_and_delivered_when_the_application_stops(bool isHttp2)
    {
        var arrived = new TaskCompletionSource();
        var stopping = new TaskCompletionSource();
        await using var peers = await WebPeers.StartAsync(app => app.MapGet("/", async (HttpContext context) =>
        {
            arrived.TrySetResult();
            await stopping.Task;
            await context.Response.BodyWriter.WriteAsync(new byte[3_000_000], context.RequestAborted);
        }));
        using var client = isHttp2 ? peers.Http2Client() : null;
        var asking = (client ?? peers.Client).GetByteArrayAsync("/", Token);
        await arrived.Task.WaitAsync(WebPeers.Patience, Token);
        using var registration = peers.App.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await peers.App.StopAsync(Token).WaitAsync(WebPeers.Patience, Token);
        await peers.Bob.DisposeAsync(); // as a host does, at once
        Assert.Equal(3_000_000, (await asking.WaitAsync(WebPeers.Patience, Token)).Length);
    }

    [Fact]
    public async Task A_stopped_application_serves_no_more_and_the_client_is_told_so()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"));
        await peers.Client.GetStringAsync("/", Token);
        await peers.App.StopAsync(Token);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => peers.Client.GetStringAsync("/", Token));
        Assert.Contains("bob serves no HTTP", Chain(refused), StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_an_application_has_stopped_another_can_be_served_by_the_same_peer()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "first"));
        Assert.Equal("first", await peers.Client.GetStringAsync("/", Token));
        await peers.App.StopAsync(Token);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UsePorthole(peers.Bob);
        await using var second = builder.Build();
        second.MapGet("/", static () => "second");
        await second.StartAsync(Token);
        Assert.Equal("second", await peers.Client.GetStringAsync("/", Token));
    }

    [Fact]
    public async Task When_the_peer_ends_the_application_says_why_it_is_not_reachable_any_more()
    {
        var log = new ListLogger();
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"), builder => builder.Services.AddSingleton<ILoggerProvider>(log));
        await peers.Client.GetStringAsync("/", Token);
        await peers.Bob.DisposeAsync();
        string line = await log.WaitForAsync(2301, WebPeers.Patience);
        Assert.Contains("The peer was closed here.", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_protocols_live_beside_it_on_one_peer()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"));
        using var game = peers.Bob.Streams.Map("example-game/1", static async (_, stream) =>
        {
            await using (stream) await stream.CopyToAsync(stream);
        });
        var connection = await peers.Alice.ConnectAsync("bob", Token);
        await using var played = await connection.OpenStreamAsync("example-game/1", Token);
        await played.WriteAsync("move"u8.ToArray(), Token);
        played.CompleteWrites();
        Assert.Equal("move", await new StreamReader(played).ReadToEndAsync(Token).WaitAsync(WebPeers.Patience, Token));
        Assert.Equal("here", await peers.Client.GetStringAsync("/", Token));

        await using var unknown = await connection.OpenStreamAsync("example-chess/1", Token);
        var error = await Assert.ThrowsAsync<PeerException>(() => unknown.ReadAsync(new byte[1], Token).AsTask().WaitAsync(WebPeers.Patience, Token));
        Assert.Equal((PeerError.StreamAborted, StreamRouter.NotServed), (error.Error, error.Code));
    }

    [Fact]
    public async Task A_stream_that_says_HTTP_and_speaks_something_else_is_answered_as_bad()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"));
        var connection = await peers.Alice.ConnectAsync("bob", Token);
        foreach (byte[] other in (byte[][])[[22, 3, 1, 2, 0, 1, 0], "PRI * HTTP/3.0\r\n\r\n"u8.ToArray(), "\r\n\r\n\0\0"u8.ToArray()])
        {
            await using var stream = await connection.OpenStreamAsync(StreamPreamble.Http, Token);
            await stream.WriteAsync(other, Token);
            stream.CompleteWrites();
            string answer = await new StreamReader(stream).ReadToEndAsync(Token).WaitAsync(WebPeers.Patience, Token);
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 505", StringComparison.Ordinal), answer);
        }

        Assert.Equal("here", await peers.Client.GetStringAsync("/", Token));
    }

    /// <summary>What an exception and those behind it say.</summary>
    internal static string Chain(Exception exception) => exception.InnerException is { } inner ? $"{exception.Message} {Chain(inner)}" : exception.Message;

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[10_000];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
            if (part.MessageType == WebSocketMessageType.Close) break;
            await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, context.RequestAborted);
        }

        await socket.CloseAsync(socket.CloseStatus!.Value, socket.CloseStatusDescription, context.RequestAborted);
    }
}
