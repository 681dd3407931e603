using System.Text;

namespace Porthole.Cli.Terminal;

/// <summary>The text of a line that is being edited, and the place in it.</summary>
internal sealed class EditBuffer
{
    /// <summary>Longer lines are no chat any more.</summary>
    private const int MaxLength = 4_096;

    private string _text = "";
    private int _cursor;

    public string Text => _text;

    public void Set(string text) => (_text, _cursor) = (text, text.Length);

    /// <summary>Takes a key that edits; others do nothing.</summary>
    public void Handle(ConsoleKeyInfo key)
    {
        bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow:
                _cursor = control ? WordStart() : Before();
                break;
            case ConsoleKey.RightArrow:
                _cursor = After();
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                _cursor = 0;
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                _cursor = _text.Length;
                break;
            case ConsoleKey.Backspace:
                Remove(Before(), _cursor);
                break;
            case ConsoleKey.Delete:
            case ConsoleKey.D when control:
                Remove(_cursor, After());
                break;
            case ConsoleKey.U when control:
                Remove(0, _cursor);
                break;
            case ConsoleKey.K when control:
                Remove(_cursor, _text.Length);
                break;
            case ConsoleKey.W when control:
                Remove(WordStart(), _cursor);
                break;
            default:
                if (!char.IsControl(key.KeyChar) && key.KeyChar != '\0' && _text.Length < MaxLength) Insert(key.KeyChar.ToString());
                break;
        }
    }

    /// <summary>The text before the cursor.</summary>
    public string BeforeCursor => _text[.._cursor];

    /// <summary>Completes what stands between a place and the cursor as far as all candidates agree.</summary>
    /// <returns>The candidates that fit.</returns>
    public IReadOnlyList<string> Complete(int start, IReadOnlyList<string> candidates)
    {
        if (start > _cursor) return [];
        string word = _text[start.._cursor];
        string[] fitting = [.. candidates.Where(one => one.StartsWith(word, StringComparison.OrdinalIgnoreCase))];
        if (fitting.Length == 0) return [];
        string common = fitting.Aggregate(static (one, other) => one[..one.Zip(other).TakeWhile(static pair => pair.First == pair.Second).Count()]);
        if (common.Length < word.Length || common == word) return fitting;
        Remove(start, _cursor);
        Insert(common);
        return fitting;
    }

    /// <summary>The part around the cursor that fits a width, and the cursor's column in it.</summary>
    public ((string Text, int Width) Visible, int Cursor) Window(int width)
    {
        int start = 0;
        while (WidthOf(_text.AsSpan(start, _cursor - start)) >= width) start += char.IsHighSurrogate(_text[start]) ? 2 : 1;
        int end = start;
        int used = 0;
        foreach (var rune in _text.AsSpan(start).EnumerateRunes())
        {
            int one = WidthOf(rune);
            if (used + one > width) break;
            used += one;
            end += rune.Utf16SequenceLength;
        }

        return ((_text[start..end], used), WidthOf(_text.AsSpan(start, _cursor - start)));
    }

    private static int WidthOf(ReadOnlySpan<char> text)
    {
        int width = 0;
        foreach (var rune in text.EnumerateRunes()) width += WidthOf(rune);
        return width;
    }

    /// <summary>Columns of a character: 0 for marks that combine, 2 for East Asian wide ones and pictures (Unicode standard annex 11, in rough), else 1.</summary>
    private static int WidthOf(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.EnclosingMark or System.Globalization.UnicodeCategory.Format => 0,
        _ => rune.Value is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6) or (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD)
            ? 2
            : 1,
    };

    private int Before() => _cursor == 0 ? 0 : _cursor - (_cursor > 1 && char.IsLowSurrogate(_text[_cursor - 1]) ? 2 : 1);

    private int After() => _cursor == _text.Length ? _cursor : _cursor + (char.IsHighSurrogate(_text[_cursor]) && _cursor + 1 < _text.Length ? 2 : 1);

    private int WordStart()
    {
        int at = _cursor;
        while (at > 0 && _text[at - 1] == ' ') at--;
        while (at > 0 && _text[at - 1] != ' ') at--;
        return at;
    }

    private void Insert(string text)
    {
        _text = _text.Insert(_cursor, text);
        _cursor += text.Length;
    }

    private void Remove(int start, int end)
    {
        _text = _text.Remove(start, end - start);
        _cursor = start;
    }
}
