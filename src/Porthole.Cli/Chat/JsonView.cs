using System.Diagnostics;
using System.Text.Json;

namespace Porthole.Cli.Chat;

/// <summary>A chat as JSON, one object a line. Every event has <c>at</c>: milliseconds since 1970, one clock for all programs of a machine.</summary>
internal sealed class JsonView(bool showsChecks) : IChatView
{
    public void Show(ChatEvent happened)
    {
        if (happened is ChatEvent.Check or ChatEvent.Pair && !showsChecks) return;
        if (happened is ChatEvent.Help)
        {
            foreach (string line in ChatText.Lines(happened)) Show(new ChatEvent.Notice(line[ChatText.Mark.Length..]));
            return;
        }

        if (happened is ChatEvent.Check check)
        {
            PeerJson.WriteCheck(check.Traced, null, check.At);
            return;
        }

        double at = happened is ChatEvent.Pair pair ? pair.At : TimeOf(Stopwatch.GetTimestamp());

        JsonLines.Write(NameOf(happened), writer =>
        {
            WriteFields(writer, happened);
            writer.WriteNumber("at", at);
        });
        if (happened is ChatEvent.Failed failed) Complaint.Write(failed.Text);
        else if (happened is ChatEvent.File { News: FileNews.Failed } file) Complaint.Write(FileText.Describe(file));
    }

    /// <summary>What <c>at</c> says of a stamp of <see cref="Stopwatch"/>.</summary>
    public static double TimeOf(long stamp) => Math.Round((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch - Stopwatch.GetElapsedTime(stamp)).TotalMilliseconds, 3);

    private static string NameOf(ChatEvent happened) => happened switch
    {
        ChatEvent.Registered => "registered",
        ChatEvent.ServerLost => "server-lost",
        ChatEvent.Presence => "presence",
        ChatEvent.Calling => "calling",
        ChatEvent.Ringing => "ringing",
        ChatEvent.Incoming => "incoming",
        ChatEvent.CallEnded => "call-ended",
        ChatEvent.Connected => "connected",
        ChatEvent.Path => "path",
        ChatEvent.Reason => "verdict",
        ChatEvent.Pair => "pair",
        ChatEvent.Message => "message",
        ChatEvent.Sent => "sent",
        ChatEvent.Delivered => "delivered",
        ChatEvent.Left => "left",
        ChatEvent.PeersListed => "peers",
        ChatEvent.File file => FileText.NameOf(file.News),
        ChatEvent.Verified => "verify",
        ChatEvent.Notice => "notice",
        ChatEvent.Failed => "failed",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void WriteFields(Utf8JsonWriter writer, ChatEvent happened)
    {
        switch (happened)
        {
            case ChatEvent.Registered e:
                writer.WriteString("name", e.Name);
                writer.WriteString("peerId", e.Id.ToString());
                break;
            case ChatEvent.ServerLost e:
                writer.WriteString("text", e.Text);
                break;
            case ChatEvent.Presence e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("peerId", e.Id.ToString());
                writer.WriteBoolean("online", e.IsOnline);
                break;
            case ChatEvent.Calling e:
                writer.WriteString("peer", e.Peer);
                break;
            case ChatEvent.Incoming e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("peerId", e.Id.ToString());
                break;
            case ChatEvent.CallEnded e:
                writer.WriteString("peer", e.Peer);
                break;
            case ChatEvent.Connected e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("peerId", e.Id.ToString());
                writer.WriteBoolean("incoming", e.IsIncoming);
                writer.WriteBoolean("new", e.IsNew);
                break;
            case ChatEvent.Path e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("kind", e.On.Kind.Code);
                writer.WriteAddress("local", e.On.Local);
                writer.WriteAddress("remote", e.On.Remote);
                if (e.On.RoundTrip is { } rtt) writer.WriteMilliseconds("rttMs", rtt);
                break;
            case ChatEvent.Reason e:
                writer.WriteString("peer", e.Peer);
                VerdictJson.WriteFields(writer, e.Verdict);
                break;
            case ChatEvent.Pair e:
                writer.WriteAddress("local", e.Local);
                writer.WriteAddress("remote", e.Remote);
                break;
            case ChatEvent.Message e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("text", e.Text);
                writer.WriteString("kind", e.Kind.Code);
                break;
            case ChatEvent.Sent e:
                writer.WriteStartArray("peers");
                foreach (string peer in e.Peers) writer.WriteStringValue(peer);
                writer.WriteEndArray();
                writer.WriteNumber("number", e.Number);
                writer.WriteString("text", e.Text);
                writer.WriteStartArray("missed");
                foreach (string peer in e.Missed) writer.WriteStringValue(peer);
                writer.WriteEndArray();
                break;
            case ChatEvent.Delivered e:
                writer.WriteString("peer", e.Peer);
                writer.WriteNumber("number", e.Number);
                writer.WriteMilliseconds("rttMs", e.RoundTrip);
                writer.WriteString("kind", e.Kind.Code);
                break;
            case ChatEvent.Left e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("error", e.Error.ToString());
                writer.WriteString("text", e.Text);
                writer.WriteNumber("undelivered", e.Undelivered);
                break;
            case ChatEvent.PeersListed e:
                writer.WriteStartArray("peers");
                foreach (var peer in e.List) WritePeer(writer, peer);
                writer.WriteEndArray();
                break;
            case ChatEvent.File e:
                FileText.WriteFields(writer, e);
                break;
            case ChatEvent.Verified e:
                writer.WriteString("peer", e.Peer);
                writer.WriteString("words", e.Words);
                break;
            case ChatEvent.Notice e:
                writer.WriteString("text", e.Text);
                break;
            case ChatEvent.Failed e:
                writer.WriteString("error", e.Error.ToString());
                writer.WriteString("text", e.Text);
                break;
        }
    }

    private static void WritePeer(Utf8JsonWriter writer, ChatPeer peer)
    {
        writer.WriteStartObject();
        writer.WriteString("peer", peer.Peer);
        writer.WriteString("state", peer.State switch
        {
            ChatPeerState.Connected => "connected",
            ChatPeerState.Connecting => "connecting",
            ChatPeerState.Leaving => "leaving",
            ChatPeerState.Calling => "calling",
            ChatPeerState.Missing => "missing",
            ChatPeerState.Online => "online",
        });
        if (peer.Path is { } path) writer.WriteString("kind", path.Kind.Code);
        if (peer.RoundTrip is { } rtt) writer.WriteMilliseconds("rttMs", rtt);
        writer.WriteNumber("undelivered", peer.Undelivered);
        writer.WriteString("text", peer.Remark);
        writer.WriteEndObject();
    }
}
