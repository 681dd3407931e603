using System.CommandLine;
using Porthole.Cli.Doctor;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole doctor</c>.</summary>
internal static class DoctorCommand
{
    private const int DaySeconds = 86_400;

    /// <summary>Longer than the longest plan: plain checks, every method of hard NATs, a spray by UDP and one by TCP.</summary>
    private static readonly TimeSpan s_standardTimeout = TimeSpan.FromSeconds(45);

    public static Command Create()
    {
        var target = new Argument<PeerTarget?>("PEER") { Description = "Whom to connect to: a name, a name with its id (bob@ID), or an id.", CustomParser = Parsers.ParseTarget };
        var timeout = new Option<TimeSpan?>("--timeout")
        {
            Description = "How long to wait for the path to settle (default: 45).", HelpName = "SECONDS", CustomParser = Parsers.Seconds(0.001, DaySeconds),
        };
        var json = CommonOptions.Json();
        var command = new Command("doctor", "Connect to a peer and say how: what both sides' NATs do, what is planned and tried, what came of it and why. Exit code 0 if directly, 3 if over the relay.") { target, timeout };
        var peer = new PeerCommandOptions(command);
        command.Add(json);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, async (options, interrupted) =>
        {
            var settings = new DoctorSettings(parsed.GetValue(target)!, parsed.GetValue(timeout) ?? s_standardTimeout, parsed.GetValue(json));
            var run = new DoctorRun(settings, new DoctorReport(settings, options.Transports));
            var node = await PeerNode.StartAsync(options with { Observer = run.Observe }, interrupted).ConfigureAwait(false);
            await using (node.ConfigureAwait(false)) return await run.RunAsync(node, interrupted).ConfigureAwait(false);
        }));
        return command;
    }
}
