using System.Globalization;
using Porthole.Cli.Terminal;
using Porthole.Cli.Transfer;

namespace Porthole.Cli.Chat;

/// <summary>Keeps the prompt true: with whom one talks, direct or relayed, the round trip, and how far files are.</summary>
internal sealed class StatusLine : IDisposable
{
    /// <summary>The longest name of a file in the prompt.</summary>
    private const int MaxName = 20;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly LineEditor _editor;
    private readonly ChatRoom _room;
    private readonly CancellationTokenSource _closing = new();

    public StatusLine(LineEditor editor, ChatRoom room)
    {
        (_editor, _room) = (editor, room);
        _ = RunAsync(_closing.Token);
    }

    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(s_period);
        try
        {
            do
            {
                var links = _room.Links;
                var times = new List<string>();
                string[] files = [.. _room.Files.Tracks.Select(static track => $"{ProgressLine.Shorten(track.Name, MaxName)} {Amounts.Percent(track.Meter.Bytes, track.Meter.Total)}")];
                foreach (var link in links) times.Add(await DescribeAsync(link).ConfigureAwait(false));
                int direct = links.Count(static link => link.Connection.Path.IsDirect);
                string count = string.Create(CultureInfo.InvariantCulture, $"{links.Length} peers: {direct} direct, {links.Length - direct} relayed");
                _editor.SetPrompt(
                    Prompt([.. times, .. files]),
                    Prompt([.. links.Select(static link => $"{link.Label} {ChatText.Way(link.Connection.Path.Kind)}"), .. files]),
                    Prompt(links.Length > 0 ? [count, .. files] : []),
                    Prompt(links.Length > 0 ? [count] : []));
            }
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The chat ends.
        }
    }

    private static string Prompt(IReadOnlyCollection<string> parts) => parts.Count == 0 ? LineEditor.PlainPrompt : $"[{string.Join(" | ", parts)}] ";

    private static async Task<string> DescribeAsync(ChatLink link)
    {
        try
        {
            var report = await link.Connection.GetReportAsync().ConfigureAwait(false);
            var rtt = report.Paths.FirstOrDefault(static path => path.IsActive)?.SmoothedRoundTrip;
            return $"{link.Label} {ChatText.Way(report.Path.Kind)}{(rtt is { } time ? " " + Words.Span(time) : "")}";
        }
        catch (PeerException)
        {
            return $"{link.Label} leaving";
        }
    }
}
