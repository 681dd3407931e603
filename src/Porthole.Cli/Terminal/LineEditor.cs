using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Porthole.Cli.Terminal;

/// <summary>
/// A line of input at the bottom of a terminal, behind a prompt, that lines of output scroll past without breaking it. It takes the usual keys: arrows, Home, End,
/// Delete, history, Ctrl-A/E/U/K/W, Tab. When the terminal changes its width, the line is drawn anew.
/// </summary>
internal sealed class LineEditor : IDisposable
{
    /// <summary>The prompt where there is nothing to say.</summary>
    public const string PlainPrompt = "> ";

    private const int MaxHistory = 200;

    /// <summary>Columns that the input is given at least, however long the prompt.</summary>
    private const int MinInputWidth = 20;

    /// <summary>The most completions that are listed: more would push away what is read.</summary>
    private const int MaxListed = 30;

    private readonly Lock _gate = new();
    private readonly Channel<string?> _lines = Channel.CreateUnbounded<string?>();
    private readonly List<string> _history = [];
    private readonly EditBuffer _buffer = new();
    private readonly PosixSignalRegistration? _resized;
    private string[] _prompts = [PlainPrompt];
    private int _historyIndex;
    private int _cursorColumn;
    private bool _isOpen = true;

    public LineEditor()
    {
        if (!OperatingSystem.IsWindows()) _resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Redraw());
        new Thread(ReadKeys) { IsBackground = true, Name = "keys" }.Start();
    }

    /// <summary>What Tab may complete the text before the cursor to: where in it the completed part begins, and what that may become.</summary>
    public Func<string, (int Start, IReadOnlyList<string> Candidates)> Completions { get; set; } = static text => (text.Length, []);

    /// <summary>Columns for output: all but the last, which would wrap.</summary>
    public static int Width => Math.Max(TerminalSize.Columns - 1, MinInputWidth);

    /// <summary>Changes the prompt.</summary>
    /// <param name="prompts">Several of the same meaning, the longest first: the first one that fits is shown.</param>
    public void SetPrompt(params string[] prompts)
    {
        lock (_gate)
        {
            if (_prompts.AsSpan().SequenceEqual(prompts)) return;
            _prompts = prompts;
            Erase();
            Draw();
        }
    }

    /// <summary>Prints a line, or several, above the prompt. It may hold escape sequences of this program, and no others.</summary>
    public void PrintLine(string line)
    {
        lock (_gate)
        {
            Print(line);
            Draw();
        }
    }

    /// <summary>The next line; null at the end of the input (Ctrl-D on an empty line).</summary>
    public async Task<string?> ReadLineAsync(CancellationToken cancellationToken) => await _lines.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);

    public void Dispose()
    {
        _resized?.Dispose();
        lock (_gate)
        {
            if (!_isOpen) return;
            _isOpen = false;
            Erase();
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
                    if (Console.KeyAvailable) continue; // what is pasted is drawn once
                    Erase();
                    Draw();
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
                Complete();
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

    /// <summary>Completes as far as all candidates agree; where they agree no further, lists them.</summary>
    private void Complete()
    {
        var (start, candidates) = Completions(_buffer.BeforeCursor);
        string before = _buffer.Text;
        var fitting = _buffer.Complete(start, candidates);
        if (fitting.Count < 2 || _buffer.Text != before) return;
        string more = fitting.Count > MaxListed ? $"  and {fitting.Count - MaxListed} more" : "";
        Print(Dim($"{string.Join("  ", fitting.Take(MaxListed).Select(static one => LastName(one.TrimEnd())))}{more}"));
    }

    /// <summary>Of a path what tells it from the others.</summary>
    private static string LastName(string candidate) => candidate[(candidate.TrimEnd('/').LastIndexOf('/') + 1)..];

    private static string Dim(string text) => Rendering.HasColours ? $"\e[2m{text}\e[0m" : text;

    private void Print(string line)
    {
        Erase();
        Console.Out.Write($"{line}\n");
    }

    private void Redraw()
    {
        lock (_gate)
        {
            Erase();
            Draw();
        }
    }

    /// <summary>Takes prompt and input off the screen. A terminal that has become narrower has broken them into several rows.</summary>
    private void Erase()
    {
        int rows = _cursorColumn / TerminalSize.Columns;
        Console.Out.Write(rows > 0 ? $"\e[{rows}A\r\e[J" : "\r\e[J");
        _cursorColumn = 0;
    }

    /// <summary>Draws prompt and input on one row; what does not fit scrolls sideways.</summary>
    private void Draw()
    {
        if (!_isOpen) return;
        string prompt = _prompts.FirstOrDefault(one => one.Length <= Width - MinInputWidth) ?? PlainPrompt;
        var (visible, cursor) = _buffer.Window(Width - prompt.Length);
        string back = cursor < visible.Width ? $"\e[{visible.Width - cursor}D" : "";
        Console.Out.Write($"{Dim(prompt)}{visible.Text}{back}");
        Console.Out.Flush();
        _cursorColumn = prompt.Length + cursor;
    }
}
