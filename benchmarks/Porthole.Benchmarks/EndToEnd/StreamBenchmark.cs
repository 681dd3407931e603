using Porthole.Benchmarks.Harness;
using Porthole.Protocol;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// One stream between two peers over their direct path over loopback, in datagrams of 1,200 bytes and in frames over a TCP connection, against a plain TCP
/// connection over loopback.
/// </summary>
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
        var overUdp = await ConnectedPeers.StartAsync(Transports.Udp).ConfigureAwait(false);
        await using (overUdp.ConfigureAwait(false))
        {
            var overTcp = await ConnectedPeers.StartAsync(Transports.Tcp).ConfigureAwait(false);
            await using (overTcp.ConfigureAwait(false))
            {
                string table = await new Comparison(
                    "Stream over the direct path, loopback",
                    "Gbit/s",
                    new Contender("TCP", () => Transfer.RunAsync(tcp.Near, tcp.Far, Bytes)),
                    new Contender("PeerStream, UDP with 1,200-byte datagrams", () => Transfer.RunAsync(overUdp.From, overUdp.To, Bytes)),
                    new Contender("PeerStream, TCP", () => Transfer.RunAsync(overTcp.From, overTcp.To, Bytes)))
                    .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
                foreach (var (peers, kind) in new[] { (overUdp, PathKind.Udp), (overTcp, PathKind.Tcp) })
                {
                    await peers.ReportAsync().ConfigureAwait(false);
                    if (peers.Near.Path.Kind != kind) throw new InvalidOperationException($"The connection left its {kind} path.");
                }

                return table;
            }
        }
    }
}
