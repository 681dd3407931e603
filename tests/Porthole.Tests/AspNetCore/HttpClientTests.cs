using Microsoft.AspNetCore.Builder;
using Porthole.Http;
using Porthole.Protocol;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.AspNetCore;

public sealed class HttpClientTests
{
    private static readonly string s_id = new PeerId([.. Enumerable.Range(0, 32).Select(static i => (byte)i)]).ToString();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("http://example.com/", "'example.com' is no peer")]
    [InlineData("http://porthole/", "'porthole' is no peer")]
    [InlineData("https://bob.porthole/", "encrypted already. Use http://bob.porthole")]
    [InlineData("http://bob.porthole:8080/", "A peer has no ports")]
    [InlineData("http://carol.porthole/", "carol")] // nobody by that name
    public async Task What_is_no_peer_is_refused_in_a_line(string uri, string part)
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"));
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => peers.Client.GetStringAsync(uri, Token));
        Assert.Contains(part, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_leads_to_peers_only()
    {
        await using var peers = await WebPeers.StartAsync(static app =>
        {
            app.MapGet("/inside", static () => Microsoft.AspNetCore.Http.Results.Redirect("http://bob.porthole/"));
            app.MapGet("/outside", static () => Microsoft.AspNetCore.Http.Results.Redirect("http://127.0.0.1:1/"));
            app.MapGet("/", static () => "here");
        });
        Assert.Equal("here", await peers.Client.GetStringAsync("/inside", Token));
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => peers.Client.GetStringAsync("/outside", Token));
        Assert.Contains("'127.0.0.1' is no peer", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_to_another_peer_takes_no_credentials_along()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static context =>
        {
            context.Response.Headers.SetCookie = new[] { "own=1", "all=1; domain=.porthole; path=/" }; // for itself, and for every peer there is
            context.Response.Redirect("http://carol.porthole/");
            return Task.CompletedTask;
        }));
        var carol = await peers.StartNodeAsync("carol", AcceptPolicy.Anyone);
        string? seen = null;
        using var served = carol.Streams.Map(StreamPreamble.Http, async (_, stream) =>
        {
            await using (stream)
            {
                using var reader = new StreamReader(stream, leaveOpen: true);
                var lines = new List<string>();
                while (await reader.ReadLineAsync(Token) is { Length: > 0 } line) lines.Add(line);
                seen = string.Join('\n', lines);
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncarol"u8.ToArray(), Token);
            }
        });
        carol.Streams.Start();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Authorization = new("Bearer", "secret");
        using var answer = await peers.Client.SendAsync(request, Token);
        Assert.Equal("carol", await answer.Content.ReadAsStringAsync(Token));
        Assert.Contains("Host: carol.porthole", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Cookie", seen, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task One_connection_is_kept_for_all_requests_and_made_anew_when_it_is_lost()
    {
        var seen = new HashSet<PeerConnection>();
        await using var peers = await WebPeers.StartAsync(app => app.MapGet("/", (Microsoft.AspNetCore.Http.HttpContext context) =>
        {
            lock (seen) seen.Add(Microsoft.AspNetCore.Http.PortholeHttpContextExtensions.GetPeer(context)!.Connection);
            return "here";
        }));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => peers.Client.GetStringAsync("/", Token)));
        var first = Assert.Single(seen);
        await first.CloseAsync(7, "go away");
        Assert.Equal("here", await UntilAsync(() => peers.Client.GetStringAsync("/", Token)));
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public async Task A_peer_that_echoes_is_told_from_one_that_serves()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "here"));
        var echo = await peers.StartNodeAsync("echo", AcceptPolicy.Anyone);
        var serving = Task.Run(
            async () =>
            {
                var connection = await echo.AcceptAsync(Token);
                await using var stream = await connection.AcceptStreamAsync(Token);
                await stream.CopyToAsync(stream, Token);
            },
            Token);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => peers.Client.GetStringAsync("http://echo.porthole/", Token));
        Assert.Contains("porthole listen", KestrelTests.Chain(refused), StringComparison.Ordinal);
        await serving.ContinueWith(static _ => { }, Token, TaskContinuationOptions.None, TaskScheduler.Default).WaitAsync(WebPeers.Patience, Token); // it may be told that nobody reads
    }

    [Fact]
    public async Task Two_applications_call_each_other_at_once()
    {
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => "bob"));
        await using var carol = await peers.StartNodeAsync("carol", AcceptPolicy.Anyone);
        using var served = carol.Streams.Map("example-hello/1", static async (_, stream) =>
        {
            await using (stream) await stream.WriteAsync("carol"u8.ToArray());
        });
        carol.Streams.Start();
        using var client = new HttpClient(PortholeHttpHandler.Create(carol));
        var asking = client.GetStringAsync("http://bob.porthole/", Token);
        await using var stream = await peers.Bob.Connections.OpenStreamAsync(new PeerTarget("carol", null), "example-hello/1", Token);
        Assert.Equal("bob", await asking.WaitAsync(WebPeers.Patience, Token));
        Assert.Equal("carol", await new StreamReader(stream).ReadToEndAsync(Token).WaitAsync(WebPeers.Patience, Token));
    }

    [Fact]
    public async Task Whoever_is_called_cannot_call_back_where_nobody_is_let_in()
    {
        PeerConnection? back = null;
        await using var peers = await WebPeers.StartAsync(app => app.MapGet("/", (Microsoft.AspNetCore.Http.HttpContext context) =>
        {
            back = Microsoft.AspNetCore.Http.PortholeHttpContextExtensions.GetPeer(context)!.Connection;
            return "here";
        }));
        using var served = peers.Alice.Streams.Map("example-hello/1", static async (_, stream) =>
        {
            await using (stream) await stream.WriteAsync("alice"u8.ToArray());
        });
        Assert.Equal("here", await peers.Client.GetStringAsync("/", Token));
        await using var stream = await back!.OpenStreamAsync("example-hello/1", Token);
        var refused = await Assert.ThrowsAsync<PeerException>(() => stream.ReadAsync(new byte[5], Token).AsTask().WaitAsync(WebPeers.Patience, Token));
        Assert.Equal((PeerError.StreamAborted, StreamRouter.NotServed), (refused.Error, refused.Code));
    }

    [Fact]
    public void A_host_is_read_as_it_is_written()
    {
        var id = PeerId.TryParse(s_id, out var parsed) ? parsed : default;
        foreach (var target in (PeerTarget[])[new("bob", null), new("my.web_app-1", null), new(null, id), new("bob", id), new("a.b", id)])
        {
            string host = PortholeHost.Format(target);
            Assert.True(PortholeHost.TryParse(host, out var read), host);
            Assert.Equal(target, read);
            Assert.True(PortholeHost.TryParse(new Uri($"http://{host}/").IdnHost.ToUpperInvariant(), out read), host);
            Assert.Equal(target, read);
        }

        foreach (string? host in (string?[])[null, "", ".porthole", "porthole", "bob.example", "-bob.porthole", $"{s_id}.{s_id}.porthole", $".{s_id}.porthole", "bob..porthole.example", new string('b', 33) + ".porthole"])
        {
            Assert.False(PortholeHost.TryParse(host, out _), host);
        }
    }

    /// <summary>A request that was on its way when the connection ended fails, as it may have been done; the next is not.</summary>
    private static async Task<string> UntilAsync(Func<Task<string>> ask)
    {
        try
        {
            return await ask();
        }
        catch (HttpRequestException)
        {
            return await ask();
        }
    }
}
