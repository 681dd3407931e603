using System.CommandLine;
using System.CommandLine.Parsing;
using Porthole.Cli.Transfer;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole send</c>.</summary>
internal static class SendCommand
{
    private const int DaySeconds = 86_400;

    public static Command Create()
    {
        var what = new Argument<string[]>("PATH… PEER")
        {
            Description = "Files and folders, and at last to whom they go: a name, a name with its id (bob@ID), or an id. With --code there is no PEER.", Arity = ArgumentArity.OneOrMore,
        };
        var code = new Option<PairingCode?>("--code")
        {
            Description = "Send to whoever has the code: without a value a new one is made and shown; with one, an earlier transfer goes on.",
            HelpName = "CODE",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = ParseCode,
        };
        var wait = new Option<TimeSpan?>("--wait")
        {
            Description = "How long to wait for the other side when it is not there (default: not at all at first contact, and 600 s once there was one).",
            HelpName = "SECONDS",
            CustomParser = Parsers.Seconds(0, DaySeconds),
        };
        var json = CommonOptions.Json();
        var command = new Command("send", "Send files and folders to a peer, which runs 'porthole receive'. What was interrupted goes on where it was when the same command is run again.") { what, code, wait };
        var peer = new PeerCommandOptions(command);
        command.Add(json);
        command.Validators.Add(result => Validate(result, what, code));
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            string[] words = parsed.GetValue(what)!;
            bool hasCode = parsed.GetResult(code) is not null;
            var given = parsed.GetValue(code);
            var settings = new SendSettings(
                [.. hasCode ? words : words[..^1]],
                !hasCode && PeerTarget.TryParse(words[^1], out var target) ? target : null,
                hasCode ? given ?? PairingCode.Create(OperatingSystemEntropy.Instance) : null,
                hasCode && given is null,
                peer.NamesIdentity(parsed),
                parsed.GetValue(wait),
                parsed.GetValue(json));
            return new SendSession(settings).RunAsync(options, interrupted);
        }));
        return command;
    }

    /// <summary>What follows <c>--code</c> is the code: a path there is a slip.</summary>
    private static PairingCode? ParseCode(ArgumentResult result)
    {
        if (result.Tokens is not [{ Value: var text }] || PairingCode.TryParse(text, out _, out _) || !Path.Exists(text)) return Parsers.ParseCode(result);
        result.AddError($"'{text}' behind --code is read as a code, and is none. Name what to send before --code.");
        return null;
    }

    private static void Validate(CommandResult result, Argument<string[]> what, Option<PairingCode?> code)
    {
        if (result.GetResult(code) is not null || result.GetResult(what) is not { Tokens: { Count: > 0 } words }) return;
        if (words.Count == 1)
        {
            result.AddError($"To whom is '{words[0].Value}' to go? Name a peer behind it, or make a code for somebody with --code.");
        }
        else if (!PeerTarget.TryParse(words[^1].Value, out _))
        {
            result.AddError($"'{words[^1].Value}' {Parsers.BadTarget} The last argument says to whom the others go; to send by a code, add --code.");
        }
    }
}
