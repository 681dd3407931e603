using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;

namespace Porthole.Cli.Transfer;

/// <summary>Transfers as JSON, one object a line; questions are answered by lines of the standard input, <c>y NUMBER</c> or <c>n NUMBER</c>.</summary>
internal sealed class JsonTransferView : ITransferView
{
    /// <summary>Ten words a second: enough for whoever draws a bar or waits for a byte count, little beside what is carried.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _asking = new(1);
    private readonly Lazy<ChannelReader<string>> _answers = new(ReadAnswers);
    private int _questions;
    private bool _needsNumber;

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

    public async Task<bool> AskAsync(string question, CancellationToken cancellationToken)
    {
        await _asking.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            int number = ++_questions;
            JsonLines.Write("ask", writer =>
            {
                writer.WriteNumber("number", number);
                writer.WriteString("question", question);
            });
            await foreach (string line in _answers.Value.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (AnswerTo(number, line) is { } answer) return answer;
            }

            return false; // the input has ended: nobody is left who could answer
        }
        catch (OperationCanceledException)
        {
            _needsNumber = true; // an answer that is on its way must not be taken for one to the next question
            throw;
        }
        finally
        {
            _asking.Release();
        }
    }

    public void Dispose() => _asking.Dispose();

    private bool? AnswerTo(int number, string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        bool? answer = words is [var first, ..] ? first switch { "y" or "yes" => true, "n" or "no" => false, _ => null } : null;
        if (answer is null || words.Length > 2)
        {
            if (words.Length > 0) Complaint.Write($"'{Words.Safe(line)}' is no answer: y NUMBER takes an offer, n NUMBER declines it.");
            return null;
        }

        return words.Length == 2 ? words[1] == number.ToString(CultureInfo.InvariantCulture) ? answer : null : _needsNumber ? null : answer;
    }

    private static ChannelReader<string> ReadAnswers()
    {
        var lines = Channel.CreateBounded<string>(1);
        _ = Task.Run(async () =>
        {
            while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line) await lines.Writer.WriteAsync(line).ConfigureAwait(false);
            lines.Writer.Complete();
        });
        return lines.Reader;
    }
}
