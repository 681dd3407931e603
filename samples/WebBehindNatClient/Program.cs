// Calls the application of WebBehindNat by its peer's name, in all the ways that HttpClient knows.
//   WebBehindNatClient SERVER PEER [--load COUNT]
using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using Porthole;
using Porthole.Http;
using WebBehindNat;
using WebBehindNatClient;

if (args is not [var serverText, var peer, ..] || !ServerAddress.TryParse(serverText, out var server))
{
    await Console.Error.WriteLineAsync("usage: WebBehindNatClient SERVER PEER [--load COUNT]");
    return 2;
}

try
{
    await using var node = await PeerNode.StartAsync(new PeerOptions { Server = server });
    using var handler = PortholeHttpHandler.Create(node);
    var address = new Uri($"http://{peer}.porthole/");

    // HTTP/1.1: nothing to set.
    using var http1 = new HttpClient(handler, disposeHandler: false) { BaseAddress = address };
    Console.WriteLine($"HTTP/1.1: {await http1.GetStringAsync("/")}");

    // HTTP/2: there is no TLS to agree on it, so it is said beforehand.
    using var http2 = new HttpClient(handler, disposeHandler: false)
    {
        BaseAddress = address,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };
    Console.WriteLine($"HTTP/2: {await http2.GetStringAsync("/")}");

    // gRPC: a frame each way over HTTP/2, and the status in the trailers. GrpcChannel does this for you.
    using var request = new ByteArrayContent(GrpcFrame.Write("gRPC"));
    request.Headers.ContentType = new("application/grpc");
    using var reply = await http2.PostAsync("/greet.Greeter/SayHello", request);
    string? greeting = GrpcFrame.Read(await reply.Content.ReadAsByteArrayAsync());
    Console.WriteLine($"gRPC: {greeting}, status {string.Join(", ", reply.TrailingHeaders.GetValues("grpc-status"))}");

    // A WebSocket.
    using var socket = new ClientWebSocket();
    using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
    await socket.ConnectAsync(new Uri($"ws://{peer}.porthole/echo"), invoker, default);
    await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, default);
    byte[] echo = new byte[100];
    var received = await socket.ReceiveAsync(echo, default);
    Console.WriteLine($"WebSocket: {Encoding.UTF8.GetString(echo, 0, received.Count)}");

    if (args is not [_, _, "--load", var text]) return 0;
    return await new Load(http1, http2, socket, int.Parse(text, CultureInfo.InvariantCulture)).RunAsync() ? 0 : 1;
}
catch (Exception exception) when (exception is PeerException or HttpRequestException or WebSocketException or FormatException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
