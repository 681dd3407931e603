using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Porthole.Cli.Check;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole check</c>.</summary>
internal static class CheckCommand
{
    /// <summary>STUN servers that may be named: two are enough to tell every mapping, and more than a few are a burden to somebody.</summary>
    private const int MaxServers = 8;

    /// <summary>How long to wait for the rest once something was answered.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    /// <summary>How long to wait for the first answer: by then each of the server's UDP ports was asked seven times, and a TCP connection was tried three times.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(5);

    /// <summary>How long nothing more is heard before a check is over: a trial that finds nothing takes a second, and a gateway that answers a fraction of it.</summary>
    private static readonly TimeSpan s_afterglow = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var command = new Command("check", "Find out which NATs stand in front of this host, what they do, and what that means for direct connections.");
        var peer = new PeerCommandOptions(command, hasName: false, hasPaths: false);
        var stun = new Option<string[]>("--stun")
        {
            Description = $"Ask these STUN servers, of any kind, in place of a Porthole server (port {StunCheck.StandardPort} where none is named).", HelpName = "HOST[:PORT]", AllowMultipleArgumentsPerToken = true,
        };
        var json = CommonOptions.Json();
        command.Add(stun);
        command.Add(json);
        stun.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!StunCheck.TryParse(token.Value, out _, out _)) result.AddError($"'{token.Value}' {StunCheck.BadServer}");
            }

            if (result.Tokens.Count > MaxServers) result.AddError(string.Create(CultureInfo.InvariantCulture, $"At most {MaxServers} STUN servers are asked."));
        });
        command.Validators.Add(result =>
        {
            if (result.GetResult(stun) is not null && peer.NeedsServer(result)) result.AddError("--stun asks STUN servers alone: leave out --server, --token, --identity, --hide-lan and --no-port-mapping.");
        });
        command.SetAction(async (parsed, _) =>
        {
            using var interrupt = new Interrupt();
            using var loggers = peer.CreateLog(parsed);
            if (parsed.GetValue(stun) is { Length: > 0 } servers)
            {
                var (network, port) = peer.ReadNetwork(parsed);
                var found = await StunCheck.RunAsync(servers, network, port, loggers.CreateLogger("Porthole"), interrupt.Token).ConfigureAwait(false);
                CheckReport.Write(new CheckFindings(found, string.Join(", ", servers)), parsed.GetValue(json));
                return ExitCode.Success;
            }

            var newest = NatReport.Unknown;
            long lastNews = Stopwatch.GetTimestamp();
            var complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var options = peer.Read(parsed, loggers) with
            {
                Observer = happened =>
                {
                    if (happened is PeerEvent.NatReported or PeerEvent.PortsMapped) Volatile.Write(ref lastNews, Stopwatch.GetTimestamp());
                    if (happened is not PeerEvent.NatReported { Report: var report }) return;
                    newest = report;
                    if (report is { IsComplete: true, Tcp.IsComplete: true }) complete.TrySetResult();
                },
            };
            var node = await PeerNode.StartAsync(options, interrupt.Token).ConfigureAwait(false);
            await using (node.ConfigureAwait(false))
            {
                using var late = CancellationTokenSource.CreateLinkedTokenSource(interrupt.Token);
                late.CancelAfter(s_patience);
                await Task.WhenAny(complete.Task, Task.Delay(s_silence, late.Token)).ConfigureAwait(false);
                if (!IsSettled(newest)) await complete.Task.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                // What takes trials comes later: filtering, hops, what the gateway maps. It is over when nothing more is heard.
                while (newest.IsUdpReachable && s_afterglow - Stopwatch.GetElapsedTime(Volatile.Read(ref lastNews)) is { Ticks: > 0 } rest)
                {
                    await Task.Delay(rest, late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    if (late.IsCancellationRequested) break;
                }

                interrupt.Token.ThrowIfCancellationRequested();
                var findings = new CheckFindings(newest, options.Server.Uri.Authority) { Ports = node.MappedPorts, PortProblem = node.PortMappingProblem };
                CheckReport.Write(findings, parsed.GetValue(json));
            }

            if (newest.IsUdpReachable) return ExitCode.Success;
            Complaint.Write(UdpWarning.Text(options.Server));
            return ExitCode.UdpBlocked;
        });
        return command;
    }

    /// <summary>Whether more waiting is of no use: what was heard of is complete, and of the rest the silence was long enough.</summary>
    private static bool IsSettled(NatReport report) => (report.IsComplete || !report.IsUdpReachable) && report.Tcp is null or { IsComplete: true } or { IsReachable: false };
}
