using System.Text.Json;

namespace Porthole.Cli.Transfer;

/// <summary>Transfers as plain lines, for a pipe or a log: at the start, at each tenth or every ten seconds, at the end.</summary>
internal sealed class PlainTransferView(TextWriter output) : ITransferView
{
    /// <summary>So many percent are worth a line.</summary>
    private const int Tenth = 10;

    /// <summary>No terminal: a line is as long as it is.</summary>
    private const int Width = 1_000;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();

    public void Say(string? name, string? text, Action<Utf8JsonWriter>? fields = null)
    {
        if (text is null) return;
        lock (_gate)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }

    public void Warn(string text) => Complaint.Write(text);

    public void Show(TransferTrack track)
    {
        lock (track)
        {
            if (!track.IsDue(s_pause, Tenth)) return;
        }

        Say(null, ProgressLine.Write(track.Name, track.Meter, track.Kind, Width));
    }

    public void Hide(TransferTrack track)
    {
        // Lines stay.
    }

    public Task<bool> AskAsync(string question, CancellationToken cancellationToken) => Task.FromResult(false);

    public void Dispose()
    {
        // Every line is out.
    }
}
