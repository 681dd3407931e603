using System.Text;
using Porthole.Cli.Transfer;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Transfer;

/// <summary>The lines of a terminal, as a screen shows them.</summary>
public sealed class TerminalTransferViewTests
{
    [Fact]
    public void Lines_stay_above_and_transfers_are_drawn_below()
    {
        var output = new StringWriter();
        using (var view = new TerminalTransferView(output, static () => 60))
        {
            var (one, two) = (Track("one", 10), Track("two", 20));
            view.Say("event", "first line");
            view.Show(one);
            view.Show(two);
            Assert.Equal(["first line", "one", "two"], FirstWords(output));
            view.Say("event", "second line");
            Assert.Equal(["first line", "second line", "one", "two"], FirstWords(output));
            view.Hide(one);
            view.Say("event", null); // for programs alone
            view.Say(null, "third line");
            Assert.Equal(["first line", "second line", "third line", "two"], FirstWords(output));
        }

        Assert.Equal(["first line", "second line", "third line"], FirstWords(output));
    }

    [Fact]
    public void A_transfer_is_not_drawn_more_often_than_an_eye_follows()
    {
        var output = new StringWriter();
        using var view = new TerminalTransferView(output, static () => 60);
        var track = Track("one", 10);
        view.Show(track);
        int length = output.GetStringBuilder().Length;
        for (int i = 0; i < 10_000; i++) view.Show(track);
        Assert.InRange(output.GetStringBuilder().Length, length, length + 100 * (int)(track.Now.TotalMilliseconds / 100 + 1));
    }

    [Fact]
    public async Task A_line_that_was_begun_under_a_withdrawn_question_does_not_answer_the_next()
    {
        using var input = new SlowReader();
        var output = new StringWriter();
        using var view = new TerminalTransferView(output, static () => 60, input);
        using var withdraw = new CancellationTokenSource();
        var first = view.AskAsync("Alice sends a. Take it?", withdraw.Token);
        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var second = view.AskAsync("Eve sends b. Take it?", TestContext.Current.CancellationToken);
        input.Type("y");
        input.Type("n");
        Assert.False(await second.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        input.Type("y");
        Assert.True(await view.AskAsync("Bob sends c. Take it?", TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(2, output.ToString().Split("Eve").Length - 1);
    }

    /// <summary>A keyboard: lines come when they are typed.</summary>
    private sealed class SlowReader : TextReader
    {
        private readonly System.Collections.Concurrent.BlockingCollection<string> _lines = [];

        public void Type(string line) => _lines.Add(line);

        public override string? ReadLine() => _lines.Take();
    }

    private static TransferTrack Track(string name, long bytes)
    {
        var track = new TransferTrack("bob") { Name = name, Kind = PathKind.Udp };
        track.Begin(bytes, 100);
        return track;
    }

    /// <summary>The lines on the screen; of a transfer's line its name.</summary>
    private static string[] FirstWords(StringWriter output)
    {
        var lines = new List<StringBuilder> { new() };
        int at = 0;
        string text = output.ToString();
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\n':
                    if (++at == lines.Count) lines.Add(new StringBuilder());
                    break;
                case '\r':
                    break;
                case '\e' when text[i + 2] == 'A':
                    at--;
                    i += 2;
                    break;
                case '\e' when text[i + 2] == 'J':
                    lines.RemoveRange(at + 1, lines.Count - at - 1);
                    lines[at].Clear();
                    i += 2;
                    break;
                default:
                    lines[at].Append(text[i]);
                    break;
            }
        }

        return [.. lines.Select(static line => line.ToString()).Where(static line => line.Length > 0).Select(static line => line.Contains('%', StringComparison.Ordinal) ? line.Split(' ')[0] : line)];
    }
}
