using System.CommandLine;
using Porthole.Cli.Chat;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole chat</c>.</summary>
internal static class ChatCommand
{
    public static Command Create()
    {
        var command = new Command("chat", "Chat with one or several peers, in a terminal or through a pipe. /help inside lists what can be typed.");
        var peer = new PeerCommandOptions(command);
        var connect = new Option<string[]>("--connect") { Description = "Call a peer at the start; may be given several times.", HelpName = "PEER" };
        var autoConnect = new Option<bool?>("--auto-connect")
        {
            Description = "Connect to everybody in the room; without a room, call every newcomer whom presence shows (default: true in a room, else false).", Arity = ArgumentArity.ZeroOrOne,
        };
        var downloads = new Option<string?>("--downloads")
        {
            Description = "Where files go that others send (default: the folder Downloads of your home, or the current one if there is none).", HelpName = "DIR", CustomParser = Parsers.ParseFile,
        };
        var acceptFiles = new Option<bool>("--accept-files") { Description = "Take files that others send without asking. In a pipe they are refused without this." };
        var accept = CommonOptions.Accept("whoever is in the --room; else ask in a terminal, known in a pipe");
        var room = CommonOptions.Room();
        var checks = CommonOptions.Checks();
        var json = CommonOptions.Json();
        foreach (Option option in new Option[] { connect, autoConnect, downloads, acceptFiles, accept, room, checks, json }) command.Add(option);
        connect.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!PeerTarget.TryParse(token.Value, out _)) result.AddError($"'{token.Value}' {Parsers.BadTarget}");
            }
        });
        command.SetAction((parsed, _) => peer.RunAsync(parsed, (options, interrupted) =>
        {
            string? roomName = parsed.GetValue(room);
            bool isMesh = parsed.GetValue(autoConnect) ?? (parsed.GetResult(autoConnect) is not null || roomName is not null);
            bool opensToRoom = isMesh && roomName is not null && parsed.GetValue(accept) is null;
            var settings = new ChatSettings(parsed.GetValue(connect) ?? [], roomName, isMesh, opensToRoom, parsed.GetValue(json), parsed.GetValue(checks))
            {
                Downloads = parsed.GetValue(downloads) ?? ChatSettings.StandardDownloads,
                AcceptsFiles = parsed.GetValue(acceptFiles),
            };
            options = options with
            {
                Accept = parsed.GetValue(accept) ?? (settings.IsInteractive || opensToRoom ? AcceptPolicy.Ask : AcceptPolicy.Known),
                Presence = roomName is null ? PresenceMode.Known : PresenceMode.Room,
                Room = roomName,
            };
            return new ChatSession(settings).RunAsync(options, interrupted);
        }));
        return command;
    }
}
