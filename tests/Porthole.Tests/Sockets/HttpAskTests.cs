using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>HTTP requests to devices that answer as they please.</summary>
public sealed class HttpAskTests : IDisposable
{
    private const int MaxAnswer = 1_000;

    private static readonly SocketId s_id = new(7);
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(2), s_generous = TimeSpan.FromSeconds(60);

    private readonly TcpListener _server = new(IPAddress.Loopback, FreePorts.Next()); // a port that nobody else is given when it is let go
    private readonly CollectingInbox _inbox = new();

    public HttpAskTests() => _server.Start();

    private int Port => ((IPEndPoint)_server.LocalEndpoint).Port;

    [Fact]
    public async Task A_page_is_fetched_from_the_address_that_was_asked_for()
    {
        Ask(local: "127.0.0.5:0");
        using var client = await AcceptAsync();
        Assert.Equal("127.0.0.5", ((IPEndPoint)client.Client.RemoteEndPoint!).Address.ToString());
        string request = await ReadHeadAsync(client);
        Assert.StartsWith("GET /x HTTP/1.1\r\n", request, StringComparison.Ordinal);
        await SayAsync(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

        var answer = await _inbox.NextEventAsync<SocketEvent.HttpAnswered>();
        Assert.Equal((s_id, 200, "ok"), (answer.Socket, answer.Status, Encoding.ASCII.GetString(answer.Body.Span)));
    }

    [Fact]
    public async Task An_action_is_posted()
    {
        Ask(action: "urn:x#Y", body: "<a/>");
        using var client = await AcceptAsync();
        string request = await ReadHeadAsync(client);
        Assert.StartsWith("POST /x HTTP/1.1\r\n", request, StringComparison.Ordinal);
        Assert.Contains("SOAPAction: \"urn:x#Y\"\r\n", request, StringComparison.Ordinal);
        Assert.Contains("Content-Type: text/xml; charset=\"utf-8\"\r\n", request, StringComparison.Ordinal);
        Assert.Contains("Content-Length: 4\r\n", request, StringComparison.Ordinal);
        await SayAsync(client, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 8\r\n\r\n<fault/>");

        Assert.Equal(500, (await _inbox.NextEventAsync<SocketEvent.HttpAnswered>()).Status);
    }

    [Theory]
    [InlineData(MaxAnswer, true)]
    [InlineData(MaxAnswer + 1, false)]
    [InlineData(50_000_000, false)]
    public async Task An_answer_has_a_longest_length(int length, bool isTaken)
    {
        Ask();
        using var client = await AcceptAsync();
        await SayAsync(client, "HTTP/1.1 200 OK\r\n\r\n");
        byte[] chunk = new byte[100_000];
        try
        {
            for (int sent = 0; sent < length; sent += chunk.Length) await client.GetStream().WriteAsync(chunk.AsMemory(0, Math.Min(chunk.Length, length - sent)), TestContext.Current.CancellationToken);
            client.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            Assert.False(isTaken); // cut off while it was talking
        }

        if (isTaken) Assert.Equal(length, (await _inbox.NextEventAsync<SocketEvent.HttpAnswered>()).Body.Length);
        else Assert.Contains("longer than", (await _inbox.NextEventAsync<SocketEvent.Failed>()).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302)]
    [InlineData("HTTP/1.0 200 OK\r\nServer: small\r\n\r\nno length", 200)]
    public async Task A_redirect_is_not_followed_and_old_servers_are_understood(string answer, int status)
    {
        Ask();
        using (var client = await AcceptAsync())
        {
            await ReadHeadAsync(client);
            await SayAsync(client, answer);
        }

        Assert.Equal(status, (await _inbox.NextEventAsync<SocketEvent.HttpAnswered>()).Status);
    }

    [Theory]
    [InlineData("no HTTP at all\r\n\r\n")]
    [InlineData("HTTP/9.9 abc\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n")]
    [InlineData("")]
    public async Task What_is_no_answer_is_a_failure(string answer)
    {
        Ask();
        using (var client = await AcceptAsync())
        {
            _server.Stop(); // an HTTP client may ask once more where a connection ended without a word
            await ReadHeadAsync(client);
            await SayAsync(client, answer);
        }

        Assert.NotEmpty((await _inbox.NextEventAsync<SocketEvent.Failed>()).Detail);
    }

    [Fact]
    public async Task A_head_without_an_end_is_a_failure()
    {
        Ask();
        using var client = await AcceptAsync();
        try
        {
            await SayAsync(client, "HTTP/1.1 200 OK\r\nX: " + new string('x', 100_000));
        }
        catch (IOException)
        {
            // Cut off while it was talking.
        }

        Assert.NotEmpty((await _inbox.NextEventAsync<SocketEvent.Failed>()).Detail);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // a byte now and then
    public async Task A_slow_server_has_its_time_and_no_more(bool trickles)
    {
        long start = Stopwatch.GetTimestamp();
        var socket = Ask(timeout: s_short);
        using var client = await AcceptAsync();
        if (trickles) await SayAsync(client, "HTTP/1.1 200 OK\r\n\r\n");
        try
        {
            while (trickles && !socket.Closed.IsCompleted && Stopwatch.GetElapsedTime(start) < s_generous)
            {
                await SayAsync(client, "x");
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
        catch (IOException)
        {
            // Cut off.
        }

        Assert.Equal(SocketFailure.TimedOut, (await _inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
        Assert.True(Stopwatch.GetElapsedTime(start) >= s_short / 2);
    }

    [Fact]
    public async Task Nobody_there_is_a_failure()
    {
        _server.Stop();
        Ask();
        Assert.Equal(SocketFailure.Refused, (await _inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
    }

    [Fact]
    public async Task A_request_that_nobody_waits_for_still_arrives_and_is_not_answered()
    {
        var socket = HttpAskSocket.Open(Request(), _inbox, farewell: s_generous);
        socket.Close(abortive: false);
        using (var client = await AcceptAsync())
        {
            Assert.StartsWith("GET /x", await ReadHeadAsync(client), StringComparison.Ordinal);
            await SayAsync(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }

        await socket.Closed.WaitAsync(s_generous, TestContext.Current.CancellationToken);
        Assert.Equal(0, _inbox.Events);
    }

    [Fact]
    public async Task The_end_of_a_program_is_not_held_up()
    {
        var socket = Ask(timeout: TimeSpan.FromMinutes(10));
        using var client = await AcceptAsync();
        socket.Close(abortive: false); // and the server says nothing
        await socket.Closed.WaitAsync(s_generous, TestContext.Current.CancellationToken);

        var other = Ask(timeout: TimeSpan.FromMinutes(10));
        other.Close(abortive: true);
        await other.Closed.WaitAsync(s_generous, TestContext.Current.CancellationToken);
        Assert.Equal(0, _inbox.Events);
    }

    public void Dispose() => _server.Dispose();

    private Task<TcpClient> AcceptAsync() => _server.AcceptTcpClientAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_generous, TestContext.Current.CancellationToken);

    private INetworkSocket Ask(string local = "127.0.0.1:0", string? action = null, string body = "", TimeSpan? timeout = null) =>
        new RealNetwork().Open(Request(local, action, body, timeout), _inbox);

    private SocketRequest.HttpAsk Request(string local = "127.0.0.1:0", string? action = null, string body = "", TimeSpan? timeout = null) =>
        new(s_id, TransportAddress.Parse(local), new Uri($"http://127.0.0.1:{Port}/x"), action, body, MaxAnswer, timeout ?? s_generous);

    private static async Task<string> ReadHeadAsync(TcpClient client)
    {
        var read = new StringBuilder();
        byte[] buffer = new byte[4_096];
        while (!read.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            int length = await client.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, length);
            read.Append(Encoding.ASCII.GetString(buffer, 0, length));
        }

        return read.ToString();
    }

    private static async Task SayAsync(TcpClient client, string text) => await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);
}
