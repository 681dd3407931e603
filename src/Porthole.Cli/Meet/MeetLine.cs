using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Porthole.Cli.Meet;

/// <summary>
/// What two who met say to each other on their one stream (docs/cli.md): lines of UTF-8, each a word and, after a blank, a text. Lines with unknown words are
/// passed over, so that later versions can say more.
/// </summary>
internal abstract record MeetLine
{
    /// <summary>The longest text, in bytes of UTF-8: several screens.</summary>
    public const int MaxText = 16 * 1024;

    /// <summary>The longest line without its end: the longest word, a blank and a text.</summary>
    public const int MaxLine = 16 + MaxText;

    private MeetLine() { }

    /// <summary>The first line of each side.</summary>
    public sealed record Hello : MeetLine
    {
        /// <summary>The protocol and its version.</summary>
        public const string Protocol = "porthole-meet/1";
    }

    /// <summary>Something that was typed.</summary>
    public sealed record Say(string Text) : MeetLine;

    /// <summary>Something that the other side typed, sent back; it is not sent back once more.</summary>
    public sealed record Echo(string Text) : MeetLine;

    /// <summary>This side's bytes go directly: for its part the server may be left.</summary>
    public sealed record Direct : MeetLine;

    /// <summary>The conversation is over.</summary>
    public sealed record Exit : MeetLine;

    /// <summary>A word that is not known here.</summary>
    public sealed record Unknown : MeetLine;

    /// <summary>Whether a text fits one line.</summary>
    public static bool Fits(string text) => Encoding.UTF8.GetByteCount(text) <= MaxText;

    /// <summary>The line's bytes, with its end. A text holds no line ends of its own.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(this switch
    {
        Hello => $"hello {Hello.Protocol}\n",
        Say say => $"say {say.Text}\n",
        Echo echo => $"echo {echo.Text}\n",
        Direct => "direct\n",
        Exit => "exit\n",
        _ => throw new System.Diagnostics.UnreachableException(),
    });

    /// <summary>Reads a line without its end.</summary>
    public static MeetLine Parse(ReadOnlySpan<byte> line)
    {
        string text = Encoding.UTF8.GetString(line);
        int blank = text.IndexOf(' ', StringComparison.Ordinal);
        var (word, rest) = blank < 0 ? (text, "") : (text[..blank], text[(blank + 1)..]);
        return word switch
        {
            "hello" when rest == Hello.Protocol => new Hello(),
            "say" => new Say(rest),
            "echo" => new Echo(rest),
            "direct" => new Direct(),
            "exit" => new Exit(),
            _ => new Unknown(),
        };
    }
}

/// <summary>Cuts a stream into lines.</summary>
internal sealed class MeetLineReader(Stream stream)
{
    private readonly ArrayBufferWriter<byte> _held = new();
    private readonly byte[] _buffer = new byte[4 * 1024];

    /// <summary>Reads the next line.</summary>
    /// <returns>Null at the end of the stream, or where a line is longer than any.</returns>
    public async Task<MeetLine?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryTake(out var line)) return line;
            if (_held.WrittenCount > MeetLine.MaxLine) return null;
            int count = await stream.ReadAsync(_buffer, cancellationToken).ConfigureAwait(false);
            if (count == 0) return null;
            _held.Write(_buffer.AsSpan(0, count));
        }
    }

    private bool TryTake([NotNullWhen(true)] out MeetLine? line)
    {
        line = null;
        int end = _held.WrittenSpan.IndexOf((byte)'\n');
        if (end is < 0 or > MeetLine.MaxLine) return false;
        line = MeetLine.Parse(_held.WrittenSpan[..end]);
        byte[] rest = _held.WrittenSpan[(end + 1)..].ToArray();
        _held.ResetWrittenCount();
        _held.Write(rest);
        return true;
    }
}
