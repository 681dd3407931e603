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
        var autoConnect = new Option<bool>("--auto-connect") { Description = "Call every newcomer whom presence shows; whoever was there first calls." };
        var accept = CommonOptions.Accept("ask in a terminal, known in a pipe");
        var room = CommonOptions.Room();
        var trace = CommonOptions.Trace();
        var json = CommonOptions.Json();
        foreach (Option option in new Option[] { connect, autoConnect, accept, room, trace, json }) command.Add(option);
        connect.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!PeerTarget.TryParse(token.Value, out _)) result.AddError($"'{token.Value}' {Parsers.BadTarget}");
            }
        });
        command.SetAction(async (parsed, _) =>
        {
            using var interrupt = new Interrupt();
            using var loggers = peer.CreateLog(parsed);
            var settings = new ChatSettings(parsed.GetValue(connect) ?? [], parsed.GetValue(autoConnect), parsed.GetValue(json), parsed.GetValue(trace));
            string? roomName = parsed.GetValue(room);
            var options = peer.Read(parsed, loggers) with
            {
                Accept = parsed.GetValue(accept) ?? (settings.IsInteractive ? AcceptPolicy.Ask : AcceptPolicy.Known),
                Presence = roomName is null ? PresenceMode.Known : PresenceMode.Room,
                Room = roomName,
            };
            return await new ChatSession(settings).RunAsync(options, interrupt.Token).ConfigureAwait(false);
        });
        return command;
    }
}
