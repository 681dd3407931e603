using System.Text;
using System.Text.Json;

namespace Porthole.Cli.Transfer;

/// <summary>Transfers in a terminal: lines that stay, and below them one line for each transfer that is under way, drawn anew as it goes on.</summary>
/// <param name="output">The terminal.</param>
/// <param name="width">How many columns it has now.</param>
/// <param name="input">Where answers are typed; null for the console.</param>
internal sealed class TerminalTransferView(TextWriter output, Func<int> width, TextReader? input = null) : ITransferView
{
    /// <summary>The cursor goes up a line and to its beginning.</summary>
    private const string Up = "\e[A";

    /// <summary>What stands from the cursor to the end of the screen goes.</summary>
    private const string EraseDown = "\r\e[J";

    /// <summary>As often as an eye can follow.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _asking = new(1);
    private readonly List<TransferTrack> _tracks = [];
    private Task<string?>? _reading;
    private int _drawn;
    private bool _isAsking;

    public void Say(string? name, string? text, Action<Utf8JsonWriter>? fields = null)
    {
        if (text is null) return;
        lock (_gate) Draw(text);
    }

    public void Warn(string text)
    {
        lock (_gate)
        {
            var screen = new StringBuilder();
            Erase(screen);
            output.Write(screen.ToString());
            output.Flush();
            Complaint.Write(text);
            Draw(null);
        }
    }

    public void Show(TransferTrack track)
    {
        lock (_gate)
        {
            bool isNew = !_tracks.Contains(track);
            if (isNew) _tracks.Add(track);
            if (!track.IsDue(s_pause) && !isNew) return;
            Draw(null);
        }
    }

    public void Hide(TransferTrack track)
    {
        lock (_gate)
        {
            if (_tracks.Remove(track)) Draw(null);
        }
    }

    public async Task<bool> AskAsync(string question, CancellationToken cancellationToken)
    {
        await _asking.WaitAsync(cancellationToken).ConfigureAwait(false); // one question at a time
        try
        {
            while (true)
            {
                lock (_gate)
                {
                    var screen = new StringBuilder();
                    Erase(screen);
                    _isAsking = true;
                    output.Write(screen.Append(question).Append(" [y/N] ").ToString());
                    output.Flush();
                }

                // A read from a terminal cannot be called back. A line that was begun under a question that was taken back answers nothing: it was meant for somebody else's files.
                if (_reading is { IsCompleted: true }) _reading = null;
                bool isOld = _reading is not null;
                _reading ??= Task.Run((input ?? Console.In).ReadLine, CancellationToken.None);
                string? answer = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
                _reading = null;
                if (!isOld) return answer?.Trim().ToLowerInvariant() is "y" or "yes";
            }
        }
        catch (OperationCanceledException)
        {
            lock (_gate)
            {
                output.Write("\n"); // what follows begins on a line of its own
                output.Flush();
            }

            throw;
        }
        finally
        {
            lock (_gate)
            {
                _isAsking = false;
                Draw(null);
            }

            _asking.Release();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _tracks.Clear();
            Draw(null);
        }

        _asking.Dispose();
    }

    /// <summary>Under the lock: writes a line that stays, if there is one, and what is under way below it.</summary>
    private void Draw(string? text)
    {
        var screen = new StringBuilder();
        if (_isAsking)
        {
            if (text is null) return; // the question stands alone
            output.Write($"\n{text}\n");
            output.Flush();
            return;
        }

        Erase(screen);
        if (text is not null) screen.Append(text).Append('\n');
        int columns = Math.Max(width() - 1, 1); // the last column would wrap
        foreach (var track in _tracks) screen.Append(ProgressLine.Write(track.Name, track.Meter, track.Kind, columns)).Append('\n');
        _drawn = _tracks.Count;
        if (screen.Length == 0) return;
        output.Write(screen.ToString());
        output.Flush();
    }

    private void Erase(StringBuilder screen)
    {
        if (_drawn == 0) return;
        for (int i = 0; i < _drawn; i++) screen.Append(Up);
        screen.Append(EraseDown);
        _drawn = 0;
    }
}
