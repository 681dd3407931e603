using System.Globalization;
using Porthole.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Transfer;

/// <summary>Says how the receiving from one connection goes: who it is and how it is reached, what is offered, how far it is, what breaks it off, what arrived.</summary>
internal sealed class ReceiveReport
{
    /// <summary>As many names as a person reads before answering.</summary>
    private const int MaxNames = 5;

    private readonly ReceiveSettings _settings;
    private readonly ITransferView _view;
    private readonly TransferTrack _track;
    private readonly string _who;
    private string? _skipped;

    public ReceiveReport(ReceiveSettings settings, ITransferView view, PeerConnection connection)
    {
        (_settings, _view) = (settings, view);
        Peer = connection.RemoteName ?? connection.RemotePeerId.Short;
        _who = connection.RemoteName ?? (settings.Code is null ? $"{connection.RemotePeerId.Short}…" : "the other side");
        _track = new TransferTrack(Peer) { Kind = connection.Path.Kind };
        PathNews.Follow(
            connection,
            settings.Json,
            path => view.Say(
                "session",
                $"Connected with {_who}{(connection.RemoteName is null ? "" : $" ({connection.RemotePeerId.Short}…)")}, {path.InWords}.",
                writer =>
                {
                    writer.WriteString("peer", Peer);
                    writer.WriteString("peerId", connection.RemotePeerId.ToString());
                }),
            HandlePath);
    }

    /// <summary>How the sender is called.</summary>
    public string Peer { get; }

    /// <summary>Whether a transfer is under way.</summary>
    public bool IsUnderWay { get; private set; }

    /// <summary>What is asked before an offer is taken.</summary>
    public static string Question(FileOffer offer)
    {
        string names = string.Join(", ", offer.Roots.Take(MaxNames).Select(Words.Safe));
        if (offer.Roots.Length > MaxNames) names += string.Create(CultureInfo.InvariantCulture, $" and {offer.Roots.Length - MaxNames} more");
        string folders = offer.Folders > 0 ? $" in {Amounts.Count(offer.Folders, "folder")}" : "";
        string here = offer.BytesHere > 0 ? $", {Amounts.Bytes(offer.BytesHere)} of it here already" : "";
        return $"{(offer.SenderName is { } name ? Words.Safe(name) : "A peer without a name")} ({offer.Sender}) wants to send\n{names}: {Amounts.Count(offer.Files, "file")}{folders}, {Amounts.Bytes(offer.TotalBytes)}{here}. Take it?";
    }

    /// <summary>Something happened to the transfer.</summary>
    public void Handle(FileTransferEvent happened)
    {
        switch (happened)
        {
            case FileTransferEvent.Offered { Offer: var offer }:
                _track.Name = ProgressLine.NameOf(offer.Roots);
                string? text = _settings.Accept == Protocol.Rendezvous.AcceptPolicy.Ask ? null : $"From {_who}: {_track.Name}, {Amounts.Count(offer.Files, "file")}, {Amounts.Bytes(offer.TotalBytes)}.";
                _view.Say("offer", text, writer => OfferJson.Write(writer, offer, Peer));
                break;
            case FileTransferEvent.Started started:
                Begin(started.BytesHere, started.Total);
                break;
            case FileTransferEvent.Resumed resumed:
                Begin(resumed.BytesHere, _track.Meter.Total);
                break;
            case FileTransferEvent.Progress progress:
                _track.Report(progress.Bytes, progress.Total, progress.Kind);
                _view.Show(_track);
                break;
            case FileTransferEvent.Skipped skipped:
                _skipped = skipped.Text;
                SkippedLine.Say(_view, _settings.Json, skipped);
                break;
        }
    }

    /// <summary>All of it is here.</summary>
    public void Received(FileReceiveReport report)
    {
        End();
        foreach (var root in report.Roots)
        {
            _view.Say(
                "received",
                root.WasHere ? $"{Words.Safe(root.Path)} was here already, the same." : $"Received {Words.Safe(root.Path)}, {Amounts.Bytes(root.Bytes)}.",
                writer =>
                {
                    writer.WriteString("peer", Peer);
                    writer.WriteString("path", root.Path);
                    writer.WriteNumber("bytes", root.Bytes);
                    writer.WriteString("sha256", Convert.ToHexStringLower(root.Sha256.Span));
                    writer.WriteBoolean("folder", root.IsFolder);
                    writer.WriteBoolean("wasHere", root.WasHere);
                });
        }

        _view.Say("done", $"Done: {Amounts.Bytes(report.Bytes)} from {_who} in {Words.Span(report.Elapsed)}.", writer =>
        {
            writer.WriteString("peer", Peer);
            writer.WriteNumber("bytes", report.Bytes);
            writer.WriteMilliseconds("elapsedMs", report.Elapsed);
        });
    }

    /// <summary>The connection broke before all of it was here.</summary>
    public void Interrupted(PeerException exception)
    {
        string at = IsUnderWay ? $" at {Amounts.Percent(_track.Meter.Bytes, _track.Meter.Total)}" : "";
        End();
        string why = exception.Error is PeerError.StreamAborted or PeerError.ClosedByPeer ? $"{_who} stopped." : Words.Safe(exception.Message);
        _view.Say(
            "interrupted",
            $"Broken off{at}: {why} What has come is kept, and it goes on when {_who} is there again.",
            writer =>
            {
                writer.WriteString("peer", Peer);
                writer.WriteString("error", exception.Error.ToString());
                writer.WriteString("text", exception.Message);
            });
    }

    /// <summary>The offer was not taken.</summary>
    public void Refused()
    {
        End();
        _view.Say("refused", $"Refused what {_who} offered.", writer => writer.WriteString("peer", Peer));
    }

    /// <summary>A file cannot be written, or what came is wrong.</summary>
    public void Failed(FileException exception)
    {
        End();
        if (_settings.Json)
        {
            _view.Say("failed", null, writer =>
            {
                writer.WriteString("peer", Peer);
                writer.WriteString("reason", exception.Reason.ToString());
                writer.WriteString("text", exception.Message);
            });
        }

        if (_settings.Json || exception.Message != _skipped) _view.Warn(exception.Message); // a line for people that was just written is not written again
    }

    /// <summary>Nothing of it is shown any more.</summary>
    public void End()
    {
        IsUnderWay = false;
        _view.Hide(_track);
    }

    private void Begin(long here, long total)
    {
        IsUnderWay = true;
        _track.Begin(here, total);
        string? text = here > 0 ? $"Resuming at {Amounts.Percent(here, total)}: {Amounts.Bytes(here)} of {Amounts.Bytes(total)} are here already." : null;
        _view.Say(here > 0 ? "resumed" : "started", text, writer =>
        {
            writer.WriteString("peer", Peer);
            writer.WriteNumber("bytes", here);
            writer.WriteNumber("total", total);
        });
        _view.Show(_track);
    }

    private void HandlePath(ConnectionPath path)
    {
        _track.Kind = path.Kind;
        if (_settings.Json) PeerJson.WritePath(path, null, Peer);
        else _view.Say(null, $"Path to {_who}: {path.InWords}.");
    }
}
