using System.Collections.Immutable;
using System.Diagnostics;
using Porthole.Cli.Chat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Meet;

/// <summary>Says what happens during a meeting, in order: own addresses, waiting, the other's addresses, the paths, the conversation.</summary>
internal sealed class MeetReport(MeetSettings settings, PeerOptions options, PeerEventLog log)
{
    private ImmutableArray<OwnAddress> _own = [];
    private PathVerdict? _verdict;
    private long _began;
    private bool _isRegistered;
    private bool _isServerLost;
    private bool _isWarned;

    /// <summary>Begins to take events: before the peer is started.</summary>
    public void Watch() => log.Handle(Handle);

    /// <summary>The peer is registered, and is about to meet: times count from here.</summary>
    public void Begin(PeerNode node)
    {
        _began = Stopwatch.GetTimestamp();
        log.Post(() =>
        {
            _isRegistered = true;
            if (settings.Json) PeerJson.WriteRegistered(node);
            else Line(settings.IsEphemeral ? $"You are {node.Id}, for this meeting alone." : $"You are {node.Name ?? "nameless"}, {node.Id}.");
            SayOwn();
            if (!settings.IsNew) return;
            string code = settings.Code!.Reveal();
            if (settings.Json) JsonLines.Write("code", writer => writer.WriteString("code", code));
            else Line($"The code is {code}: tell it to the other side, who types 'porthole meet {code} --server ADDRESS'. It works once.");
        });
    }

    /// <summary>The server was left.</summary>
    public void ServerLeft() => Notice("server-left", "The server is not needed any more, and was left.");

    /// <summary>No direct path came in time, and the relay goes on.</summary>
    public void NoDirect(PathVerdict verdict, TimeSpan patience) => log.Post(() =>
    {
        if (settings.Json) SayVerdict(verdict);
        else Line($"No direct path within {patience.TotalSeconds:0.###} s: {verdict.InFull} It goes on over the relay, and the server is needed.");
    });

    /// <summary>The other side said something.</summary>
    public void Said(string text, bool isEcho) => log.Post(() =>
    {
        if (settings.Json)
        {
            JsonLines.Write("line", writer =>
            {
                writer.WriteString("text", text);
                writer.WriteBoolean("echo", isEcho);
            });
        }
        else
        {
            Write($"{(isEcho ? "echo" : "them")}: {Words.Safe(text)}");
        }
    });

    /// <summary>One of the two typed exit.</summary>
    public void Ended(bool isHere) => Notice("ended", isHere ? "You ended it." : "The other side ended it.", writer => writer.WriteString("by", isHere ? "here" : "there"));

    private void Notice(string name, string text, Action<System.Text.Json.Utf8JsonWriter>? fields = null) => log.Post(() => Say(name, text, fields));

    private void Handle(PeerEvent happened, long at)
    {
        if (!_isWarned && UdpWarning.Applies(happened, options))
        {
            _isWarned = true;
            Complaint.Write(UdpWarning.Text(options.Server));
        }

        switch (happened)
        {
            case PeerEvent.NatReported reported:
                HandleNat(reported.Report);
                break;
            case PeerEvent.Registered:
                _isServerLost = false;
                break;
            case PeerEvent.ServerLost { WillRetry: true } lost when _isRegistered && !_isServerLost:
                _isServerLost = true;
                Say("server-lost", $"The server is lost: {lost.Text} Trying again.", writer => writer.WriteString("text", lost.Text));
                break;
            case PeerEvent.Waiting:
                Say("waiting", settings.Code is null ? "Waiting in the lobby for whoever comes. Ctrl-C takes it back." : "Waiting for the other side with the same code. Ctrl-C takes it back.");
                break;
            case PeerEvent.CodeMissed missed:
                Say(
                    "wrong-code",
                    $"Somebody came and did not have the code. {missed.Left} more such {(missed.Left == 1 ? "try burns" : "tries burn")} it.",
                    writer => writer.WriteNumber("left", missed.Left));
                break;
            case PeerEvent.Introduced introduced:
                SayOther(introduced);
                break;
            case PeerEvent.Opened opened:
                Say(
                    "session",
                    opened.IsAuthenticated
                        ? "Both hold the code, so nobody stands between you. Type a line to send it; 'exit' ends it for both."
                        : "Nobody has proved anything: whoever came to the lobby is at the other end. Type a line to send it; 'exit' ends it for both.",
                    writer =>
                    {
                        writer.WriteBoolean("authenticated", opened.IsAuthenticated);
                        writer.WriteMilliseconds("elapsedMs", Elapsed(at));
                    });
                break;
            case PeerEvent.PathChanged moved:
                if (settings.Json) PeerJson.WritePath(moved.Path, Elapsed(at), null);
                else Line($"Path: {moved.Path.InWords}, after {Words.Span(Elapsed(at))}.");
                break;
            case PeerEvent.VerdictChanged changed when settings.Json:
                SayVerdict(changed.Verdict);
                break;
            case PeerEvent.CheckTraced check when settings.Checks:
                if (settings.Json) PeerJson.WriteCheck(check, Elapsed(at));
                else Line($"check {check.Step.Code}: {check.Local} - {check.Remote} after {Words.Span(Elapsed(at))}");
                break;
        }
    }

