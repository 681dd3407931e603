using Porthole.Benchmarks.Harness;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>One stream between two peers over their direct path, in datagrams of 1,200 bytes over loopback, against a plain TCP connection over loopback.</summary>
internal sealed class StreamBenchmark : IBenchmark
{
    private const int DefaultRounds = 7;

    /// <summary>A second or two.</summary>
    private const long Bytes = 150_000_000;

    public string Name => "stream";

    public string Summary => "a stream over the direct path on loopback; against plain TCP on loopback";

    public async Task<string> RunAsync(int rounds)
    {
        using var tcp = await TcpPair.ConnectAsync().ConfigureAwait(false);
        var peers = await ConnectedPeers.StartAsync(relayOnly: false).ConfigureAwait(false);
        await using (peers.ConfigureAwait(false))
        {
            string table = await new Comparison(
                "Stream over the direct path, loopback",
                "Gbit/s",
                new Contender("TCP", () => Transfer.RunAsync(tcp.Near, tcp.Far, Bytes)),
                new Contender("PeerStream, UDP with 1,200-byte datagrams", () => Transfer.RunAsync(peers.From, peers.To, Bytes)))
                .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
            await peers.ReportAsync().ConfigureAwait(false);
            if (!peers.Near.Path.IsDirect) throw new InvalidOperationException("The connection fell back to the relay.");
            return table;
        }
    }
}
