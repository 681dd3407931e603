using System.Diagnostics;
using Porthole.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Transfer;

/// <summary>Says how a sending goes: whom it reaches and how, what is offered, how far it is, what breaks it off, and its end.</summary>
internal sealed class SendReport(SendSettings settings, ITransferView view)
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly string _who = settings.Target?.ToString() ?? "the other side";
    private TransferTrack? _track;
    private string _what = "";
    private string? _skipped;
    private long _here;
    private bool _hasBegun;
    private bool _isInterrupted;

    /// <summary>How far it is: 31 %; null before it has begun.</summary>
    public string? Percent => _track is { } track ? Amounts.Percent(track.Meter.Bytes, track.Meter.Total) : null;

    /// <summary>A new code was made: the other side is to know it.</summary>
    public void Code(string code, ServerAddress server)
    {
        string command = $"porthole receive --code {code} --server {server}";
        view.Say(
            "code",
            $"The code is {code}. At the other side type:\n\n    {command}\n",
            writer =>
            {
                writer.WriteString("code", code);
                writer.WriteString("command", command);
            });
        if (settings.Json || Console.IsOutputRedirected) return;
        bool hasColours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        view.Say(null, string.Join('\n', QrText.Draw(command, hasColours)));
    }

    /// <summary>The other side is not there, and is waited for.</summary>
    public void Waiting(PeerException why, TimeSpan limit) => view.Say(
        "away",
        $"{Words.Safe(why.Message)} Waiting for it, {Amounts.Span(limit)} at most.",
        writer =>
        {
            writer.WriteString("error", why.Error.ToString());
            writer.WriteString("text", why.Message);
        });

    /// <summary>A connection stands.</summary>
    public void Connected(PeerConnection connection)
    {
        string peer = Label(connection);
        var track = _track ??= new TransferTrack(peer);
        PathNews.Follow(
            connection,
            settings.Json,
            path =>
            {
                track.Kind = path.Kind;
                view.Say(
                    "session",
                    $"Connected to {_who}, {path.InWords}.",
                    writer =>
                    {
                        writer.WriteString("peer", peer);
                        writer.WriteString("peerId", connection.RemotePeerId.ToString());
                        writer.WriteMilliseconds("elapsedMs", Stopwatch.GetElapsedTime(_began));
                    });
            },
            path => HandlePath(track, path));
    }

    /// <summary>Something happened to the transfer.</summary>
    public void Handle(FileTransferEvent happened)
    {
        switch (happened)
        {
            case FileTransferEvent.Offered { Offer: var offer }:
                _what = ProgressLine.NameOf(offer.Roots);
                if (!_isInterrupted)
                {
                    view.Say(
                        "offer",
                        $"{_what}: {Amounts.Count(offer.Files, "file")}, {Amounts.Bytes(offer.TotalBytes)}. Waiting for {_who} to take it.",
                        writer => OfferJson.Write(writer, offer, null));
                }

                break;
            case FileTransferEvent.Started started:
                Begin(started.BytesHere, started.Total);
                break;
            case FileTransferEvent.Resumed resumed:
                _isInterrupted = false;
                Begin(resumed.BytesHere, _track?.Meter.Total ?? 0);
                break;
            case FileTransferEvent.Progress progress when _track is { } track:
                track.Report(progress.Bytes, progress.Total, progress.Kind);
                view.Show(track);
                break;
            case FileTransferEvent.Skipped skipped:
                _skipped = skipped.Text;
                SkippedLine.Say(view, settings.Json, skipped);
                break;
            case FileTransferEvent.Interrupted interrupted:
                _isInterrupted = true;
                if (_track is { } broken) view.Hide(broken);
                view.Say(
                    "interrupted",
                    $"{(Percent is { } percent ? $"Broken off at {percent}: " : "")}{Words.Safe(interrupted.Text)} It goes on by itself.",
                    writer =>
                    {
                        writer.WriteString("error", interrupted.Error.ToString());
                        writer.WriteString("text", interrupted.Text);
                    });
                break;
        }
    }

    /// <summary>All of it is there.</summary>
    public void Sent(FileSendReport report)
    {
        if (_track is { } track) view.Hide(track);
        view.Say(
            "sent",
            $"Sent: {_what}, {Amounts.Count(report.Files, "file")}, {Amounts.Bytes(report.Bytes)} in {Words.Span(report.Elapsed)} ({Amounts.Rate((report.Bytes - _here) / Math.Max(report.Elapsed.TotalSeconds, 0.001))})"
            + (report.Resent > 0 ? $", {Amounts.Bytes(report.Resent)} of it twice." : "."),
            writer =>
            {
                writer.WriteNumber("files", report.Files);
                writer.WriteNumber("bytes", report.Bytes);
                writer.WriteNumber("resent", report.Resent);
                writer.WriteNumber("skipped", report.Skipped);
                writer.WriteMilliseconds("elapsedMs", report.Elapsed);
            });
    }

    /// <summary>It ends, and is not done.</summary>
    public void Failed(string name, string text, Action<System.Text.Json.Utf8JsonWriter>? fields = null)
    {
        if (_track is { } track) view.Hide(track);
        if (settings.Json) view.Say(name, null, fields);
        if (settings.Json || text != _skipped) view.Warn(text); // a line for people that was just written is not written again
    }

    /// <summary>How the other side is called: as on the command line, or by what is known of it.</summary>
    private string Label(PeerConnection connection) => settings.Target is { } target ? target.Name ?? connection.RemotePeerId.Short : connection.RemoteName ?? connection.RemotePeerId.Short;

    private void Begin(long here, long total)
    {
        if (_track is not { } track) return;
        track.Name = _what;
        if (!_hasBegun) (_here, _hasBegun) = (here, true);
        track.Begin(here, total);
        string? text = here > 0 ? $"Resuming at {Amounts.Percent(here, total)}: {Amounts.Bytes(here)} of {Amounts.Bytes(total)} are there already." : null;
        view.Say(
            here > 0 ? "resumed" : "started",
            text,
            writer =>
            {
                writer.WriteNumber("bytes", here);
                writer.WriteNumber("total", total);
            });
        view.Show(track);
    }

    private void HandlePath(TransferTrack track, ConnectionPath path)
    {
        track.Kind = path.Kind;
        if (settings.Json) PeerJson.WritePath(path, Stopwatch.GetElapsedTime(_began), track.Peer);
        else view.Say(null, $"Path to {_who}: {path.InWords}.");
    }
}
