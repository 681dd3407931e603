using Porthole.Benchmarks.Harness;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// The time from the call to the session, the pair and the direct path, over UDP and over TCP, between two port-restricted NATs of the kernel with 40 ms of round trip between all,
/// each time by a new process; against a round trip.
/// </summary>
internal sealed class ConnectBenchmark : IBenchmark
{
    private const int DefaultRounds = 15;

    private static readonly TimeSpan s_oneWay = TimeSpan.FromMilliseconds(20);

    private double[] _took = [];

    public string Name => "connect";

    public string Summary => "time to a direct path through two kernel NATs at 40 ms round trip; against a round trip (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Connect\n\nNot run: {reason}\n";
        using var lab = new KernelLab(new KernelLinkOptions { Delay = s_oneWay }, ipv6: false);
        var peers = new KernelPeers(lab);
        await peers.StartServerAsync().ConfigureAwait(false);
        string tables = "";
        foreach (var transport in new[] { Transports.Udp, Transports.Tcp })
        {
            string callee = $"over-{transport}".ToLowerInvariant();
            await peers.StartCalleeAsync(lab.AddSite(KernelNatKind.PortRestricted), callee, transport).ConfigureAwait(false);
            tables += await new Comparison(
                $"Connect over {transport.ToString().ToUpperInvariant()}, port-restricted × port-restricted, 40 ms round trip between all, a new process each time",
                "ms",
                new Contender("round trip to the server (TCP connect)", () => CallAsync(lab, peers, callee, transport)),
                Event("open: the peer has proved its key, bytes may go", 1),
                Event("session: a sealed round trip is done", 2),
                Event("pair: checks passed both ways", 3),
                Event("path: proved end to end, bytes go directly", 4))
                .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false) + "\n";
        }

        return tables;
    }

    /// <summary>The other figures of the round's one call.</summary>
    private Contender Event(string name, int index) => new(name, () => Task.FromResult(new Sample(_took[index])));

    /// <summary>A caller of its own behind a NAT of its own: that of the round before would still know the other's address.</summary>
    private async Task<Sample> CallAsync(KernelLab lab, KernelPeers peers, string callee, Transports transport)
    {
        _took = await peers.CallAsync(lab.AddSite(KernelNatKind.PortRestricted), callee, transport).ConfigureAwait(false)
            ?? throw new InvalidOperationException("There was no direct path.");
        return new Sample(_took[0]);
    }
}
