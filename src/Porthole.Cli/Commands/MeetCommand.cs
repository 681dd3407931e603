using System.CommandLine;
using Porthole.Cli.Meet;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole meet</c>.</summary>
internal static class MeetCommand
{
    private const int DaySeconds = 86_400;

    public static Command Create()
    {
        var code = new Argument<PairingCode?>("CODE")
        {
            Description = "The code that the other side was given by '--new'; without one, whoever comes to the server's lobby.",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = Parsers.ParseCode,
        };
        var isNew = new Option<bool>("--new") { Description = "Make a new code, show it, and wait for whoever has it." };
        var echo = new Option<bool>("--echo") { Description = "Send back what the other side types; at the end of the input go on doing so." };
        var wait = new Option<TimeSpan?>("--wait-direct")
        {
            Description = "Give up, with exit code 3 and the reason, if there is no direct path after so long (default: say so after 10, and go on over the relay).",
            HelpName = "SECONDS",
            CustomParser = Parsers.Seconds(0.001, DaySeconds),
        };
        var checks = CommonOptions.Checks();
        var json = CommonOptions.Json();
        var command = new Command("meet", "Meet somebody at a server, by a code or in its lobby: the first waits, the second completes the pair, and the server is left when a direct path stands.") { code, isNew, echo, wait };
        var peer = new PeerCommandOptions(command);
        command.Add(checks);
        command.Add(json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(isNew) is not null && result.GetResult(code) is { Tokens.Count: > 0 }) result.AddError("--new makes a code, so none can be given. Leave one of the two out.");
        });
        command.SetAction((parsed, _) => peer.RunAsync(parsed, async (options, interrupted) =>
        {
            using var ephemeral = peer.NamesIdentity(parsed) ? null : IdentityKey.Generate(OperatingSystemEntropy.Instance);
            if (ephemeral is not null) options = options with { Identity = ephemeral, IdentityPath = null };
            var settings = new MeetSettings(
                parsed.GetValue(isNew) ? PairingCode.Create(OperatingSystemEntropy.Instance) : parsed.GetValue(code),
                parsed.GetValue(isNew),
                ephemeral is not null,
                parsed.GetValue(echo),
                parsed.GetValue(wait),
                parsed.GetValue(json),
                parsed.GetValue(checks));
            var log = new PeerEventLog();
            var report = new MeetReport(settings, options, log);
            report.Watch();
            try
            {
                var node = await PeerNode.StartAsync(options with { Observer = log.Observe }, interrupted).ConfigureAwait(false);
                await using (node.ConfigureAwait(false)) return await new MeetSession(settings, report).RunAsync(node, interrupted).ConfigureAwait(false);
            }
            finally
            {
                await log.CompleteAsync().ConfigureAwait(false);
            }
        }));
        return command;
    }
}
