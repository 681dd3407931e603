using System.Threading.Channels;

namespace Porthole.Cli.Terminal;

/// <summary>
/// A line of input at the bottom of a terminal, behind a prompt, that lines of output scroll past without breaking it. It takes the usual keys: arrows, Home, End,
/// Delete, history, Ctrl-A/E/U/K/W, Tab.
/// </summary>
internal sealed class LineEditor : IDisposable
{
    private const int MaxHistory = 200;

    /// <summary>Columns that the input is given at least, however long the prompt.</summary>
    private const int MinInputWidth = 20;

    private readonly Lock _gate = new();
    private readonly Channel<string?> _lines = Channel.CreateUnbounded<string?>();
    private readonly List<string> _history = [];
    private readonly EditBuffer _buffer = new();
    private string _prompt = "> ";
    private int _historyIndex;
    private bool _isOpen = true;

    public LineEditor()
    {
        new Thread(ReadKeys) { IsBackground = true, Name = "keys" }.Start();
    }

    /// <summary>What Tab may complete the last word to.</summary>
    public Func<IReadOnlyList<string>> Completions { get; set; } = static () => [];

    /// <summary>Changes the prompt.</summary>
    public void SetPrompt(string prompt)
    {
        lock (_gate)
        {
            if (_prompt == prompt) return;
            _prompt = prompt;
            Draw();
        }
    }

    /// <summary>Prints a line above the prompt. It may hold escape sequences of this program, and no others.</summary>
    public void PrintLine(string line)
    {
        lock (_gate)
        {
            Console.Out.Write($"\r\e[K{line}\n");
            Draw();
        }
    }

    /// <summary>The next line; null at the end of the input (Ctrl-D on an empty line).</summary>
    public async Task<string?> ReadLineAsync(CancellationToken cancellationToken) => await _lines.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);

    public void Dispose()
    {
        lock (_gate)
        {
            if (!_isOpen) return;
            _isOpen = false;
            Console.Out.Write("\r\e[K");
            Console.Out.Flush();
        }
    }

    private void ReadKeys()
    {
        try
        {
            lock (_gate) Draw();
            while (_isOpen)
            {
                var key = Console.ReadKey(intercept: true);
                lock (_gate)
                {
                    Handle(key);
                    if (!Console.KeyAvailable) Draw(); // what is pasted is drawn once
                }
            }
        }
        catch (InvalidOperationException)
        {
            _lines.Writer.TryWrite(null); // the terminal is gone
        }
    }

    private void Handle(ConsoleKeyInfo key)
    {
        switch (key)
        {
            case { Key: ConsoleKey.Enter }:
                Enter();
                break;
            case { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } when _buffer.Text.Length == 0:
                _lines.Writer.TryWrite(null);
                break;
            case { Key: ConsoleKey.UpArrow }:
                Recall(_historyIndex - 1);
                break;
            case { Key: ConsoleKey.DownArrow }:
                Recall(_historyIndex + 1);
                break;
            case { Key: ConsoleKey.Tab }:
                _buffer.Complete(Completions());
                break;
            default:
                _buffer.Handle(key);
                break;
        }
    }

    private void Enter()
    {
        string line = _buffer.Text;
        _buffer.Set("");
        if (line.Trim().Length > 0 && (_history.Count == 0 || _history[^1] != line)) _history.Add(line);
        if (_history.Count > MaxHistory) _history.RemoveAt(0);
        _historyIndex = _history.Count;
        _lines.Writer.TryWrite(line);
    }

    private void Recall(int index)
    {
        if (index < 0 || index > _history.Count) return;
        _historyIndex = index;
        _buffer.Set(index == _history.Count ? "" : _history[index]);
    }

    /// <summary>Draws prompt and input on one row; what does not fit scrolls sideways.</summary>
    private void Draw()
    {
        if (!_isOpen) return;
        int width = Math.Max(Width() - 1, MinInputWidth);
        string prompt = _prompt.Length > width - MinInputWidth ? "> " : _prompt;
        var (visible, cursor) = _buffer.Window(width - prompt.Length);
        string back = cursor < visible.Width ? $"\e[{visible.Width - cursor}D" : "";
        Console.Out.Write($"\r\e[K\e[2m{prompt}\e[0m{visible.Text}{back}");
        Console.Out.Flush();
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }
}
