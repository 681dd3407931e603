using System.Globalization;
using System.Text.Json;
using Porthole.Cli.Transfer;

namespace Porthole.Cli.Chat;

/// <summary>The news of files in a chat, as lines and as JSON.</summary>
internal static class FileText
{
    /// <summary>A progress line has no width to fit here.</summary>
    private const int Width = 1_000;

    /// <summary>The line.</summary>
    public static string Describe(ChatEvent.File file)
    {
        string name = Words.Safe(file.Name);
        return file.News switch
        {
            FileNews.Offered { IsAsked: true } offered => $"{file.Peer} offers {What(offered, name)}: /accept-file {file.Peer} or /refuse-file {file.Peer}",
            FileNews.Offered offered => $"{file.Peer} sends {What(offered, name)}.",
            FileNews.Offering => $"{name} is offered to {file.Peer}.",
            FileNews.Progress progress => $"{(progress.IsIncoming ? "from" : "to")} {file.Peer}: {ProgressLine.Write(name, progress.Track.Meter, progress.Track.Kind, Width)}",
            FileNews.Received { Root.WasHere: true } received => $"{Words.Safe(received.Root.Path)}, which {file.Peer} sends, was here already, the same.",
            FileNews.Received received => $"{file.Peer} has sent {name}, {Amounts.Bytes(received.Root.Bytes)}: it is at {Words.Safe(received.Root.Path)}",
            FileNews.Sent sent => $"{file.Peer} has {name}, {Amounts.Bytes(sent.Report.Bytes)} after {Words.Span(sent.Report.Elapsed)}.",
            FileNews.Failed { IsIncoming: true } failed => $"{(name.Length > 0 ? name : "What is offered")} from {file.Peer}: {Words.Safe(failed.Text)}",
            FileNews.Failed failed => $"{name} to {file.Peer}: {Words.Safe(failed.Text)}",
            FileNews.Skipped skipped => Words.Safe(skipped.Text),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>The name of the event.</summary>
    public static string NameOf(FileNews news) => news switch
    {
        FileNews.Offered => "file-offer",
        FileNews.Offering => "file-offered",
        FileNews.Progress => "file-progress",
        FileNews.Received => "file-received",
        FileNews.Sent => "file-sent",
        FileNews.Failed => "file-failed",
        FileNews.Skipped => "file-skipped",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The fields of the event.</summary>
    public static void WriteFields(Utf8JsonWriter writer, ChatEvent.File file)
    {
        writer.WriteString("peer", file.Peer);
        writer.WriteString("name", file.Name);
        switch (file.News)
        {
            case FileNews.Offered { Offer: var offer, IsAsked: var isAsked }:
                writer.WriteNumber("files", offer.Files);
                writer.WriteNumber("folders", offer.Folders);
                writer.WriteNumber("bytes", offer.TotalBytes);
                writer.WriteNumber("bytesHere", offer.BytesHere);
                writer.WriteBoolean("asked", isAsked);
                break;
            case FileNews.Progress { Track: var track, IsIncoming: var isIncoming }:
                writer.WriteBoolean("incoming", isIncoming);
                writer.WriteNumber("bytes", track.Meter.Bytes);
                writer.WriteNumber("total", track.Meter.Total);
                writer.WriteString("kind", track.Kind.Code);
                break;
            case FileNews.Received { Root: var root }:
                writer.WriteString("path", root.Path);
                writer.WriteNumber("bytes", root.Bytes);
                writer.WriteString("sha256", Convert.ToHexStringLower(root.Sha256.Span));
                break;
            case FileNews.Sent { Report: var report }:
                writer.WriteNumber("bytes", report.Bytes);
                writer.WriteNumber("resent", report.Resent);
                writer.WriteMilliseconds("elapsedMs", report.Elapsed);
                break;
            case FileNews.Failed failed:
                writer.WriteBoolean("incoming", failed.IsIncoming);
                writer.WriteString("reason", failed.Reason);
                writer.WriteString("text", failed.Text);
                break;
            case FileNews.Skipped skipped:
                writer.WriteString("text", skipped.Text);
                break;
        }
    }

    private static string What(FileNews.Offered offered, string name)
    {
        var offer = offered.Offer;
        string folders = offer.Folders == 0 ? "" : $", {Amounts.Count(offer.Folders, "folder")}";
        return string.Create(CultureInfo.InvariantCulture, $"{name} ({Amounts.Count(offer.Files, "file")}{folders}, {Amounts.Bytes(offer.TotalBytes)})");
    }
}
