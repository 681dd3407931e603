using System.Globalization;
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
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private double[] _took = [];

    public string Name => "connect";

    public string Summary => "time to a direct path through two kernel NATs at 40 ms round trip; against a round trip (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Connect\n\nNot run: {reason}\n";
        using var lab = new KernelLab(new KernelLinkOptions { Delay = s_oneWay }, ipv6: false);
        string server = $"http://{lab.Server.Address}:8848";
        await StartAsync(lab.Server, PeerProcess.Server).ConfigureAwait(false);
        string tables = "";
        foreach (var transport in new[] { Transports.Udp, Transports.Tcp })
        {
            string callee = $"over-{transport}".ToLowerInvariant();
            await StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), PeerProcess.Callee, server, callee, transport.ToString()).ConfigureAwait(false);
            tables += await new Comparison(
                $"Connect over {transport.ToString().ToUpperInvariant()}, port-restricted × port-restricted, 40 ms round trip between all, a new process each time",
                "ms",
                new Contender("round trip to the server (TCP connect)", () => CallAsync(lab, server, callee, transport)),
                Event("open: the peer has proved its key, bytes may go", 1),
                Event("session: a sealed round trip is done", 2),
                Event("pair: checks passed both ways", 3),
                Event("path: proved end to end, bytes go directly", 4))
                .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false) + "\n";
        }

        return tables;
    }

    private static async Task<NamespaceProcess> StartAsync(KernelHost host, params string[] arguments)
    {
        var process = host.Namespace.Start(Environment.ProcessPath!, arguments);
        await process.WaitForLineAsync(static line => line == PeerProcess.Ready, s_patience, CancellationToken.None).ConfigureAwait(false);
        return process;
    }

    /// <summary>The other figures of the round's one call.</summary>
    private Contender Event(string name, int index) => new(name, () => Task.FromResult(new Sample(_took[index])));

    /// <summary>A caller of its own behind a NAT of its own: that of the round before would still know the other's address.</summary>
    private async Task<Sample> CallAsync(KernelLab lab, string server, string callee, Transports transport)
    {
        var caller = lab.AddSite(KernelNatKind.PortRestricted).AddHost("alice");
        using var process = caller.Namespace.Start(Environment.ProcessPath!, [PeerProcess.Caller, server, callee, transport.ToString()]);
        string line = await process.WaitForLineAsync(
            static line => line.StartsWith(PeerProcess.Took, StringComparison.Ordinal), s_patience, CancellationToken.None).ConfigureAwait(false);
        _took = [.. line.Split(' ').Skip(1).Select(static figure => double.Parse(figure, CultureInfo.InvariantCulture))];
        return new Sample(_took[0]);
    }
}
