using System.Globalization;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>The events of a chat as lines for a person or a script.</summary>
internal static class ChatText
{
    /// <summary>What every line but a message begins with. No name can.</summary>
    public const string Mark = "* ";

    /// <summary>What to do with the words of a connection.</summary>
    public const string Comparing = "Read them to each other by voice: if both see the same words, nobody is in between.";

    private const int WidthOfCommands = 20;

    /// <summary>The lines, of which there may be none.</summary>
    public static IEnumerable<string> Lines(ChatEvent happened) => happened switch
    {
        ChatEvent.PeersListed peers => peers.List.Select(static peer => Mark + Describe(peer)),
        ChatEvent.Help => [.. ChatCommands.All.Select(static one => Mark + $"{one.Name,-WidthOfCommands} {one.Meaning}"), Mark + ChatCommands.Usage],
        _ => Describe(happened) is { } line ? [line] : [],
    };

    /// <summary>The line of an event that has one; null where nothing is shown.</summary>
    public static string? Describe(ChatEvent happened) => happened switch
    {
        ChatEvent.Message message => $"{message.Peer}: {Words.Safe(message.Text)}",
        ChatEvent.Registered registered => Mark + $"You are {registered.Name ?? "nameless"}, {registered.Id}.",
        ChatEvent.ServerLost lost => Mark + $"The server is lost: {lost.Text} Trying again; direct chats go on.",
        ChatEvent.Presence presence => Mark + $"{presence.Peer} is {(presence.IsOnline ? "online" : "offline")}.",
        ChatEvent.Calling calling => Mark + $"Calling {calling.Peer} ...",
        ChatEvent.Ringing => Mark + "They are being asked.",
        ChatEvent.Incoming incoming => Mark + $"{incoming.Peer} ({incoming.Id}) wants to chat: /accept {incoming.Peer} or /refuse {incoming.Peer}",
        ChatEvent.CallEnded ended => Mark + $"{ended.Peer} no longer waits.",
        ChatEvent.Connected { IsNew: true } connected => Mark + $"Connected to {connected.Peer}, met for the first time. Type /verify {connected.Peer} to compare words with them.",
        ChatEvent.Connected connected => Mark + $"Connected to {connected.Peer}.",
        ChatEvent.Path path => Mark + $"{path.Peer} is {path.On.InWords}{(path.On.RoundTrip is { } rtt ? $", {Words.Span(rtt)}" : "")}.",
        ChatEvent.Reason { Verdict.Reason: not VerdictReason.Direct } reason => Mark + $"{reason.Peer}: {reason.Verdict.InFull}",
        ChatEvent.Reason => null,
        ChatEvent.Check check => Mark + $"check {check.Traced.Step.Code}: {check.Traced.Local} - {check.Traced.Remote}",
        ChatEvent.Pair pair => Mark + $"checks pass between {pair.Local} and {pair.Remote}",
        ChatEvent.Sent sent => Mark + string.Create(CultureInfo.InvariantCulture, $"sent {sent.Number} to {string.Join(", ", sent.Peers)}{Missed(sent)}"),
        ChatEvent.Delivered delivered => Mark + string.Create(CultureInfo.InvariantCulture, $"delivered {delivered.Number} to {delivered.Peer} after {Words.Span(delivered.RoundTrip)} ({Way(delivered.Kind)})"),
        ChatEvent.Left left => Mark + $"{left.Peer} is gone{Because(left)}{Lost(left)}",
        ChatEvent.File file => Mark + FileText.Describe(file),
        ChatEvent.Verified verified => Mark + $"{verified.Peer}: {verified.Words}. {Comparing}",
        ChatEvent.Notice notice => Mark + notice.Text,
        ChatEvent.Failed failed => Mark + failed.Text,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>How a peer is listed.</summary>
    public static string Describe(ChatPeer peer)
    {
        string rtt = peer.RoundTrip is { } time ? $", {Words.Span(time)}" : "";
        string waiting = peer.Undelivered == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {peer.Undelivered} messages not delivered yet");
        string remark = peer.Remark.Length == 0 ? "" : $" ({Words.Safe(peer.Remark)})";
        return $"{peer.Peer}: {peer.Standing}{rtt}{waiting}{remark}";
    }

    /// <summary>Behind whose names a message does not arrive.</summary>
    public static string Missed(ChatEvent.Sent sent) => sent.Missed.Count == 0 ? "" : $" (not to {string.Join(", ", sent.Missed)}: not connected)";

    public static string Way(PathKind kind) => kind is PathKind.Udp or PathKind.Tcp ? "direct" : "relayed";

    private static string Because(ChatEvent.Left left) => left.Text.Length > 0 ? $": {Words.Safe(left.Text)}" : left.Error is PeerError.ClosedByPeer or PeerError.Closed ? "." : $" ({left.Error}).";

    private static string Lost(ChatEvent.Left left) =>
        left.Undelivered == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" {left.Undelivered} of your messages may not have been delivered.");
}
