using Porthole.Cli.Chat;

namespace Porthole.NetworkTests.Cli;

/// <summary>What a chat in a pipe says of lines that do not arrive, and of peers that do not chat.</summary>
public sealed class ChatDeliveryTests(CliServer server) : IClassFixture<CliServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_line_of_a_long_input_is_delivered_in_order()
    {
        const int Lines = 1_500;
        string bobName = server.NewName("bob"), filling = new('x', 12_000);
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await bob.EventAsync("registered");
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName);
        for (int i = 0; i < Lines; i++) await alice.Input.WriteLineAsync($"{i} {filling}");
        alice.Input.Close();
        for (int i = 0; i < Lines; i++) Assert.StartsWith($"{i} x", (string)(await bob.EventAsync("message"))["text"]!, StringComparison.Ordinal);
        (await alice.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task A_line_that_somebody_took_away_unacknowledged_is_a_failure_at_the_end()
    {
        var bob = await server.StartPeerAsync(server.NewName("bob"));
        await using (bob)
        {
            await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bob.Name!);
            await using var connection = await bob.AcceptAsync(Token);
            await using var stream = await connection.AcceptStreamAsync(Token);
            await stream.WriteAsync(new ChatFrame.Hello().ToBytes(), Token);
            await alice.Input.WriteLineAsync("are you there?");
            await alice.LineAsync(static line => line.StartsWith("* sent 1 ", StringComparison.Ordinal));
            await connection.CloseAsync(0, "");
            await alice.LineAsync(static line => line.Contains(" is gone", StringComparison.Ordinal));
            alice.Input.Close();
            var result = await alice.EndAsync();
            result.AssertEnded(4);
            Assert.Contains($"{bob.Name} did not acknowledge 1 message.", result.Errors[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_a_failure_at_the_end_and_the_next_goes_out()
    {
        string bobName = server.NewName("bob");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await bob.EventAsync("registered");
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName);
        await alice.Input.WriteLineAsync(new string('x', ChatFrame.MaxText + 1));
        await alice.Input.WriteLineAsync("short");
        alice.Input.Close();
        Assert.Equal("short", (string)(await bob.EventAsync("message"))["text"]!);
        (await alice.EndAsync()).AssertEnded(4);
    }

    [Fact]
    public async Task A_peer_that_runs_something_else_is_named_as_the_reason()
    {
        string bobName = server.NewName("bob");
        await using var bob = CliProcess.Start(server.NewHome(), "share", "22", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await bob.EventAsync("listening");
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("alice"), "--server", server.Address, "--connect", bobName);
        var result = await alice.EndAsync(); // its input is open: there is nobody to say it to
        result.AssertEnded(15);
        Assert.Contains($"{bobName} runs something else than 'porthole chat'.", result.Errors[0], StringComparison.Ordinal);
    }
}
