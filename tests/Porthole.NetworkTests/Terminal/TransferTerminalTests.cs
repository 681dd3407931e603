using System.Text.RegularExpressions;
using Porthole.NetworkTests.Cli;

namespace Porthole.NetworkTests.Terminal;

/// <summary>A transfer as a person sees it, in a real pseudo-terminal.</summary>
public sealed partial class TransferTerminalTests(CliServer server) : IClassFixture<CliServer>
{
    /// <summary>Large enough for several looks of the progress line.</summary>
    private const int Size = 40_000_000;

    [TmuxFact]
    public async Task Somebody_is_asked_sees_the_progress_and_the_path_and_has_the_file()
    {
        string samName = server.NewName("sam"), ritaName = server.NewName("rita"), folder = server.NewHome(), source = Path.Combine(server.NewHome(), "film.bin");
        byte[] content = new byte[Size];
        new Random(1).NextBytes(content);
        await File.WriteAllBytesAsync(source, content, TestContext.Current.CancellationToken);
        await using var rita = await TmuxTerminal.StartWideAsync(server.NewHome(), "receive", "--as", ritaName, "--to", folder, "--server", server.Address, "--once");
        await rita.LineAsync("Receiving into");
        await using var sam = await TmuxTerminal.StartWideAsync(server.NewHome(), "send", source, ritaName, "--as", samName, "--server", server.Address);
        await rita.LineAsync("film.bin: 1 file, 40.0 MB. Take it?");
        await sam.LineAsync(static line => (line.StartsWith("Path to ", StringComparison.Ordinal) || line.StartsWith("Connected to ", StringComparison.Ordinal)) && line.Contains("direct by ", StringComparison.Ordinal), "the direct path");
        await rita.EnterAsync("y");
        await sam.LineAsync("Sent: film.bin, 1 file, 40.0 MB in ");
        await rita.LineAsync("Received ");
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(folder, "film.bin"), TestContext.Current.CancellationToken));

        foreach (var terminal in (TmuxTerminal[])[sam, rita])
        {
            await terminal.LineAsync(static line => line.StartsWith("Pane is dead (status 0", StringComparison.Ordinal), "an end without complaint");
            var drawn = Progress().Matches(await terminal.WrittenAsync(Progress()));
            Assert.Equal(drawn.Select(static line => int.Parse(line.Groups[1].Value)).Order(), drawn.Select(static line => int.Parse(line.Groups[1].Value)));
            Assert.DoesNotContain(await terminal.ScreenAsync(), static line => Progress().IsMatch(line)); // the line has given way to what came of it
        }
    }

    [GeneratedRegex(@"film\.bin +(\d+) %  \S+ \S+ of 40\.0 MB.* direct (UDP|TCP)")]
    private static partial Regex Progress();
}
