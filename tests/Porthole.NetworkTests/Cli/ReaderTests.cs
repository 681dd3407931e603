using System.Buffers.Binary;
using Porthole.Cli;
using Porthole.Cli.Chat;
using Porthole.Cli.Meet;
using Porthole.Cli.Ping;
using Porthole.Cli.Terminal;

namespace Porthole.NetworkTests.Cli;

/// <summary>What reads bytes of others, or keys: nothing throws, everything comes back as it was.</summary>
public sealed class ReaderTests
{
    [Fact]
    public void Chat_frames_come_back_as_they_were()
    {
        foreach (ChatFrame frame in (ChatFrame[])[new ChatFrame.Hello(), new ChatFrame.Message(7, "grüße 🙂"), new ChatFrame.Message(ulong.MaxValue, ""), new ChatFrame.Delivered(1), new ChatFrame.Last()])
        {
            byte[] bytes = frame.ToBytes();
            Assert.True(ChatFrame.TryReadHeader(bytes, out byte type, out int length));
            Assert.Equal(bytes.Length - ChatFrame.HeaderSize, length);
            Assert.True(ChatFrame.TryRead(type, bytes.AsSpan(ChatFrame.HeaderSize), out var read));
            Assert.Equal(frame, read);
        }
    }

    [Fact]
    public void Chat_frames_of_any_bytes_are_read_or_turned_down_and_never_long()
    {
        var random = new Random(1);
        byte[] header = new byte[ChatFrame.HeaderSize];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(header);
            if (random.Next(2) == 0) header[1] = header[2] = 0;
            if (!ChatFrame.TryReadHeader(header, out byte type, out int length)) continue;
            Assert.InRange(length, 0, ChatFrame.MaxBody);
            byte[] body = new byte[Math.Min(length, 40)];
            random.NextBytes(body);
            ChatFrame.TryRead((byte)"HMDL?"[random.Next(5)], body, out _);
            ChatFrame.TryRead(type, body, out _);
        }
    }

    [Fact]
    public void A_chat_frame_one_byte_beyond_the_limit_is_turned_down()
    {
        byte[] header = new byte[ChatFrame.HeaderSize];
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(1), ChatFrame.MaxBody);
        Assert.True(ChatFrame.TryReadHeader(header, out _, out _));
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(1), ChatFrame.MaxBody + 1);
        Assert.False(ChatFrame.TryReadHeader(header, out _, out _));
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(1), -1);
        Assert.False(ChatFrame.TryReadHeader(header, out _, out _));
    }

    [Fact]
    public async Task Lines_of_a_meeting_come_back_as_they_were_however_they_are_cut()
    {
        MeetLine[] lines = [new MeetLine.Hello(), new MeetLine.Say("grüße 🙂  exit"), new MeetLine.Say(""), new MeetLine.Echo(new string('x', MeetLine.MaxText)), new MeetLine.Direct(), new MeetLine.Exit()];
        byte[] bytes = [.. lines.SelectMany(static line => line.ToBytes())];
        foreach (int chunk in (int[])[1, 7, 4_096, 100_000])
        {
            var reader = new MeetLineReader(new ChunkedStream(bytes, chunk));
            foreach (var line in lines) Assert.Equal(line, await reader.ReadAsync(TestContext.Current.CancellationToken));
            Assert.Null(await reader.ReadAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task A_line_of_a_meeting_beyond_the_limit_or_of_any_bytes_is_turned_down_or_passed_over()
    {
        var endless = new MeetLineReader(new ChunkedStream(new byte[10 * MeetLine.MaxLine], 1_000));
        Assert.Null(await endless.ReadAsync(TestContext.Current.CancellationToken));
        Assert.True(MeetLine.Fits(new string('x', MeetLine.MaxText)));
        Assert.False(MeetLine.Fits(new string('x', MeetLine.MaxText - 1) + "ü"));
        var random = new Random(2);
        byte[] line = new byte[30];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(line);
            if (i % 2 == 0) "say "u8.CopyTo(line);
            Assert.NotNull(MeetLine.Parse(line.AsSpan(0, random.Next(line.Length))));
        }

        Assert.IsType<MeetLine.Unknown>(MeetLine.Parse("hello porthole-chat/1"u8));
        Assert.IsType<MeetLine.Unknown>(MeetLine.Parse("wave"u8));
    }

    [Fact]
    public void A_ping_comes_back_as_it_was_or_not_at_all()
    {
        byte[] message = new byte[PingMessage.HeaderSize + 100];
        PingMessage.Write(message, 41);
        Assert.True(PingMessage.TryRead(message, out int sequence));
        Assert.Equal(41, sequence);
        for (int i = 0; i < message.Length; i++)
        {
            byte[] changed = [.. message];
            changed[i] ^= 0x81;
            Assert.False(PingMessage.TryRead(changed, out int read) && read == sequence);
        }
    }

    [Theory]
    [InlineData("plain text, grüße 🙂", "plain text, grüße 🙂")]
    [InlineData("a\e[2Jb", "a\uFFFD[2Jb")]
    [InlineData("two\nlines\r", "two lines\uFFFD")]
    [InlineData("\u202Eright\u2066to\u009Bleft", "\uFFFDright\uFFFDto\uFFFDleft")]
    [InlineData("in\u200Bvisible\u200F\uFEFF", "in\uFFFDvisible\uFFFD\uFFFD")]
    public void Text_of_others_cannot_move_the_cursor_or_turn_the_writing_around(string text, string shown) => Assert.Equal(shown, Words.Safe(text));

    [Fact]
    public void An_edited_line_is_what_was_typed()
    {
        var buffer = new EditBuffer();
        foreach (char character in "hello wörld") buffer.Handle(Key(character));
        buffer.Handle(Key(ConsoleKey.W, ConsoleModifiers.Control));
        foreach (char character in "🙂x") buffer.Handle(Key(character));
        buffer.Handle(Key(ConsoleKey.LeftArrow));
        buffer.Handle(Key(ConsoleKey.Backspace));
        Assert.Equal("hello x", buffer.Text);
        buffer.Handle(Key(ConsoleKey.Home));
        buffer.Handle(Key(ConsoleKey.K, ConsoleModifiers.Control));
        Assert.Equal("", buffer.Text);
        foreach (char character in "/con") buffer.Handle(Key(character));
        buffer.Complete(0, ["/connect ", "/quit "]);
        Assert.Equal("/connect ", buffer.Text);
    }

    [Fact]
    public void Any_keys_leave_a_line_that_fits_the_row_with_the_cursor_inside()
    {
        var random = new Random(2);
        ConsoleKey[] keys = [ConsoleKey.LeftArrow, ConsoleKey.RightArrow, ConsoleKey.Home, ConsoleKey.End, ConsoleKey.Backspace, ConsoleKey.Delete, ConsoleKey.U, ConsoleKey.W, ConsoleKey.K];
        const string Typed = "ab 漢字 é🙂\u0301";
        var buffer = new EditBuffer();
        for (int i = 0; i < 20_000; i++)
        {
            if (random.Next(3) == 0) buffer.Handle(Key(keys[random.Next(keys.Length)], random.Next(4) == 0 ? ConsoleModifiers.Control : ConsoleModifiers.None));
            else buffer.Handle(Key(Typed[random.Next(Typed.Length)]));
            int width = random.Next(10, 40);
            var (visible, cursor) = buffer.Window(width);
            Assert.InRange(visible.Width, 0, width);
            Assert.InRange(cursor, 0, width);
        }
    }

    private static ConsoleKeyInfo Key(char character) => new(character, ConsoleKey.None, shift: false, alt: false, control: false);

    private static ConsoleKeyInfo Key(ConsoleKey key, ConsoleModifiers modifiers = ConsoleModifiers.None) => new('\0', key, false, false, modifiers.HasFlag(ConsoleModifiers.Control));

    /// <summary>A stream that gives its bytes in small portions.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, chunk)], cancellationToken);
    }
}
