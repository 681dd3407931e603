using Porthole.Cli.Terminal;
using Porthole.Cli.Transfer;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>One run of <c>porthole chat</c>, in a terminal or through a pipe.</summary>
internal sealed class ChatSession(ChatSettings settings)
{
    /// <summary>How long a line from a pipe waits for somebody to send it to.</summary>
    private static readonly TimeSpan s_companyPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long the end of a pipe waits for the next acknowledgement: longer than a session needs to leave a dead path.</summary>
    private static readonly TimeSpan s_deliveryPatience = TimeSpan.FromSeconds(10);

    /// <summary>Commands that wait for others.</summary>
    private static readonly string[] s_slow = ["/connect", "/accept", "/send"];

    /// <summary>Starts the peer and chats until the input ends.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">The peer cannot be registered.</exception>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        using var editor = settings.IsInteractive ? new LineEditor() : null;
        IChatView view = editor is not null ? new TerminalView(editor, settings.Checks) : settings.Json ? new JsonView(settings.Checks) : new PlainView(settings.Checks);
        var log = new PeerEventLog();
        ChatRoom? opened = null; // this, and what follows, is the log's: it does one thing after the other
        var early = new List<PeerEvent.PresenceChanged>();
        bool isWarned = false;
        log.Handle((happened, at) =>
        {
            if (happened is PeerEvent.PresenceChanged presence && opened is null) early.Add(presence);
            else Show(view, opened, happened, JsonView.TimeOf(at));
            if (isWarned || !UdpWarning.Applies(happened, options)) return;
            isWarned = true;
            view.Show(new ChatEvent.Notice(UdpWarning.Text(options.Server)));
        });
        var node = await PeerNode.StartAsync(options with { Observer = log.Observe }, interrupted).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            var room = new ChatRoom(node, view, settings);
            var commands = new ChatCommands(room, node, view);
            room.Start();
            log.Post(() =>
            {
                opened = room;
                foreach (var presence in early) room.HandlePresence(presence.Peer, presence.Online); // who came meanwhile is greeted now
            });
            try
            {
                return editor is not null
                    ? await TypeAsync(editor, view, room, commands, interrupted).ConfigureAwait(false)
                    : await PipeAsync(room, commands, interrupted).ConfigureAwait(false);
            }
            finally
            {
                await room.CloseAsync().ConfigureAwait(false);
                await log.CompleteAsync().ConfigureAwait(false);
            }
        }
    }

    private static void Show(IChatView view, ChatRoom? room, PeerEvent happened, double at)
    {
        switch (happened)
        {
            case PeerEvent.Ringing:
                view.Show(new ChatEvent.Ringing());
                break;
            case PeerEvent.CheckTraced check:
                view.Show(new ChatEvent.Check(check, at));
                break;
            case PeerEvent.VerdictChanged changed:
                if (room?.AllLinks.FirstOrDefault(link => link.Connection.Handle == changed.Connection) is not { } link || !changed.Verdict.IsNewsAfter(link.Verdict)) break;
                link.Verdict = changed.Verdict;
                view.Show(new ChatEvent.Reason(link.Label, changed.Verdict));
                break;
            case PeerEvent.PresenceChanged presence:
                room?.HandlePresence(presence.Peer, presence.Online);
                break;
            case PeerEvent.PairFound pair:
                view.Show(new ChatEvent.Pair(pair.Local, pair.Remote, at));
                break;
        }
    }

    private async Task<int> TypeAsync(LineEditor editor, IChatView view, ChatRoom room, ChatCommands commands, CancellationToken interrupted)
    {
        using var status = new StatusLine(editor, room);
        editor.Completions = new ChatCompletions(room).Of;
        view.Show(new ChatEvent.Notice("Type /help for what you can do, Ctrl-D or /quit to leave."));
        foreach (string whom in settings.Connect) _ = commands.ConnectAsync(whom);
        while (true)
        {
            var next = editor.ReadLineAsync(interrupted);
            if (await Task.WhenAny(next, room.Lost.Task).ConfigureAwait(false) != next) await room.Lost.Task.ConfigureAwait(false);
            string? line;
            try
            {
                line = await next.ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return ExitCode.Success; // Ctrl-C is how one leaves a chat, too
            }

            if (line is null) return ExitCode.Success;
            if (s_slow.Contains(line.Trim().Split(' ')[0]))
            {
                _ = commands.RunAsync(line); // may take long; the editor stays free
            }
            else if (!await commands.RunAsync(line).ConfigureAwait(false))
            {
                return ExitCode.Success;
            }
        }
    }

    private async Task<int> PipeAsync(ChatRoom room, ChatCommands commands, CancellationToken interrupted)
    {
        var sending = new List<Task>();
        try
        {
            foreach (string whom in settings.Connect) await commands.ConnectAsync(whom).WaitAsync(interrupted).ConfigureAwait(false);
            if (commands.FirstFailure != 0 && room.Everyone.Length == 0) return commands.FirstFailure;
            while (true)
            {
                var next = Task.Run(Console.In.ReadLine, interrupted); // a read from a pipe cannot be called back: it is left behind at the end
                if (await Task.WhenAny(next.WaitAsync(interrupted), room.Lost.Task).ConfigureAwait(false) == room.Lost.Task) await room.Lost.Task.ConfigureAwait(false);
                if (await next.WaitAsync(interrupted).ConfigureAwait(false) is not { } line) break;
                if (IsMessage(line) && commands.FirstFailure == 0) await room.WaitForSomebodyAsync(s_companyPatience, interrupted).ConfigureAwait(false);
                if (settings.Json && line.StartsWith("/send ", StringComparison.Ordinal))
                {
                    sending.Add(commands.RunAsync(line)); // the program may have to answer an offer meanwhile
                    continue;
                }

                if (!await commands.RunAsync(line).WaitAsync(interrupted).ConfigureAwait(false)) break;
            }

            await Task.WhenAll(sending).WaitAsync(interrupted).ConfigureAwait(false);
            return await DeliverAsync(room, interrupted).ConfigureAwait(false) ? commands.FirstFailure : ExitCode.NotDelivered;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
    }

    /// <summary>Whether a line is for somebody, who must be there.</summary>
    private static bool IsMessage(string line) =>
        line.Trim() is { Length: > 0 } text && (text[0] != '/' || text.StartsWith("//", StringComparison.Ordinal) || text.StartsWith("/send ", StringComparison.Ordinal));

    /// <summary>Waits until what was sent is delivered, or no more of it is.</summary>
    /// <returns>Whether everybody has everything that was for them.</returns>
    private static async Task<bool> DeliverAsync(ChatRoom room, CancellationToken interrupted)
    {
        await room.Files.CompleteAsync().WaitAsync(interrupted).ConfigureAwait(false); // a transfer ends by itself: what is silent is given up
        var delivery = Task.WhenAll(room.AllLinks.Select(link => link.WaitDeliveredAsync(interrupted)));
        await Patience.WaitAsync(delivery, () => Task.FromResult<long>(room.Undelivered.Values.Sum()), s_deliveryPatience, interrupted).ConfigureAwait(false);
        var undelivered = room.Undelivered;
        foreach (var (label, count) in undelivered) Complaint.Write($"{label} did not acknowledge {Amounts.Count(count, "message")}.");
        return undelivered.Count == 0 && !room.HasRefused;
    }
}
