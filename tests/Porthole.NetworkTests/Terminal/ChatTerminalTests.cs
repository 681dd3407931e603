using System.Text.RegularExpressions;
using Porthole.NetworkTests.Cli;

namespace Porthole.NetworkTests.Terminal;

/// <summary>The chat as a person sees it, in a real pseudo-terminal.</summary>
public sealed partial class ChatTerminalTests(CliServer server) : IClassFixture<CliServer>
{
    [TmuxFact]
    public async Task Two_people_talk_compare_words_and_see_who_is_there()
    {
        const string aliceName = "alice", bobName = "bob"; // nobody else of this class: they are in the documentation
        await using var bob = await StartAsync(bobName);
        await bob.LineAsync("Type /help");
        await using var alice = await StartAsync(aliceName, "--connect", bobName);
        await bob.LineAsync($"{aliceName} (");
        await bob.LineAsync("wants to chat");
        await bob.TypeAsync("/acc");
        await bob.PressAsync("Tab", "Enter");
        await bob.LineAsync(line => line.StartsWith($"[{aliceName} direct ", StringComparison.Ordinal), "the prompt with the path");
        await alice.LineAsync(line => line.StartsWith($"[{bobName} direct ", StringComparison.Ordinal), "the prompt with the path");

        await alice.EnterAsync("Shall we go through the plan?");
        await bob.EnterAsync("I am here.");
        await alice.MatchAsync($@"^\d\d:\d\d {bobName} I am here\.$");
        await bob.LineAsync(line => line.Trim() is var text && text.StartsWith("[1] ✓✓ " + aliceName, StringComparison.Ordinal), "two ticks");

        await alice.TypeAsync("/ver");
        await alice.PressAsync("Tab");
        await alice.TypeAsync(bobName[..3]);
        await alice.PressAsync("Tab", "Enter");
        await bob.EnterAsync("/verify");
        string here = Words().Match(await alice.LineAsync(Words().IsMatch, "words")).Value, there = Words().Match(await bob.LineAsync(Words().IsMatch, "words")).Value;
        Assert.Equal(here, there);
        await alice.LineAsync("nobody is in between");

        await alice.EnterAsync("/peers");
        await alice.MatchAsync($"^│ {bobName} +│ direct by ");
        await alice.KeepAsync("chat", "porthole chat --as alice");

        // Text of others is shown as it is: neither codes nor what the console library takes for its own.
        await alice.EnterAsync("[red]not red[/] [[ \u202Eand not turned around");
        await bob.MatchAsync(@"^\d\d:\d\d \S+ \[red\]not red\[/\] \[\[ \uFFFDand not turned around$");
        await alice.EnterAsync("/help");
        await alice.LineAsync(static line => line.StartsWith("/verify NAME", StringComparison.Ordinal), "a list of commands");
        await bob.PressAsync("C-d");
        await alice.LineAsync($"* {bobName} is gone: They left the chat.");
        await alice.LineAsync(static line => line == ">", "the prompt of somebody who is alone");
    }

