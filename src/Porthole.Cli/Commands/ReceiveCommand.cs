using System.CommandLine;
using Porthole.Cli.Transfer;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole receive</c>.</summary>
internal static class ReceiveCommand
{
    private const int DaySeconds = 86_400;

    /// <summary>How long the other side of a code that was met before is waited for: as long as a server lets somebody wait with a new one.</summary>
    private static readonly TimeSpan s_standardWait = TimeSpan.FromMinutes(10);

    public static Command Create()
    {
        var code = new Option<PairingCode?>("--code") { Description = "Receive from whoever made this code with 'porthole send … --code', and end then.", HelpName = "CODE", CustomParser = Parsers.ParseCode };
        var to = new Option<string?>("--to") { Description = "The folder to receive into (default: the current one).", HelpName = "DIR", CustomParser = Parsers.ParseFile };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace what is there by the same name; otherwise such an offer is refused." };
        var once = new Option<bool>("--once") { Description = "End after the first transfer." };
        var wait = new Option<TimeSpan?>("--wait") { Description = "With --code: how long to wait for the other side (default: 600 s).", HelpName = "SECONDS", CustomParser = Parsers.Seconds(0.001, DaySeconds) };
        var json = CommonOptions.Json();
        var accept = CommonOptions.Accept("ask in a terminal, known otherwise");
        accept.Description = "Whose files to take: anyone's, those of known peers (met before), or ask (default: ask in a terminal, known otherwise).";
        var command = new Command("receive", "Receive files and folders that peers send with 'porthole send'. Runs until it is stopped, or with --code until the transfer is done.") { code, to, accept, overwrite, once, wait };
        var peer = new PeerCommandOptions(command);
        command.Add(json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(wait) is not null && result.GetResult(code) is null) result.AddError("--wait is for --code: without a code it is waited until you stop it. Leave it out.");
        });
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            bool isJson = parsed.GetValue(json);
            bool isInteractive = !isJson && !Console.IsInputRedirected && !Console.IsOutputRedirected;
            var policy = parsed.GetValue(accept) ?? (isInteractive ? AcceptPolicy.Ask : AcceptPolicy.Known);
            if (policy == AcceptPolicy.Ask && !isInteractive && !isJson)
            {
                throw new PeerException(PeerError.BadRequest, "'--accept ask' needs a terminal to ask in. Use --accept known or --accept anyone, or --json to be asked there.");
            }

            var settings = new ReceiveSettings(
                parsed.GetValue(to) ?? ".",
                policy,
                parsed.GetValue(code),
                peer.NamesIdentity(parsed),
                parsed.GetValue(overwrite),
                parsed.GetValue(once),
                parsed.GetValue(wait) ?? s_standardWait,
                isJson);
            return new ReceiveSession(settings).RunAsync(options, interrupted);
        }));
        return command;
    }
}
