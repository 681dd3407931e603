using Porthole.Cli.Chat;

namespace Porthole.NetworkTests.Cli;

/// <summary>What /send is to send, with all the blanks that names may have.</summary>
public sealed class SendRequestTests
{
    private static readonly string[] s_files = ["a.txt", "two words.txt", "two", "/tmp/x y/z"];

    [Theory]
    [InlineData("a.txt", "a.txt", null)]
    [InlineData("  a.txt  ", "a.txt", null)]
    [InlineData("a.txt bob", "a.txt", "bob")]
    [InlineData("two words.txt", "two words.txt", null)]
    [InlineData("two words.txt  bob", "two words.txt", "bob")]
    [InlineData("two bob", "two", "bob")]
    [InlineData("/tmp/x y/z bob", "/tmp/x y/z", "bob")]
    [InlineData("\"two words.txt\" bob", "two words.txt", "bob")]
    [InlineData("\"a.txt\"", "a.txt", null)]
    public void The_longest_part_that_is_there_is_the_file_and_what_is_left_the_peer(string text, string path, string? peer)
    {
        Assert.True(SendRequest.TryParse(text, s_files.Contains, static name => name == "bob", out var request, out _));
        Assert.Equal(new SendRequest(path, peer), request);
    }

    [Theory]
    [InlineData("", "Say what to send")]
    [InlineData("\"\"", "Say what to send")]
    [InlineData("no such.txt", "no such.txt")]
    [InlineData("a.txt eve", "eve is not connected")]
    [InlineData("\"a.txt\" two words", "two words is not connected")]
    [InlineData("\"a.txt", null)]
    public void What_makes_no_sense_is_said_in_one_line(string text, string? says)
    {
        Assert.Equal(says is null, SendRequest.TryParse(text, s_files.Contains, static name => name == "bob", out _, out string? problem));
        if (says is not null) Assert.Contains(says, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_text_is_read_or_turned_down()
    {
        var random = new Random(1);
        const string Letters = "ab \"/.\\\t\0é🙂";
        for (int i = 0; i < 20_000; i++)
        {
            string text = new([.. Enumerable.Range(0, random.Next(30)).Select(_ => Letters[random.Next(Letters.Length)])]);
            if (SendRequest.TryParse(text, path => path.Length % 3 == 1, static _ => true, out var request, out string? problem)) Assert.NotEqual("", request.Path);
            else Assert.NotEqual("", problem);
        }
    }
}
