using System.Globalization;
using Porthole.Cli.Terminal;

namespace Porthole.Cli.Chat;

/// <summary>A chat in a terminal: coloured lines above the line that is being typed. One tick behind a line means sent, two mean shown at the peer.</summary>
internal sealed class TerminalView(LineEditor editor, bool showsChecks) : IChatView
{
    private const string Dim = "\e[2m";
    private const string Bold = "\e[1m";
    private const string Red = "\e[31m";
    private const string Green = "\e[32m";
    private const string Yellow = "\e[33m";
    private const string Cyan = "\e[36m";
    private const string Plain = "\e[0m";

    private readonly bool _colours = Environment.GetEnvironmentVariable("NO_COLOR") is not { Length: > 0 };

    public void Show(ChatEvent happened)
    {
        if (happened is ChatEvent.Check or ChatEvent.Pair && !showsChecks) return;
        if (Line(happened) is { } line) editor.PrintLine(line);
    }

    private string? Line(ChatEvent happened) => happened switch
    {
        ChatEvent.Message message => $"{Time()} {In(Bold + Cyan, message.Peer)} {In(Dim, $"({ChatText.Way(message.Kind)})")}: {Words.Safe(message.Text)}",
        ChatEvent.Sent sent => string.Create(CultureInfo.InvariantCulture, $"{Time()} {In(Bold, $"you > {string.Join(", ", sent.Peers)}")}: {Words.Safe(sent.Text)} {In(Dim, $"[{sent.Number}] ✓")}"),
        ChatEvent.Delivered delivered => In(Dim, string.Create(CultureInfo.InvariantCulture, $"      [{delivered.Number}] ✓✓ {delivered.Peer}, {Words.Span(delivered.RoundTrip)}")),
        ChatEvent.Incoming or ChatEvent.Ringing => In(Yellow, ChatText.Describe(happened)!),
        ChatEvent.Path { On.IsDirect: true } => In(Green, ChatText.Describe(happened)!),
        ChatEvent.Path => In(Yellow, ChatText.Describe(happened)!),
        ChatEvent.Failed or ChatEvent.ServerLost => In(Red, ChatText.Describe(happened)!),
        _ => ChatText.Describe(happened) is { } text ? In(Dim, text) : null,
    };

    private string Time() => In(Dim, DateTime.Now.ToString("HH:mm", CultureInfo.InvariantCulture));

    private string In(string style, string text) => _colours ? style + text + Plain : text;
}
