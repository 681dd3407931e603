using Porthole.NetworkTests.Cli;

namespace Porthole.NetworkTests.Transfer;

/// <summary>Sending by a code, on loopback.</summary>
public sealed class CodeTransferTests(CliServer server) : IClassFixture<CliServer>, IDisposable
{
    private const long Size = 500_000_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-code").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_killed_on_both_sides_goes_on_with_the_same_commands_of_one_user()
    {
        string home = server.NewHome();
        string source = Path.Combine(_folder, "film.bin"), target = Path.Combine(_folder, "here");
        TransferFiles.WriteBig(source, Size);
        string code;
        await using (var sender = Start(home, "send", source, "--code"))
        {
            var told = await sender.EventAsync("code");
            code = (string)told["code"]!;
            Assert.Equal($"porthole receive --code {code} --server {server.Address}", (string)told["command"]!);
            await sender.EventAsync("waiting");
            await using var receiver = Start(home, "receive", "--code", code, "--to", target);
            while ((long)(await sender.EventAsync("progress"))["bytes"]! < Size / 10)
            {
                // It goes on.
            }
        } // both are killed

        Assert.Equal(2, (await File.ReadAllLinesAsync(Path.Combine(home, "porthole", "pairings"), TestContext.Current.CancellationToken)).Count(static line => !line.StartsWith('#')));
        await using var again = Start(home, "send", source, "--code", code);
        await using var there = Start(home, "receive", "--code", code, "--to", target);
        var resumed = await again.EventAsync("resumed");
        Assert.InRange((long)resumed["bytes"]!, Size / 20, Size);
        var sent = await again.EventAsync("sent");
        Assert.InRange((long)sent["resent"]!, 0, Size / 50);
        (await again.EndAsync()).AssertEnded(0);
        (await there.EndAsync()).AssertEnded(0);
        Assert.Equal(TransferFiles.Sha256(source), TransferFiles.Sha256(Path.Combine(target, "film.bin")));
        Assert.DoesNotContain(await File.ReadAllLinesAsync(Path.Combine(home, "porthole", "pairings"), TestContext.Current.CancellationToken), static line => !line.StartsWith('#')); // done, and forgotten
        Assert.False(File.Exists(Path.Combine(home, "porthole", "known_peers")));
    }

    [Fact]
    public async Task A_wrong_code_is_a_line_on_the_side_that_has_it_and_the_right_one_still_works()
    {
        string source = Path.Combine(_folder, "note.txt");
        await File.WriteAllTextAsync(source, "hello", TestContext.Current.CancellationToken);
        await using var sender = Start(server.NewHome(), "send", source, "--code");
        string code = (string)(await sender.EventAsync("code"))["code"]!;
        await sender.EventAsync("waiting");
        var wrong = await CliProcess.RunAsync(server.NewHome(), "receive", "--code", PairingCodes.Sibling(code), "--to", _folder, "--server", server.Address);
        wrong.AssertEnded(26);
        Assert.Equal(2, (int)(await sender.EventAsync("wrong-code"))["left"]!);

        string target = Path.Combine(_folder, "here");
        var right = await CliProcess.RunAsync(server.NewHome(), "receive", "--code", code, "--to", target, "--server", server.Address);
        right.AssertEnded(0);
        Assert.Contains(right.Output, line => line.StartsWith("Received ", StringComparison.Ordinal) && line.Contains(Path.Combine(target, "note.txt"), StringComparison.Ordinal));
        (await sender.EndAsync()).AssertEnded(0);
        Assert.Equal("hello", await File.ReadAllTextAsync(Path.Combine(target, "note.txt"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Who_has_not_the_code_is_not_let_in_by_the_id_of_who_waits()
    {
        string source = Path.Combine(_folder, "note.txt"), target = Path.Combine(_folder, "here");
        await File.WriteAllTextAsync(source, "hello", TestContext.Current.CancellationToken);
        string code;
        await using (var sender = Start(server.NewHome(), "send", source, "--code")) code = (string)(await sender.EventAsync("code"))["code"]!;
        await using var receiver = Start(server.NewHome(), "receive", "--code", code, "--to", target);
        string id = (string)(await receiver.EventAsync("registered"))["peerId"]!;
        var intruder = await CliProcess.RunAsync(server.NewHome(), "send", source, id, "--as", server.NewName("eve"), "--server", server.Address);
        intruder.AssertEnded(12);
        Assert.Empty(Directory.GetFileSystemEntries(target));
    }

    [Fact]
    public async Task A_transfer_that_was_begun_under_another_name_says_so()
    {
        string home = server.NewHome(), name = server.NewName("alice");
        string source = Path.Combine(_folder, "film.bin");
        TransferFiles.WriteBig(source, Size);
        string code;
        await using (var sender = Start(home, "send", source, "--as", name, "--code"))
        {
            code = (string)(await sender.EventAsync("code"))["code"]!;
            await using var receiver = Start(server.NewHome(), "receive", "--code", code, "--to", Path.Combine(_folder, "here"));
            await sender.EventAsync("progress");
        }

        var other = await CliProcess.RunAsync(home, "send", source, "--code", code, "--server", server.Address);
        other.AssertEnded(2);
        Assert.Contains("--as", other.Errors[0], StringComparison.Ordinal);
    }

    private CliProcess Start(string home, params string[] arguments) => CliProcess.Start(home, [.. arguments, "--server", server.Address, "--json"]);
}