    private void SayVerdict(PathVerdict verdict)
    {
        if (!verdict.IsNewsAfter(_verdict)) return;
        _verdict = verdict;
        PeerJson.WriteVerdict(verdict);
    }

    private TimeSpan Elapsed(long at) => Stopwatch.GetElapsedTime(_began, at);

    private void HandleNat(NatReport report)
    {
        ImmutableArray<OwnAddress> own =
        [
            .. report.Mappings.Select(static mapping => new OwnAddress("udp", mapping.Local, mapping.Mapped)),
            .. (report.Tcp?.Mappings ?? []).Select(static mapping => new OwnAddress("tcp", mapping.Local, mapping.Mapped)),
        ];
        if (own.IsEmpty || own.SequenceEqual(_own)) return; // a probe that ends has no more to say
        _own = own;
        if (_isRegistered) SayOwn();
    }

    private void SayOwn()
    {
        if (settings.Json)
        {
            JsonLines.Write("addresses", writer =>
            {
                writer.WriteStartArray("list");
                foreach (var own in _own)
                {
                    writer.WriteStartObject();
                    writer.WriteString("transport", own.Transport);
                    writer.WriteAddress("local", own.Local);
                    writer.WriteAddress("mapped", own.Mapped);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        foreach (var own in _own) Line($"Your address {own.Local} is seen as {own.Mapped} ({own.Transport.ToUpperInvariant()}).");
        if (_own.IsEmpty && options.Transports != Transports.None) Line("The server has not seen an address of yours yet.");
    }

    private void SayOther(PeerEvent.Introduced introduced)
    {
        if (settings.Json)
        {
            JsonLines.Write("met", writer =>
            {
                writer.WriteString("peerId", introduced.Peer.ToString());
                writer.WriteStartArray("addresses");
                // One that is connected to and met by simultaneous open is one address all the same.
                foreach (var candidate in introduced.Candidates.DistinctBy(static candidate => (candidate.Address, KindOf(candidate), TransportOf(candidate))))
                {
                    writer.WriteStartObject();
                    writer.WriteAddress("address", candidate.Address);
                    writer.WriteString("kind", KindOf(candidate));
                    writer.WriteString("transport", TransportOf(candidate));
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        Line("The other side is there.");
        foreach (var candidate in introduced.Candidates.DistinctBy(static candidate => (candidate.Address, TransportOf(candidate))))
        {
            string what = candidate.Kind != CandidateKind.Host ? "mapped address" : candidate.Address.IsPrivate || candidate.Address.IsLoopback ? "local address" : "address";
            Line($"Their {what} is {candidate.Address} ({TransportOf(candidate).ToUpperInvariant()}).");
        }

        if (introduced.Candidates.IsEmpty) Line("The server knows no address of theirs that could be reached directly.");
    }

    private static string KindOf(CandidateInfo candidate) => candidate.Kind == CandidateKind.Host ? "host" : "mapped";

    private static string TransportOf(CandidateInfo candidate) => candidate.Transport == CandidateTransport.Udp ? "udp" : "tcp";

    private void Say(string name, string text, Action<System.Text.Json.Utf8JsonWriter>? fields = null)
    {
        if (settings.Json) JsonLines.Write(name, fields);
        else Line(text);
    }

    private static void Line(string text) => Write(ChatText.Mark + text);

    private static void Write(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }

    /// <summary>An address of this side, and how the server's network sees it.</summary>
    private readonly record struct OwnAddress(string Transport, TransportAddress Local, TransportAddress Mapped);
}
