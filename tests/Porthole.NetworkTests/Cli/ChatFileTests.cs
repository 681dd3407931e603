using System.Security.Cryptography;

namespace Porthole.NetworkTests.Cli;

/// <summary>Files in a chat, over the chat's own connection.</summary>
public sealed class ChatFileTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task A_file_and_a_folder_arrive_when_they_are_taken()
    {
        string bobName = server.NewName("bob"), downloads = Path.Combine(server.NewHome(), "taken"), source = server.NewHome();
        byte[] content = RandomNumberGenerator.GetBytes(300_000);
        await File.WriteAllBytesAsync(Path.Combine(source, "two words.bin"), content, TestContext.Current.CancellationToken);
        Directory.CreateDirectory(Path.Combine(source, "tree", "empty"));
        await File.WriteAllTextAsync(Path.Combine(source, "tree", "leaf"), "green", TestContext.Current.CancellationToken);
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--downloads", downloads, "--json");
        await bob.EventAsync("registered");
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName, "--json");
        await alice.Input.WriteLineAsync("before");
        await alice.Input.WriteLineAsync($"/send {source}/two words.bin");

        var offer = await bob.EventAsync("file-offer");
        Assert.Equal(("two words.bin", 1, content.Length, true), ((string)offer["name"]!, (int)offer["files"]!, (int)offer["bytes"]!, (bool)offer["asked"]!));
        await bob.Input.WriteLineAsync("/accept-file");
        var received = await bob.EventAsync("file-received");
        Assert.Equal(Path.Combine(downloads, "two words.bin"), (string)received["path"]!);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(content)), (string)received["sha256"]!);
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(downloads, "two words.bin"), TestContext.Current.CancellationToken));
        var sent = await alice.EventAsync("file-sent");
        Assert.Equal((bobName, content.Length, 0), ((string)sent["peer"]!, (int)sent["bytes"]!, (int)sent["resent"]!));
        Assert.Contains("\"file-progress\"", alice.Transcript, StringComparison.Ordinal);

        await alice.Input.WriteLineAsync($"/send \"{source}/tree\" {bobName}");
        Assert.Equal(1, (int)(await bob.EventAsync("file-offer"))["files"]!);
        await alice.Input.WriteLineAsync("after");
        await bob.EventAsync("message"); // talk goes on while somebody is asked
        await bob.Input.WriteLineAsync("/accept-file");
        await bob.EventAsync("file-received");
        Assert.Equal("green", await File.ReadAllTextAsync(Path.Combine(downloads, "tree", "leaf"), TestContext.Current.CancellationToken));
        Assert.True(Directory.Exists(Path.Combine(downloads, "tree", "empty")));
        alice.Input.Close();
        (await alice.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task What_is_declined_is_not_written_and_the_sender_is_told()
    {
        string bobName = server.NewName("bob"), downloads = Path.Combine(server.NewHome(), "taken");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--downloads", downloads, "--json");
        await bob.EventAsync("registered");
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName);
        await alice.Input.WriteLineAsync($"/send {await FileAsync("secret.txt")}");
        alice.Input.Close();
        await bob.EventAsync("file-offer");
        await bob.Input.WriteLineAsync("/refuse-file");
        (await alice.EndAsync()).AssertEnded(12);
        Assert.False(Directory.Exists(downloads));
        Assert.Equal("Refused", (string)(await bob.EventAsync("file-failed"))["reason"]!);
    }

    [Fact]
    public async Task In_a_pipe_files_are_refused_unless_they_are_asked_for()
    {
        string taker = server.NewName("tina"), other = server.NewName("otto"), downloads = server.NewHome();
        await using var tina = CliProcess.Start(server.NewHome(), "chat", "--as", taker, "--server", server.Address, "--accept", "anyone", "--accept-files", "--downloads", downloads);
        await using var otto = CliProcess.Start(server.NewHome(), "chat", "--as", other, "--server", server.Address, "--accept", "anyone", "--downloads", downloads);
        await tina.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
        await otto.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
        string file = await FileAsync("minutes.txt");
        await using (var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", taker))
        {
            await alice.Input.WriteLineAsync($"/send {file}");
            alice.Input.Close();
            var result = await alice.EndAsync();
            result.AssertEnded(0);
            Assert.Contains(result.Output, line => line.StartsWith($"* {taker} has minutes.txt, ", StringComparison.Ordinal));
        }

        await tina.LineAsync(static line => line.Contains("has sent minutes.txt", StringComparison.Ordinal));
        Assert.Equal("what was said", await File.ReadAllTextAsync(Path.Combine(downloads, "minutes.txt"), TestContext.Current.CancellationToken));
        await using (var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", other))
        {
            await alice.Input.WriteLineAsync($"/send {file}");
            alice.Input.Close();
            (await alice.EndAsync()).AssertEnded(12);
        }
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_goes_to_nobody_is_one_line_and_an_exit_code()
    {
        string bobName = server.NewName("bob");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone");
        await bob.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
        foreach (string line in (string[])["/send", "/send /no/such/file", $"/send {await FileAsync("a.txt")} nobody"])
        {
            await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName);
            await alice.Input.WriteLineAsync(line);
            alice.Input.Close();
            (await alice.EndAsync()).AssertEnded(2);
        }
    }

    private async Task<string> FileAsync(string name)
    {
        string path = Path.Combine(server.NewHome(), name);
        await File.WriteAllTextAsync(path, "what was said", TestContext.Current.CancellationToken);
        return path;
    }
}
