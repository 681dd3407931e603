using System.Net;
using System.Net.NetworkInformation;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Porthole.AspNetCore;
using Porthole.Http;

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
            return $"{context.Request.Protocol} {context.Request.Scheme}://{context.Request.Host} {peer.Name} {peer.PeerId} {peer.Connection.IsIncoming}";
        }));
        Assert.Equal($"HTTP/1.1 http://bob.porthole alice {peers.Alice.Id} True", await peers.Client.GetStringAsync("/", Token));
        using var http2 = peers.Http2Client();
        Assert.Equal($"HTTP/2 http://bob.porthole alice {peers.Alice.Id} True", await http2.GetStringAsync("/", Token));
        Assert.Equal("HTTP/1.1", (await peers.Client.GetStringAsync($"http://{peers.Bob.Id}.porthole/", Token)).Split(' ')[0]);
        Assert.Equal("HTTP/1.1", (await peers.Client.GetStringAsync($"http://bob.{peers.Bob.Id}.porthole/", Token)).Split(' ')[0]);
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
}
