using System.Text.Json;

namespace Porthole.Cli.Transfer;

/// <summary>Transfers as JSON, one object a line.</summary>
internal sealed class JsonTransferView : ITransferView
{
    /// <summary>Ten words a second: enough for whoever draws a bar or waits for a byte count, little beside what is carried.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    public void Say(string? name, string? text, Action<Utf8JsonWriter>? fields = null)
    {
        if (name is not null) JsonLines.Write(name, fields);
    }

    public void Warn(string text) => Complaint.Write(text);

    public void Show(TransferTrack track)
    {
        lock (track)
        {
            if (!track.IsDue(s_pause)) return;
        }

        JsonLines.Write("progress", writer =>
        {
            writer.WriteString("peer", track.Peer);
            writer.WriteNumber("bytes", track.Meter.Bytes);
            writer.WriteNumber("total", track.Meter.Total);
            writer.WriteString("kind", track.Kind.Code);
            if (track.Meter.Rate is { } rate) writer.WriteNumber("rate", (long)rate);
        });
    }

    public void Hide(TransferTrack track)
    {
        // Nothing stands there.
    }

    public Task<bool> AskAsync(string question, CancellationToken cancellationToken) => Task.FromResult(false);

    public void Dispose()
    {
        // Every line is out.
    }
}
