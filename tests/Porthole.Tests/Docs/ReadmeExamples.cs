using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Porthole.Files;
using Porthole.Lab.Nat;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Rendezvous;
using Porthole.Punching;
using Porthole.Testing;

namespace Porthole.Tests.Docs;

/// <summary>The examples of the README, line by line. What a test needs beyond them stands on lines that end with <see cref="ReadmeTests.NotShown"/>.</summary>
internal static class ReadmeExamples
{
    public static async Task ConnectAsync(PeerOptions options, TimeSpan patience, Task heard)
    {
        await using var node = await PeerNode.StartAsync(options); // of the test
        await using var bob = await node.ConnectAsync("bob");
        bob.PathChanged += (_, path) => Console.WriteLine(path.Kind);
        await using var stream = await bob.OpenStreamAsync();
        await stream.WriteAsync("hello"u8.ToArray());
        await bob.WaitForDirectAsync(patience); // of the test
        await heard; // closing gives up what has not arrived // of the test
    }

    public static async Task SendAsync(PeerNode node, string path)
    {
        await new FileSender([path]).SendAsync(cancel => node.ConnectAsync("bob", cancel));
    }

    public static void Receive(PeerNode node, string folder)
    {
        var receiver = new FileReceiver(folder);
        node.Streams.Map(StreamPreamble.Files, (connection, stream) => receiver.ReceiveAsync(connection, stream));
        node.Streams.Start();
    }

    public static async Task ServeAsync(PeerOptions options, Action<WebApplication> built)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders(); // of the test
        builder.Services.AddPorthole(peer => peer.Customize = _ => options); // of the test
        builder.Services.AddPorthole(peer =>
        {
            peer.Server = "http://203.0.113.1:8848";
            peer.Name = "bob";
            peer.Accept = AcceptPolicy.Anyone;
        });
        builder.WebHost.UsePorthole();
        var app = builder.Build();
        app.MapGet("/", (HttpContext context) => $"Hello {context.GetPeer()?.Name}.");
        built(app); // of the test
        await app.RunAsync();
    }

    public static async Task CallAsync(PeerNode node)
    {
        using var http = new HttpClient(node.CreateHttpHandler());
        Console.WriteLine(await http.GetStringAsync("http://bob.porthole/"));
        Assert.Equal("Hello alice.", await http.GetStringAsync("http://bob.porthole/")); // of the test
    }

    public static async Task TestAsync()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", behind: NatProfile.PortRestricted);
        var alice = await net.StartPeerAsync("alice", behind: NatProfile.SymmetricSequential);
        await using var toBob = await alice.ConnectAsync("bob");
        Assert.True((await toBob.WaitForDirectAsync(TimeSpan.FromSeconds(30))).IsDirect);
    }

    public static async Task PunchAsync(Socket socket, int localPort, IPEndPoint theirMappedAddress)
    {
        await HolePuncher.PunchUdpAsync(socket, theirMappedAddress);
        using var connection = await HolePuncher.PunchTcpAsync(localPort, theirMappedAddress);
    }
}
