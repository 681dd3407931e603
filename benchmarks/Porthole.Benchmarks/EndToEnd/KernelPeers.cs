using System.Globalization;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>A server and peers on the hosts of a kernel lab, each a process of its own.</summary>
/// <param name="lab">The lab.</param>
internal sealed class KernelPeers(KernelLab lab)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _server = $"http://{lab.Server.Address}:8848";

    public Task StartServerAsync() => StartAsync(lab.Server, PeerProcess.Server);

    /// <summary>Starts a peer that is called.</summary>
    public Task StartCalleeAsync(KernelSite site, string name, Transports transports) =>
        StartAsync(site.AddHost(name), PeerProcess.Callee, _server, name, transports.ToString());

    /// <summary>Starts a peer that calls, and ends with its call.</summary>
    /// <returns>What it says it took (<see cref="PeerProcess.Took"/>), in milliseconds; null when there was no direct path in time.</returns>
    public async Task<double[]?> CallAsync(KernelSite site, string callee, Transports transport)
    {
        using var process = site.AddHost("caller").Namespace.Start(Environment.ProcessPath!, [PeerProcess.Caller, _server, callee, transport.ToString()]);
        try
        {
            string line = await process.WaitForLineAsync(
                static line => line.StartsWith(PeerProcess.Took, StringComparison.Ordinal), s_patience, CancellationToken.None).ConfigureAwait(false);
            return [.. line.Split(' ').Skip(1).Select(static figure => double.Parse(figure, CultureInfo.InvariantCulture))];
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static async Task StartAsync(KernelHost host, params string[] arguments)
    {
        var process = host.Namespace.Start(Environment.ProcessPath!, arguments);
        await process.WaitForLineAsync(static line => line == PeerProcess.Ready, s_patience, CancellationToken.None).ConfigureAwait(false);
    }
}
