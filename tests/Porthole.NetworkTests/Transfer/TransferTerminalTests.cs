using Porthole.NetworkTests.Cli;
using Porthole.NetworkTests.Terminal;

namespace Porthole.NetworkTests.Transfer;

/// <summary>Sending and receiving as a person sees it, in real pseudo-terminals.</summary>
public sealed class TransferTerminalTests(CliServer server) : IClassFixture<CliServer>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-tty").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TmuxFact]
    public async Task A_code_is_shown_with_its_picture_and_the_receiver_is_asked()
    {
        string source = Path.Combine(_folder, "note.txt"), target = Path.Combine(_folder, "here");
        await File.WriteAllTextAsync(source, "hello", TestContext.Current.CancellationToken);
        await using var alice = await TmuxTerminal.StartAsync(server.NewHome(), "send", source, "--code", "--server", server.Address);
        string command = (await alice.LineAsync("porthole receive --code ")).Trim();
        string[] screen = await alice.ScreenAsync(static lines => lines.Any(static line => line.StartsWith("Waiting for the other side", StringComparison.Ordinal)), "the waiting");
        Assert.InRange(screen.Count(static line => line.AsSpan().IndexOfAny("█▀▄") >= 0), 15, 25);
        await alice.KeepAsync("send-code", "porthole send note.txt --code");

        await using var bob = await TmuxTerminal.StartAsync(server.NewHome(), [.. command.Split(' ')[1..], "--to", target]);
        await bob.LineAsync("note.txt: 1 file, 5 B. Take it? [y/N]");
        await bob.EnterAsync("y");
        await bob.LineAsync("Received ");
        await alice.LineAsync(static line => line.StartsWith("Sent: note.txt, 1 file, 5 B in ", StringComparison.Ordinal), "what was sent");
        await bob.LineAsync("Pane is dead");
        Assert.Equal("hello", await File.ReadAllTextAsync(Path.Combine(target, "note.txt"), TestContext.Current.CancellationToken));
    }

    [TmuxFact]
    public async Task Whoever_says_no_is_not_sent_anything()
    {
        string source = Path.Combine(_folder, "note.txt"), target = Path.Combine(_folder, "here"), bobName = server.NewName("bob");
        await File.WriteAllTextAsync(source, "hello", TestContext.Current.CancellationToken);
        await using var bob = await TmuxTerminal.StartAsync(server.NewHome(), "receive", "--as", bobName, "--to", target, "--server", server.Address);
        await bob.LineAsync("Receiving into ");
        var sending = CliProcess.RunAsync(server.NewHome(), "send", source, bobName, "--as", server.NewName("alice"), "--server", server.Address);
        await bob.LineAsync("Take it? [y/N]");
        await bob.EnterAsync("n");
        await bob.LineAsync("Refused what ");
        var sent = await sending;
        sent.AssertEnded(12);
        Assert.Empty(Directory.GetFileSystemEntries(target));
    }

    [TmuxFact]
    public async Task One_line_goes_along_and_control_C_says_how_to_go_on()
    {
        string source = Path.Combine(_folder, "film.bin"), bobName = server.NewName("bob");
        TransferFiles.WriteBig(source, 2_000_000_000);
        await using var bob = await TmuxTerminal.StartAsync(server.NewHome(), "receive", "--as", bobName, "--to", _folder + "/here", "--accept", "anyone", "--server", server.Address);
        await bob.LineAsync("Receiving into ");
        await using var alice = await TmuxTerminal.StartAsync(server.NewHome(), "send", source, bobName, "--as", server.NewName("alice"), "--server", server.Address);
        foreach (var terminal in new[] { alice, bob })
        {
            string line = await terminal.LineAsync(static line => line.StartsWith("film.bin ", StringComparison.Ordinal) && line.Contains("direct ", StringComparison.Ordinal) && line.Contains(" left", StringComparison.Ordinal), "the progress");
            Assert.Matches(@"^film\.bin +\d+ %  \d.* of 2\.00 GB  .*/s  .* left  direct (UDP|TCP)$", line);
            await terminal.ScreenAsync(static lines => lines.Count(static one => one.Contains(" of 2.00 GB  ", StringComparison.Ordinal)) == 1, "one line, drawn anew and not again");
        }

        await alice.KeepAsync("send", "porthole send film.bin bob");
        await alice.PressAsync("C-c");
        await alice.LineAsync("The same command goes on from there.");
        await bob.ScreenAsync(static lines => string.Concat(lines).Replace(" ", "", StringComparison.Ordinal).Contains("Whathascomeiskept", StringComparison.Ordinal), "what became of what has come"); // over two lines, where the reason is long
        await bob.PressAsync("C-c");
        await bob.LineAsync("Pane is dead");
    }
}
