using Porthole.Cli.Terminal;

namespace Porthole.Cli.Chat;

/// <summary>Keeps the prompt true: with whom one talks, direct or relayed, and the round trip.</summary>
internal sealed class StatusLine : IDisposable
{
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
                var parts = new List<string>();
                foreach (var link in _room.Links) parts.Add(await DescribeAsync(link).ConfigureAwait(false));
                _editor.SetPrompt(parts.Count == 0 ? "> " : $"[{string.Join(" | ", parts)}] ");
            }
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The chat ends.
        }
    }

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
