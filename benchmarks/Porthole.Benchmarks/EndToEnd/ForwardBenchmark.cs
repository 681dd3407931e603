using System.Globalization;
using System.Net;
using Porthole.Benchmarks.Harness;
using Porthole.Lab.Kernel;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// TCP connections forwarded over the direct path between two port-restricted NATs of the kernel; against plain TCP connections through the same two, for which one of them forwards a port.
/// </summary>
internal sealed class ForwardBenchmark : IBenchmark
{
    private const int DefaultRounds = 5;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    public string Name => "forward";

    public string Summary => "TCP connections forwarded through two kernel NATs; against plain TCP through the same (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Forwarding\n\nNot run: {reason}\n";
        rounds = rounds == 0 ? DefaultRounds : rounds;
        using var lab = new KernelLab(ipv6: false);
        string server = $"http://{lab.Server.Address}:8848";
        await StartAsync(lab.Server, PeerProcess.Server).ConfigureAwait(false);
        var farSite = lab.AddSite(KernelNatKind.PortRestricted);
        var farHost = farSite.AddHost("far");
        farSite.Router.LoadRules(
            $$"""
            table ip forwarded {
              chain prerouting {
                type nat hook prerouting priority dstnat
                tcp dport {{ForwardProcess.Port}} dnat to {{farHost.Address}}
              }
            }
            """);
        await StartAsync(farHost, ForwardProcess.Far, server).ConfigureAwait(false);
        var near = await StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("near"), ForwardProcess.Near, server).ConfigureAwait(false);
        var plain = new IPEndPoint(farSite.PublicAddress, ForwardProcess.Port);
        var forwarded = new IPEndPoint(IPAddress.Loopback, ForwardProcess.ForwardedPort);
        return await CompareAsync("One connection, 300 MB", "MB/s", ForwardProcess.Bytes / 1e6, ForwardProcess.Send).ConfigureAwait(false) + "\n"
            + await CompareAsync($"{ForwardProcess.Connections:N0} connections, 32 at once, a byte there and back", "connections/s", ForwardProcess.Connections, ForwardProcess.Connect).ConfigureAwait(false);

        Task<string> CompareAsync(string title, string unit, double amount, string command)
        {
            return new Comparison(
                $"{title}, port-restricted × port-restricted, between processes",
                unit,
                new Contender("plain TCP through a forwarded port", () => RunAsync(plain)),
                new Contender("porthole forward over the punched path", () => RunAsync(forwarded))).RunAsync(rounds);

            async Task<Sample> RunAsync(IPEndPoint to)
            {
                await near.Input.WriteLineAsync($"{command} {to}").ConfigureAwait(false);
                await near.Input.FlushAsync().ConfigureAwait(false);
                string answer = await AnswerAsync(near, ForwardProcess.Done).ConfigureAwait(false);
                return new Sample(amount / double.Parse(answer.Split(' ')[1], CultureInfo.InvariantCulture));
            }
        }
    }

    private static async Task<NamespaceProcess> StartAsync(KernelHost host, params string[] arguments)
    {
        var process = host.Namespace.Start(Environment.ProcessPath!, arguments);
        await AnswerAsync(process, ForwardProcess.Ready).ConfigureAwait(false);
        return process;
    }

    private static Task<string> AnswerAsync(NamespaceProcess end, string answer) =>
        end.WaitForLineAsync(line => line.Split(' ')[0] == answer, s_patience, CancellationToken.None);
}
