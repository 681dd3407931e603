using Porthole.NetworkTests.Cli;

namespace Porthole.NetworkTests.Transfer;

/// <summary>Send and receive through the command, on loopback: what is said, and what goes wrong.</summary>
public sealed class TransferCommandTests(CliServer server) : IClassFixture<CliServer>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-command").FullName;

    private string Target => Path.Combine(_folder, "target");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Several_paths_of_several_senders_arrive_and_each_says_what_the_contract_says()
    {
        string bob = server.NewName("bob");
        await using var receiver = await ReceiveAsync(bob, "--accept", "anyone");
        var senders = new List<Task<CliResult>>();
        for (int i = 0; i < 3; i++)
        {
            string folder = Directory.CreateDirectory(Path.Combine(_folder, $"from-{i}")).FullName;
            await File.WriteAllTextAsync(Path.Combine(folder, "within.txt"), $"folder {i}", TestContext.Current.CancellationToken);
            string file = Write($"file-{i}.txt", $"file {i}");
            senders.Add(CliProcess.RunAsync(server.NewHome(), "send", folder, file, bob, "--as", server.NewName("alice"), "--server", server.Address, "--json"));
        }

        foreach (var result in await Task.WhenAll(senders))
        {
            result.AssertEnded(0);
            var sent = result.Events[^1];
            Assert.Equal(("sent", 2, 14, 0), ((string)sent["event"]!, (int)sent["files"]!, (int)sent["bytes"]!, (int)sent["resent"]!));
            Assert.True((double)sent["elapsedMs"]! > 0);
            Assert.Contains(result.Events, static e => (string)e["event"]! == "registered");
            Assert.Contains(result.Events, static e => (string)e["event"]! == "session");
        }

        var paths = new HashSet<string>();
        for (int i = 0; i < 6; i++)
        {
            var received = await receiver.EventAsync("received");
            paths.Add((string)received["path"]!);
            if (!(bool)received["folder"]!) Assert.Equal(TransferFiles.Sha256((string)received["path"]!), (string)received["sha256"]!);
        }

        Assert.Equal([.. Directory.GetFileSystemEntries(Target).Order()], paths.Order());
        Assert.Equal(6, paths.Count);
        for (int i = 0; i < 3; i++) Assert.Equal($"folder {i}", await File.ReadAllTextAsync(Path.Combine(Target, $"from-{i}", "within.txt"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_exists_is_left_alone_without_overwrite_and_replaced_with_it()
    {
        Directory.CreateDirectory(Target);
        string existing = Path.Combine(Target, "note.txt");
        await File.WriteAllTextAsync(existing, "old", TestContext.Current.CancellationToken);
        string source = Write("note.txt", "new"), bob = server.NewName("bob");
        await using (var receiver = await ReceiveAsync(bob, "--accept", "anyone", "--once"))
        {
            var refused = await SendAsync(source, bob);
            refused.AssertEnded(34);
            Assert.Contains("note.txt", refused.Errors[0], StringComparison.Ordinal);
            (await receiver.EndAsync()).AssertEnded(34);
            Assert.Equal("old", await File.ReadAllTextAsync(existing, TestContext.Current.CancellationToken));
        }

        bob = server.NewName("bob");
        await using (var receiver = CliProcess.Start(server.NewHome(), "receive", "--as", bob, "--to", Target, "--accept", "anyone", "--once", "--server", server.Address))
        {
            await receiver.LineAsync(static line => line.StartsWith("Receiving into ", StringComparison.Ordinal));
            (await SendAsync(source, bob)).AssertEnded(34);
            (await receiver.EndAsync()).AssertEnded(34); // for people too it is one line
        }

        bob = server.NewName("bob");
        await using var overwriting = await ReceiveAsync(bob, "--accept", "anyone", "--once", "--overwrite");
        (await SendAsync(source, bob)).AssertEnded(0);
        (await overwriting.EndAsync()).AssertEnded(0);
        Assert.Equal("new", await File.ReadAllTextAsync(existing, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_a_line_on_both_sides()
    {
        string blocking = Write("file", "a file, not a folder"), bob = server.NewName("bob");
        await using var receiver = CliProcess.Start(
            server.NewHome(), "receive", "--as", bob, "--to", Path.Combine(blocking, "below"), "--accept", "anyone", "--once", "--json", "--server", server.Address);
        var end = await receiver.EndAsync();
        end.AssertEnded(34);
        Assert.Contains("below", end.Errors[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(34, "is not there", "nowhere.txt", "bob")]
    [InlineData(2, "To whom", "file.txt")]
    [InlineData(2, "is no peer", "file.txt", "B O B")]
    [InlineData(2, "code", "file.txt", "--code", "XYZ")]
    [InlineData(2, "'--relay' is no option", "file.txt", "bob", "--relay")]
    [InlineData(34, "with --code no peer is named", "file.txt", "bob", "--code")]
    public async Task What_makes_no_sense_is_said_before_anybody_is_called(int exitCode, string text, params string[] arguments)
    {
        Write("file.txt", "x");
        arguments[0] = Path.Combine(_folder, arguments[0]);
        var result = await CliProcess.RunAsync(server.NewHome(), ["send", .. arguments, "--server", server.Address]);
        result.AssertEnded(exitCode);
        Assert.Contains(text, result.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_path_behind_code_and_standard_input_are_told_what_they_are()
    {
        var misplaced = await CliProcess.RunAsync(server.NewHome(), "send", "--code", Write("file.txt", "x"), "--server", server.Address);
        misplaced.AssertEnded(2);
        Assert.Contains("before --code", misplaced.Errors[0], StringComparison.Ordinal);
        var input = await CliProcess.RunAsync(server.NewHome(), "send", "-", "bob", "--server", server.Address);
        input.AssertEnded(34);
        Assert.Contains("Standard input cannot be sent", input.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_does_not_come_for_a_code_is_waited_for_as_long_as_was_asked()
    {
        var sent = await CliProcess.RunAsync(server.NewHome(), "send", Write("file.txt", "x"), "--code", "--wait", "1", "--server", server.Address);
        sent.AssertEnded(16);
        Assert.Contains("Nobody came within 1 s", sent.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_is_stopped_in_the_middle_says_that_what_came_is_kept()
    {
        string source = Path.Combine(_folder, "film.bin"), bob = server.NewName("bob");
        TransferFiles.WriteBig(source, 1_000_000_000);
        await using var receiver = await ReceiveAsync(bob, "--accept", "anyone");
        await using var sender = CliProcess.Start(server.NewHome(), "send", source, bob, "--as", server.NewName("alice"), "--server", server.Address);
        await receiver.EventAsync("progress");
        receiver.Interrupt();
        var end = await receiver.EndAsync();
        end.AssertEnded(130);
        Assert.Contains("What has come is kept", end.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task To_ask_takes_a_terminal_or_a_program()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "receive", "--accept", "ask", "--server", server.Address);
        result.AssertEnded(2);
        Assert.Contains("terminal", result.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_is_asked_in_JSON_and_only_whose_files_it_took_is_known()
    {
        string source = Write("note.txt", "hello"), bob = server.NewName("bob"), home = server.NewHome();
        string known = Path.Combine(home, "porthole", "known_peers");
        await using var receiver = CliProcess.Start(home, "receive", "--as", bob, "--to", Target, "--accept", "ask", "--once", "--json", "--server", server.Address);
        await receiver.EventAsync("registered");

        var declined = SendAsync(source, bob);
        var asked = await receiver.EventAsync("ask");
        Assert.Contains("note.txt", (string)asked["question"]!, StringComparison.Ordinal);
        await receiver.Input.WriteLineAsync($"y 7\nn {(int)asked["number"]!}"); // the first answers another question
        (await declined).AssertEnded(12);
        Assert.False(File.Exists(known), "a stranger is known that was sent away");

        var taken = SendAsync(source, bob);
        asked = await receiver.EventAsync("ask");
        await receiver.Input.WriteLineAsync($"y {(int)asked["number"]!}");
        (await taken).AssertEnded(0);
        (await receiver.EndAsync()).AssertEnded(0);
        Assert.NotEmpty(await File.ReadAllTextAsync(known, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_peer_that_is_not_there_is_an_error_unless_it_is_waited_for()
    {
        string source = Write("note.txt", "hello"), home = server.NewHome();
        string bob = server.NewName("bob");
        (await SendAsync(source, bob)).AssertEnded(10); // nobody ever had that name
        var late = await CliProcess.RunAsync(home, "send", source, bob, "--wait", "3", "--server", server.Address, "--json");
        late.AssertEnded(10);
        Assert.Contains("Nobody came within", late.Errors[0], StringComparison.Ordinal);
        Assert.Equal(["registered", "away", "failed"], late.Events.Select(static e => (string)e["event"]!));
        await using var waiting = CliProcess.Start(server.NewHome(), "send", source, bob, "--as", server.NewName("alice"), "--wait", "60", "--json", "--server", server.Address);
        Assert.Equal("UnknownPeer", (string)(await waiting.EventAsync("away"))["error"]!);
        await using var receiver = await ReceiveAsync(bob, "--accept", "anyone", "--once");
        (await waiting.EndAsync()).AssertEnded(0);
        (await receiver.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task Who_lets_in_known_peers_only_is_not_sent_to_by_strangers()
    {
        string source = Write("note.txt", "hello"), bob = server.NewName("bob");
        await using var receiver = await ReceiveAsync(bob); // in a pipe: known
        (await SendAsync(source, bob)).AssertEnded(12);
    }

    [Fact]
    public async Task Who_runs_something_else_is_told_apart()
    {
        string source = Write("note.txt", "hello"), bob = server.NewName("bob"), carol = server.NewName("carol");
        await using var listener = await server.ListenAsync(carol);
        var sent = await SendAsync(source, carol);
        Assert.NotEqual(0, sent.ExitCode);
        Assert.Contains("porthole receive", Assert.Single(sent.Errors), StringComparison.Ordinal);
        await using var receiver = await ReceiveAsync(bob, "--accept", "anyone");
        var ping = await CliProcess.RunAsync(server.NewHome(), "ping", bob, "--count", "1", "--server", server.Address);
        Assert.NotEqual(0, ping.ExitCode);
        Assert.Contains("porthole send", string.Join('\n', ping.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_a_pipe_a_transfer_is_told_in_plain_lines()
    {
        string source = Write("note.txt", "hello"), bob = server.NewName("bob");
        await using var receiver = CliProcess.Start(server.NewHome(), "receive", "--as", bob, "--to", Target, "--accept", "anyone", "--once", "--server", server.Address);
        await receiver.LineAsync(line => line.StartsWith($"Receiving into {Target} as {bob}", StringComparison.Ordinal));
        var sent = await CliProcess.RunAsync(server.NewHome(), "send", source, bob, "--as", server.NewName("alice"), "--server", server.Address);
        sent.AssertEnded(0);
        Assert.Contains(sent.Output, static line => line.StartsWith("Sent: note.txt, 1 file, 5 B in ", StringComparison.Ordinal));
        Assert.DoesNotContain(sent.Output, static line => line.Contains('\e', StringComparison.Ordinal));
        (await receiver.EndAsync()).AssertEnded(0);
    }

    private Task<CliResult> SendAsync(string source, string peer) =>
        CliProcess.RunAsync(server.NewHome(), "send", source, peer, "--as", server.NewName("alice"), "--server", server.Address);

    private async Task<CliProcess> ReceiveAsync(string name, params string[] more)
    {
        var receiver = CliProcess.Start(server.NewHome(), ["receive", "--as", name, "--to", Target, "--json", "--server", server.Address, .. more]);
        await receiver.EventAsync("registered");
        return receiver;
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
