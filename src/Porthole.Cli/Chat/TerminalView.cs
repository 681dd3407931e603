using System.Globalization;
using Porthole.Cli.Terminal;
using Porthole.Protocol;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Porthole.Cli.Chat;

/// <summary>
/// A chat in a terminal: lines above the one that is being typed, in the colours of their speakers, and tables. One tick behind a line means sent, two mean shown at everyone
/// whom it was sent to.
/// </summary>
internal sealed class TerminalView(LineEditor editor, bool showsChecks) : IChatView
{
    /// <summary>Where there are fewer columns, lines are not aligned behind time and speaker: little would be left for the text.</summary>
    private const int LeastAligned = 50;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Delivery> _deliveries = [];

    public void Show(ChatEvent happened)
    {
        if (happened is ChatEvent.Check or ChatEvent.Pair && !showsChecks) return;
        lock (_gate)
        {
            foreach (var line in Follow(happened)) Print(line);
        }
    }

    /// <summary>What an event looks like at a width; nothing where nothing is shown.</summary>
    public static IRenderable? Render(ChatEvent happened, int width) => happened switch
    {
        ChatEvent.Message message => Said(message.Peer, ChatColours.Of(message.Peer), message.Text, message.Kind is PathKind.Udp or PathKind.Tcp ? "" : "(relayed)", width),
        ChatEvent.Sent sent => Said(
            sent.Peers is [var one] ? $"you > {one}" : "you",
            ChatColours.Bold,
            sent.Text,
            string.Create(CultureInfo.InvariantCulture, $"[{sent.Number}] ✓{ChatText.Missed(sent)}"),
            width),
        ChatEvent.PeersListed { List.Count: > 0 } peers => TableOf(peers.List),
        ChatEvent.Help => Help(),
        ChatEvent.Verified verified => new Rows(
            Marked(new Paragraph().Append($"{verified.Peer}: ", ChatColours.Dim).Append(verified.Words, ChatColours.Bold)),
            Marked(new Text(ChatText.Comparing, ChatColours.Dim))),
        ChatEvent.Delivered or ChatEvent.File { News: FileNews.Progress } => null, // the one is told when all have it, the other is in the prompt
        _ => ChatText.Describe(happened) is { } line ? Marked(new Text(line[ChatText.Mark.Length..], StyleOf(happened))) : null,
    };

    private static Style StyleOf(ChatEvent happened) => happened switch
    {
        ChatEvent.Incoming or ChatEvent.Ringing or ChatEvent.File { News: FileNews.Offered { IsAsked: true } } => ChatColours.Attention,
        ChatEvent.Path { On.IsDirect: true } or ChatEvent.File { News: FileNews.Received or FileNews.Sent } => ChatColours.Good,
        ChatEvent.Path => ChatColours.Attention,
        ChatEvent.Failed or ChatEvent.ServerLost or ChatEvent.File { News: FileNews.Failed } => ChatColours.Bad,
        _ => ChatColours.Dim,
    };

    /// <summary>A line that somebody said. Its text may hold anything: it is shown as it is, but for what could move the cursor.</summary>
    private static IRenderable Said(string speaker, Style style, string text, string remark, int width)
    {
        string time = DateTime.Now.ToString("HH:mm", CultureInfo.InvariantCulture);
        var said = new Paragraph().Append(Words.Safe(text));
        if (remark.Length > 0) said.Append($" {remark}", ChatColours.Dim);
        if (width >= LeastAligned) return Columns(new Text(time, ChatColours.Dim), new Text(speaker, style), said);
        return new Paragraph().Append(time, ChatColours.Dim).Append($" {speaker} ", style).Append(Words.Safe(text)).Append(remark.Length > 0 ? $" {remark}" : "", ChatColours.Dim);
    }

    private static Grid Marked(IRenderable text) => Columns(new Text(ChatText.Mark.TrimEnd(), ChatColours.Dim), text);

