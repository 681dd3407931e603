using System.CommandLine;
using System.Runtime.CompilerServices;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole listen</c>.</summary>
internal static class ListenCommand
{
    public static Command Create()
    {
        var command = new Command("listen", "Wait for peers, echo their streams and datagrams, and so answer their pings. Runs until it is stopped.");
        var peer = new PeerCommandOptions(command);
        var accept = CommonOptions.Accept("anyone");
        var json = CommonOptions.Json();
        command.Add(accept);
        command.Add(json);
        command.SetAction((parsed, _) => peer.RunAsync(parsed, async (options, interrupted) =>
        {
            var policy = parsed.GetValue(accept) ?? AcceptPolicy.Anyone;
            if (policy == AcceptPolicy.Ask && Console.IsInputRedirected)
            {
                throw new PeerException(PeerError.BadRequest, "'--accept ask' needs a terminal to ask in. Use --accept anyone or --accept known.");
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
            var listener = new Listener(parsed.GetValue(json), stop);
            bool isWarned = false;
            options = options with
            {
                Accept = policy,
                RemembersCallers = policy != AcceptPolicy.Anyone,
                Observer = happened =>
                {
                    if (isWarned || !UdpWarning.Applies(happened, options)) return;
                    isWarned = true;
                    ThreadPool.QueueUserWorkItem(static server => Complaint.Write(UdpWarning.Text(server)), options.Server, preferLocal: false);
                },
            };
            var node = await PeerNode.StartAsync(options, interrupted).ConfigureAwait(false);
            await using (node.ConfigureAwait(false)) return await listener.RunAsync(node, policy == AcceptPolicy.Ask).ConfigureAwait(false);
        }));
        return command;
    }

    /// <summary>A listening peer and what it says.</summary>
    private sealed class Listener(bool json, CancellationTokenSource stop)
    {
        public async Task<int> RunAsync(PeerNode node, bool asks)
        {
            var watch = new ServerWatch(node, json, stop);
            var answering = asks ? CallQuestions.AnswerAsync(node, "wants to connect", ServeAsync, stop.Token) : Task.CompletedTask;
            try
            {
                while (true) _ = ServeAsync(await node.AcceptAsync(stop.Token).ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                await answering.ConfigureAwait(false);
            }

            return watch.Finish();
        }

        private async Task ServeAsync(PeerConnection connection)
        {
            string name = connection.RemoteName ?? connection.RemotePeerId.Short;
            PathNews.Follow(
                connection,
                json,
                path => Say("connected", connection, name, $"{name} ({connection.RemotePeerId}) is connected, {path.InWords}."),
                path =>
                {
                    if (json) PeerJson.WritePath(path, null, name);
                    else Console.WriteLine($"{name}: {path.InWords}.");
                });
            var told = new StrongBox<PathVerdict?>();
            connection.VerdictChanged += (_, verdict) => SayVerdict(name, verdict, told);
            SayVerdict(name, connection.Verdict, told); // what there was to say before anybody listened
            await Echo.RunAsync(connection, stop.Token).ConfigureAwait(false);
            if (!connection.Closed.IsCompleted) return;
            var end = await connection.Closed.ConfigureAwait(false);
            string reason = end.Text.Length > 0 ? $": {Words.Safe(end.Text)}" : "";
            Say("closed", connection, name, $"{name} is gone ({end.Error}){reason}");
        }

        private void SayVerdict(string name, PathVerdict verdict, StrongBox<PathVerdict?> told)
        {
            lock (told)
            {
                if (!verdict.IsNewsAfter(told.Value)) return;
                told.Value = verdict;
            }

            if (json) PeerJson.WriteVerdict(verdict, name);
            else if (verdict.Reason != VerdictReason.Direct) Console.WriteLine($"{name}: {verdict.InFull}"); // the path was told
        }

        private void Say(string what, PeerConnection connection, string name, string text)
        {
            if (!json)
            {
                Console.WriteLine(text);
                return;
            }

            JsonLines.Write(what, writer =>
            {
                writer.WriteString("peer", name);
                writer.WriteString("peerId", connection.RemotePeerId.ToString());
                if (connection.Closed is { IsCompletedSuccessfully: true, Result: var end }) writer.WriteString("error", end.Error.ToString());
            });
        }
    }
}
