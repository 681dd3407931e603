using System.CommandLine;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole peers</c>.</summary>
internal static class PeersCommand
{
    public static Command Create()
    {
        var command = new Command("peers", "List the peers that are online and that you may see: those in a room, or those you know and who know you.");
        var peer = new PeerCommandOptions(command, hasPaths: false);
        var room = CommonOptions.Room();
        var json = CommonOptions.Json();
        command.Add(room);
        command.Add(json);
        command.SetAction(async (parsed, _) =>
        {
            using var interrupt = new Interrupt();
            using var loggers = peer.CreateLog(parsed);
            string? roomName = parsed.GetValue(room);
            var options = peer.Read(parsed, loggers) with { Presence = roomName is null ? PresenceMode.Known : PresenceMode.Room, Room = roomName, Transports = Transports.None };
            var node = await PeerNode.StartAsync(options, interrupt.Token).ConfigureAwait(false);
            await using (node.ConfigureAwait(false))
            {
                Show([.. (await node.GetPeersAsync(interrupt.Token).ConfigureAwait(false)).OrderBy(static one => one.Name ?? "~", StringComparer.Ordinal)], parsed.GetValue(json));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(PeerInfo[] peers, bool json)
    {
        if (json)
        {
            JsonLines.Write("peers", writer =>
            {
                writer.WriteStartArray("peers");
                foreach (var one in peers)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", one.Name);
                    writer.WriteString("peerId", one.Peer.ToString());
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        foreach (var one in peers) Console.WriteLine($"{one.Name ?? "-",-32} {one.Peer}");
        if (peers.Length == 0) Console.Error.WriteLine("Nobody is online whom you may see. Peers are seen in the same --room, or when both know each other.");
    }
}
