using System.Globalization;
using Porthole.Benchmarks.Harness;
using Porthole.Lab.Kernel;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// Bytes over a socket of a bare TCP punch between two port-restricted NATs of the kernel, against a plain TCP connection through the same two, for which one of
/// them forwards a port. Both connections stand from the beginning to the end.
/// </summary>
internal sealed class TcpRawBenchmark : IBenchmark
{
    private const int DefaultRounds = 11;

    /// <summary>A second or less.</summary>
    private const long Bytes = 1_000_000_000;

    private const int ForwardedPort = 9_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public string Name => "tcp-raw";

    public string Summary => "bytes over a punched socket through two kernel NATs; against a plain TCP connection through the same (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Punched socket\n\nNot run: {reason}\n";
        using var lab = new KernelLab(ipv6: false);
        var server = lab.Server.Namespace.Start(Environment.ProcessPath!, [PeerProcess.Server]);
        await server.WaitForLineAsync(static line => line == PeerProcess.Ready, s_patience, CancellationToken.None).ConfigureAwait(false);

        var (near, far) = (Start(lab, out _, out _), Start(lab, out var farSite, out var farHost));
        farSite.Router.LoadRules(
            $$"""
            table ip forwarded {
              chain prerouting {
                type nat hook prerouting priority dstnat
                tcp dport {{ForwardedPort}} dnat to {{farHost.Address}}
              }
            }
            """);
        await TellAsync(far, $"{PipeProcess.Accept} {ForwardedPort}", PipeProcess.Listening).ConfigureAwait(false);
        await TellAsync(near, $"{PipeProcess.Connect} {farSite.PublicAddress}:{ForwardedPort}").ConfigureAwait(false);
        await AnswerAsync(far).ConfigureAwait(false);

        string nearMapped = await TellAsync(near, PipeProcess.Map, PipeProcess.Mapped).ConfigureAwait(false);
        string farMapped = await TellAsync(far, PipeProcess.Map, PipeProcess.Mapped).ConfigureAwait(false);
        var punched = TellAsync(near, $"{PipeProcess.Punch} {farMapped.Split(' ')[1]}");
        await TellAsync(far, $"{PipeProcess.Punch} {nearMapped.Split(' ')[1]}").ConfigureAwait(false);
        await punched.ConfigureAwait(false);

        return await new Comparison(
            "A punched socket, port-restricted × port-restricted, between processes",
            "Gbit/s",
            new Contender("plain TCP connection through a forwarded port", () => TransferAsync(near, far, 1)),
            new Contender("socket of PunchTcpAsync", () => TransferAsync(near, far, 0)))
            .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
    }

    private static NamespaceProcess Start(KernelLab lab, out KernelSite site, out KernelHost host)
    {
        site = lab.AddSite(KernelNatKind.PortRestricted);
        host = site.AddHost("pipe");
        return host.Namespace.Start(Environment.ProcessPath!, [PipeProcess.Argument, $"{lab.Server.Address}:3478"]);
    }

    private static async Task<Sample> TransferAsync(NamespaceProcess from, NamespaceProcess to, int back)
    {
        var sending = TellAsync(from, string.Create(CultureInfo.InvariantCulture, $"{PipeProcess.Send} {Bytes} {back}"));
        string answer = await TellAsync(to, string.Create(CultureInfo.InvariantCulture, $"{PipeProcess.Receive} {Bytes} {back}")).ConfigureAwait(false);
        await sending.ConfigureAwait(false);
        double[] seconds = [.. answer.Split(' ').Skip(1).Select(static figure => double.Parse(figure, CultureInfo.InvariantCulture))];
        return new Sample(Bytes * 8 / seconds[0] / 1e9, new Sample.Figure("receiver's processor s/GB", seconds[1] / (Bytes / 1e9)));
    }

    private static async Task<string> TellAsync(NamespaceProcess end, string command, string answer = PipeProcess.Done)
    {
        await end.Input.WriteLineAsync(command).ConfigureAwait(false);
        await end.Input.FlushAsync().ConfigureAwait(false);
        return await AnswerAsync(end, answer).ConfigureAwait(false);
    }

    private static Task<string> AnswerAsync(NamespaceProcess end, string answer = PipeProcess.Done) =>
        end.WaitForLineAsync(line => line.Split(' ')[0] == answer, s_patience, CancellationToken.None);
}
