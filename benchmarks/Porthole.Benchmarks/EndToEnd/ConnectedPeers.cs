using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol;
using Porthole.Server;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>A server and two peers on loopback in this process, connected, with one stream between them.</summary>
internal sealed class ConnectedPeers : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly List<IAsyncDisposable> _owned = [];

    private ConnectedPeers()
    {
    }

    public PeerConnection Near { get; private set; } = null!;

    public PeerStream From { get; private set; } = null!;

    public PeerStream To { get; private set; } = null!;

    public static async Task<ConnectedPeers> StartAsync(Transports transports)
    {
        var peers = new ConnectedPeers();
        var server = await PortholeServer.StartAsync(
            new PortholeServerOptions { Address = IPAddress.Loopback }, NullLoggerFactory.Instance).ConfigureAwait(false);
        peers._owned.Add(server);
        var bob = await peers.StartNodeAsync(server, "bob", transports).ConfigureAwait(false);
        var alice = await peers.StartNodeAsync(server, "alice", transports).ConfigureAwait(false);
        var accepting = bob.AcceptAsync();
        peers.Near = await alice.ConnectAsync("bob").ConfigureAwait(false);
        var far = await accepting.ConfigureAwait(false);
        if (transports != Transports.None)
        {
            await peers.Near.WaitForDirectAsync(s_patience).ConfigureAwait(false);
            await far.WaitForDirectAsync(s_patience).ConfigureAwait(false);
        }

        peers.From = await peers.Near.OpenStreamAsync().ConfigureAwait(false);
        await peers.From.WriteAsync(new byte[1]).ConfigureAwait(false);
        peers.To = await far.AcceptStreamAsync().ConfigureAwait(false);
        await peers.To.ReadExactlyAsync(new byte[1]).ConfigureAwait(false);
        return peers;
    }

    /// <summary>Writes what the session has counted to standard error.</summary>
    public async Task ReportAsync()
    {
        var report = await Near.GetReportAsync().ConfigureAwait(false);
        await Console.Error.WriteLineAsync($"{report.Path} {report.Statistics}").ConfigureAwait(false);
        foreach (var path in report.Paths) await Console.Error.WriteLineAsync($"{path}").ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned)) await owned.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<PeerNode> StartNodeAsync(PortholeServer server, string name, Transports transports)
    {
        var options = Peers.Options(new ServerAddress(server.Http, server.Key), name) with { BindAddress = IPAddress.Loopback, Transports = transports };
        var node = await PeerNode.StartAsync(options).ConfigureAwait(false);
        _owned.Add(node);
        return node;
    }
}