    /// <summary>Columns beside each other, the last of which wraps within itself.</summary>
    private static Grid Columns(params IRenderable[] columns)
    {
        var grid = new Grid();
        for (int i = 0; i < columns.Length; i++) grid.AddColumn(new GridColumn { NoWrap = i < columns.Length - 1, Padding = new Padding(0, 0, i < columns.Length - 1 ? 1 : 0, 0) });
        return grid.AddRow(columns);
    }

    private static Table TableOf(IReadOnlyList<ChatPeer> peers)
    {
        var table = new Table { Border = TableBorder.Rounded, BorderStyle = ChatColours.Dim };
        foreach (string title in (string[])["peer", "path", "there and back", "remark"]) table.AddColumn(new TableColumn(new Text(title, ChatColours.Dim)));
        foreach (var peer in peers)
        {
            string waiting = peer.Undelivered == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{peer.Undelivered} messages not delivered yet. ");
            var style = peer.Path is { } path ? path.IsDirect ? ChatColours.Good : ChatColours.Attention : ChatColours.Dim;
            table.AddRow(
                new Text(peer.Peer, ChatColours.Of(peer.Peer)),
                new Text(peer.Standing, style),
                new Text(peer.RoundTrip is { } time ? Words.Span(time) : ""),
                new Text(waiting + Words.Safe(peer.Remark)));
        }

        return table;
    }

    private static Rows Help()
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = false };
        table.AddColumn(new TableColumn("") { NoWrap = true }).AddColumn("");
        foreach (var (name, meaning) in ChatCommands.All) table.AddRow(new Text(name, ChatColours.Bold), new Text(meaning));
        return new Rows(table, Marked(new Text(ChatCommands.Usage, ChatColours.Dim)));
    }

    /// <summary>What is to be printed of an event: a message is told to be delivered when everyone has it.</summary>
    private IEnumerable<IRenderable> Follow(ChatEvent happened)
    {
        if (Render(happened, LineEditor.Width) is { } line) yield return line;
        switch (happened)
        {
            case ChatEvent.Sent sent:
                _deliveries[sent.Number] = new Delivery(sent.Peers);
                break;
            case ChatEvent.Delivered delivered when _deliveries.TryGetValue(delivered.Number, out var delivery):
                if (delivery.Take(delivered.Peer, delivered.RoundTrip)) yield return Done(delivered.Number, delivery);
                break;
            case ChatEvent.Left left:
                foreach (var (number, delivery) in _deliveries.ToArray())
                {
                    if (delivery.Take(left.Peer, null)) yield return Done(number, delivery);
                }

                break;
        }
    }

    private Text Done(ulong number, Delivery delivery)
    {
        _deliveries.Remove(number);
        string whom = delivery.Taken switch
        {
            [] => "nobody",
            [var one] => one,
            var all => string.Create(CultureInfo.InvariantCulture, $"{all.Count} peers"),
        };
        return new Text(string.Create(CultureInfo.InvariantCulture, $"      [{number}] {(delivery.Taken.Count > 0 ? $"✓✓ {whom}, {Words.Span(delivery.Longest)}" : "✗ nobody")}"), ChatColours.Dim);
    }

    private void Print(IRenderable line) => editor.PrintLine(Rendering.Lines(line, LineEditor.Width, Rendering.HasColours));

    /// <summary>Who has a message, and who does not yet.</summary>
    private sealed class Delivery(IEnumerable<string> peers)
    {
        private readonly HashSet<string> _waiting = [.. peers];

        public List<string> Taken { get; } = [];

        public TimeSpan Longest { get; private set; }

        /// <summary>Somebody has it, after a while, or has left without.</summary>
        /// <returns>Whether nobody is waited for any more.</returns>
        public bool Take(string peer, TimeSpan? roundTrip)
        {
            if (!_waiting.Remove(peer)) return false;
            if (roundTrip is { } time)
            {
                Taken.Add(peer);
                if (time > Longest) Longest = time;
            }

            return _waiting.Count == 0;
        }
    }
}
