using System.Net.WebSockets;
using Porthole.Benchmarks.Harness;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>What a registered, idle peer costs the server in memory, against an idle WebSocket of the same web server with nothing behind it.</summary>
internal sealed class IdleBenchmark : IBenchmark
{
    private const int DefaultRounds = 3;

    /// <summary>
    /// Connections that are there before the first measurement, so that only what grows with the peers is counted: code is compiled, pools and tables have their
    /// size. (With 200 the rest of the compiling counted as 7 KiB a peer.)
    /// </summary>
    private const int First = 2_000;

    private const int Peers = 2_000;

    private const double Kibibyte = 1_024;

    public string Name => "idle";

    public string Summary => "server memory per idle peer; against bare WebSockets";

    public Task<string> RunAsync(int rounds) => new Comparison(
        $"Server memory per idle peer: what {Peers:N0} more add to {First:N0}, after a forced collection",
        "KiB resident",
        new Contender("bare WebSocket of the web server", MeasureBareAsync),
        new Contender("registered peer at PortholeServer", MeasurePortholeAsync))
        .RunAsync(rounds == 0 ? DefaultRounds : rounds, warmUps: 0);

    private static async Task<Sample> MeasureBareAsync()
    {
        var server = await ServerProcess.StartAsync(bare: true).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            var open = new List<ClientWebSocket>();
            var sample = await MeasureAsync(server, async count =>
            {
                for (int i = 0; i < count; i++)
                {
                    var client = new ClientWebSocket();
                    await client.ConnectAsync(server.Address, CancellationToken.None).ConfigureAwait(false);
                    open.Add(client);
                }
            }).ConfigureAwait(false);
            foreach (var client in open) client.Dispose();
            return sample;
        }
    }

    private static async Task<Sample> MeasurePortholeAsync()
    {
        var server = await ServerProcess.StartAsync(bare: false).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            var peers = RegisteredPeers.Start(server.Address);
            await using (peers.ConfigureAwait(false))
            {
                return await MeasureAsync(server, count => RegisteredPeers.AddAsync(peers, count)).ConfigureAwait(false);
            }
        }
    }

    private static async Task<Sample> MeasureAsync(ServerProcess server, Func<int, Task> addAsync)
    {
        await addAsync(First).ConfigureAwait(false);
        var before = await server.MeasureAsync().ConfigureAwait(false);
        await addAsync(Peers).ConfigureAwait(false);
        var after = await server.MeasureAsync().ConfigureAwait(false);
        return new Sample(
            (after.Resident - before.Resident) / Peers / Kibibyte,
            new Sample.Figure("KiB of managed heap", (after.Heap - before.Heap) / Peers / Kibibyte));
    }
}
