using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Porthole.Http;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.AspNetCore;

/// <summary>Bob, who serves an application, and Alice, who calls it: on loopback.</summary>
internal sealed class WebPeers : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<IAsyncDisposable> _owned = [];

    private WebPeers()
    {
    }

    public LoopbackServer Server { get; private set; } = null!;

    public PeerNode Alice { get; private set; } = null!;

    public PeerNode Bob { get; private set; } = null!;

    public WebApplication App { get; private set; } = null!;

    /// <summary>What HTTP/1.1 goes through.</summary>
    public HttpClient Client { get; private set; } = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<WebPeers> StartAsync(Action<WebApplication> map, Action<WebApplicationBuilder>? configure = null)
    {
        var peers = new WebPeers();
        peers.Server = peers.Own(await LoopbackServer.StartAsync());
        peers.Bob = await peers.StartNodeAsync("bob", AcceptPolicy.Anyone);
        peers.Alice = await peers.StartNodeAsync("alice");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UsePorthole(peers.Bob);
        configure?.Invoke(builder);
        peers.App = peers.Own(builder.Build());
        peers.App.UseWebSockets();
        map(peers.App);
        await peers.App.StartAsync(Token);
        peers.Client = new HttpClient(PortholeHttpHandler.Create(peers.Alice)) { BaseAddress = new Uri("http://bob.porthole/"), Timeout = Patience };
        return peers;
    }

    /// <summary>A client that speaks HTTP/2 from its first byte.</summary>
    public HttpClient Http2Client() => new(PortholeHttpHandler.Create(Alice))
    {
        BaseAddress = new Uri("http://bob.porthole/"),
        Timeout = Patience,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    public async Task<PeerNode> StartNodeAsync(string name, AcceptPolicy accept = AcceptPolicy.Nobody) => Own(await PeerNode.StartAsync(LoopbackOptions.At(Server.Address, name, accept), Token));

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        for (int i = _owned.Count - 1; i >= 0; i--) await _owned[i].DisposeAsync();
    }

    private T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
