using System.Runtime.CompilerServices;
using Porthole.Cli.Transfer;

namespace Porthole.Cli.Chat;

/// <summary>A chat as plain lines on standard output: <c>NAME: text</c> for messages, everything else behind a mark. What could not be done goes to standard error.</summary>
internal sealed class PlainView(bool showsChecks) : IChatView
{
    /// <summary>A transfer has a line at each quarter.</summary>
    private const int Quarter = 25;

    private readonly Lock _gate = new();
    private readonly ConditionalWeakTable<TransferTrack, StrongBox<int>> _quarters = [];

    public void Show(ChatEvent happened)
    {
        if (happened is ChatEvent.Check or ChatEvent.Pair && !showsChecks) return;
        if (happened is ChatEvent.Failed failed)
        {
            Complaint.Write(failed.Text);
            return;
        }

        if (happened is ChatEvent.File { News: FileNews.Failed } file)
        {
            Complaint.Write(FileText.Describe(file));
            return;
        }

        if (happened is ChatEvent.File { News: FileNews.Progress { Track: var track } } && !IsWorthALine(track)) return;
        lock (_gate)
        {
            foreach (string line in ChatText.Lines(happened)) Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    private bool IsWorthALine(TransferTrack track)
    {
        lock (_gate)
        {
            var told = _quarters.GetOrCreateValue(track);
            int quarter = Amounts.PercentOf(track.Meter.Bytes, track.Meter.Total) / Quarter;
            if (quarter <= told.Value) return false;
            told.Value = quarter;
            return true;
        }
    }
}
