using Porthole.Benchmarks.Harness;
using Porthole.Protocol;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>One stream between two peers that stay on the relay of a real server, against plain TCP through a forwarder that does nothing but copy.</summary>
internal sealed class RelayBenchmark : IBenchmark
{
    private const int DefaultRounds = 7;
    private const long Bytes = 60_000_000;

    public string Name => "relay";

    public string Summary => "a stream over the server's relay; against plain TCP through a copying forwarder";

    public async Task<string> RunAsync(int rounds)
    {
        using var forwarder = await TcpForwarder.StartAsync().ConfigureAwait(false);
        var peers = await ConnectedPeers.StartAsync(Transports.None).ConfigureAwait(false);
        await using (peers.ConfigureAwait(false))
        {
            string table = await new Comparison(
                "Stream over the relay, loopback",
                "Gbit/s",
                new Contender("TCP through a forwarder", () => Transfer.RunAsync(forwarder.Near, forwarder.Far, Bytes)),
                new Contender("PeerStream through PortholeServer", () => Transfer.RunAsync(peers.From, peers.To, Bytes)))
                .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
            await peers.ReportAsync().ConfigureAwait(false);
            return table;
        }
    }
}