    [TmuxFact]
    public async Task Long_lines_wrap_within_their_column_and_a_change_of_width_leaves_one_prompt()
    {
        string aliceName = server.NewName("alice"), bobName = server.NewName("bob");
        await using var bob = await StartAsync(bobName, "--accept", "anyone");
        await bob.LineAsync("Type /help");
        await using var alice = await StartAsync(aliceName, "--connect", bobName);
        await alice.LineAsync(line => line.StartsWith($"[{bobName} direct ", StringComparison.Ordinal), "the prompt with the path");
        await bob.LineAsync(line => line.StartsWith($"[{aliceName} direct ", StringComparison.Ordinal), "the prompt with the path");
        string text = string.Join(' ', Enumerable.Range(100, 40));
        await alice.EnterAsync(text);
        string[] screen = await bob.ScreenAsync(static lines => lines.Any(static line => line.EndsWith("139", StringComparison.Ordinal)), "all of the line");
        int first = Array.FindIndex(screen, static line => line.Contains("100 101", StringComparison.Ordinal));
        string lead = screen[first][..screen[first].IndexOf("100", StringComparison.Ordinal)];
        Assert.Matches($@"^\d\d:\d\d {aliceName} $", lead);
        Assert.Matches($@"^ {{{lead.Length}}}\d\d\d ", screen[first + 1]);

        await bob.TypeAsync("half a thought");
        await bob.LineAsync(static line => line.EndsWith("half a thought", StringComparison.Ordinal), "what is being typed");
        foreach (int width in (int[])[44, 100, 60])
        {
            await bob.ResizeAsync(width, 30);
            await bob.ScreenAsync(
                lines => lines[^1].EndsWith("half a thought", StringComparison.Ordinal) && lines[^1].Length < width && lines.Count(static line => line.Contains("half a thought", StringComparison.Ordinal)) == 1
                    && lines.Count(line => line.StartsWith('[') && line.Contains(aliceName, StringComparison.Ordinal)) <= 1,
                $"one prompt in {width} columns");
        }

        await bob.PressAsync("Enter");
        await alice.LineAsync("half a thought");
        Assert.Matches(@"\e\[[0-9;]*m" + aliceName, await bob.ColoursAsync());
    }

    [TmuxFact]
    public async Task Without_colours_there_are_none()
    {
        await using var bob = await TmuxTerminal.StartAsync(server.NewHome(), 100, ["NO_COLOR=1"], ["chat", "--as", server.NewName("bob"), "--server", server.Address]);
        await bob.EnterAsync("/help");
        await bob.LineAsync("A line goes to everyone");
        Assert.DoesNotContain("\e[", await bob.ColoursAsync(), StringComparison.Ordinal);
    }

    [TmuxFact]
    public async Task A_file_is_completed_offered_taken_and_there()
    {
        const string aliceName = "carol", bobName = "dave";
        string downloads = server.NewHome(), source = server.NewHome();
        byte[] content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        await File.WriteAllBytesAsync(Path.Combine(source, "holiday pictures.zip"), content, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(source, "holiday plans.txt"), "none", TestContext.Current.CancellationToken);
        await using var bob = await StartAsync(bobName, "--accept", "anyone", "--downloads", downloads);
        await bob.LineAsync("Type /help");
        await using var alice = await StartAsync(aliceName, "--connect", bobName);
        await alice.LineAsync(line => line.StartsWith($"[{bobName} direct ", StringComparison.Ordinal), "the prompt with the path");
        await alice.TypeAsync($"/send {source}/ho");
        await alice.PressAsync("Tab");
        await alice.LineAsync(static line => line.EndsWith("/holiday p", StringComparison.Ordinal), "as far as both agree");
        await alice.PressAsync("Tab");
        Assert.Contains("holiday pictures.zip", await alice.LineAsync("holiday plans.txt"), StringComparison.Ordinal);
        await alice.TypeAsync("i");
        await alice.PressAsync("Tab", "Enter");
        await bob.LineAsync($"* {aliceName} offers holiday pictures.zip (1 file, 3.00 MB): /accept-file {aliceName} or");
        await alice.LineAsync($"* holiday pictures.zip is offered to {bobName}.");
        await bob.KeepAsync("chat-file", "porthole chat --as dave");
        await bob.EnterAsync("/accept-file");
        await bob.LineAsync($"* {aliceName} has sent holiday pictures.zip, 3.00 MB: it is at");
        await alice.LineAsync($"* {bobName} has holiday pictures.zip, 3.00 MB after");
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(downloads, "holiday pictures.zip"), TestContext.Current.CancellationToken));
    }

    [GeneratedRegex("[a-z]{5}(-[a-z]{5}){5}")]
    private static partial Regex Words();

    private Task<TmuxTerminal> StartAsync(string name, params string[] more) => TmuxTerminal.StartAsync(server.NewHome(), ["chat", "--as", name, "--server", server.Address, .. more]);
}
