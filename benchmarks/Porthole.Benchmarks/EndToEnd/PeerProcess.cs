using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Server;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>This program again, as a server, a peer that is called, or a peer that calls, on a host of a lab.</summary>
internal static class PeerProcess
{
    /// <summary>The argument that makes this program the server; no more follow.</summary>
    public const string Server = "lab-server";

    /// <summary>The argument that makes this program a peer that is called; then the server, its own name and its transports.</summary>
    public const string Callee = "lab-callee";

    /// <summary>The argument that makes this program a peer that calls; then the server, the other's name and the transport of the path that is waited for.</summary>
    public const string Caller = "lab-caller";

    /// <summary>What a server or callee says when it can be used.</summary>
    public const string Ready = "ready";

    /// <summary>What begins the caller's line: milliseconds of a round trip to the server, and from the call to open, sealed round trip, pair and direct path.</summary>
    public const string Took = "took";

    /// <summary>How long a caller waits for the path.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public static async Task<int> RunServerAsync()
    {
        var server = await PortholeServer.StartAsync(new PortholeServerOptions(), NullLoggerFactory.Instance).ConfigureAwait(false);
        await using (server.ConfigureAwait(false)) await ServeAsync().ConfigureAwait(false);
        return 0;
    }

    public static async Task<int> RunCalleeAsync(string server, string name, Transports transports)
    {
        var node = await PeerNode.StartAsync(Peers.Options(ServerAddress.Parse(server), name) with { Transports = transports }).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            _ = AcceptAllAsync(node);
            await ServeAsync().ConfigureAwait(false);
        }

        return 0;
    }

    public static async Task<int> RunCallerAsync(string server, string target, Transports transports)
    {
        var address = ServerAddress.Parse(server);
        double roundTrip = await MeasureRoundTripAsync(address.Uri).ConfigureAwait(false);
        var wanted = transports == Transports.Tcp ? PathKind.Tcp : PathKind.Udp;
        long began = 0;
        double opened = 0, session = 0, pair = 0, path = 0;
        var direct = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = await PeerNode.StartAsync(Peers.Options(address, name: null) with
        {
            Transports = transports,
            Observer = happened =>
            {
                double elapsed = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                if (happened is PeerEvent.Opened) opened = elapsed;
                if (happened is PeerEvent.Confirmed) session = elapsed;
                if (happened is PeerEvent.PairFound) pair = elapsed;
                if (happened is not PeerEvent.PathChanged changed || changed.Path.Kind != wanted || path != 0) return;
                path = elapsed;
                direct.SetResult();
            },
        }).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            began = Stopwatch.GetTimestamp();
            var connection = await node.ConnectAsync(target).ConfigureAwait(false);
            await direct.Task.WaitAsync(Patience).ConfigureAwait(false);
            await connection.Confirmed.WaitAsync(Patience).ConfigureAwait(false);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Took} {roundTrip} {opened} {session} {pair} {path}")).ConfigureAwait(false);
        }

        return 0;
    }

    private static async Task<double> MeasureRoundTripAsync(Uri server)
    {
        double least = double.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            long began = Stopwatch.GetTimestamp();
            await socket.ConnectAsync(IPAddress.Parse(server.Host), server.Port).ConfigureAwait(false);
            least = Math.Min(least, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return least;
    }

    private static async Task AcceptAllAsync(PeerNode node)
    {
        while (true) await node.AcceptAsync().ConfigureAwait(false);
    }

    private static async Task ServeAsync()
    {
        await Console.Out.WriteLineAsync(Ready).ConfigureAwait(false);
        await Task.Delay(Timeout.Infinite).ConfigureAwait(false); // the lab ends what runs in it
    }
}
