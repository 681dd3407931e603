using System.Net;
using Porthole.Cli.Meet;
using Porthole.Protocol.Rendezvous;

namespace Porthole.NetworkTests.Cli;

/// <summary>Strangers meet through the command: by a code, in the lobby, wrongly, and without the server in the end.</summary>
public sealed class MeetCommandTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task Two_meet_by_a_code_leave_the_server_talk_and_one_ends_it()
    {
        await using var first = Meet("--new", "--json");
        Assert.Equal(52, ((string)(await first.EventAsync("registered"))["peerId"]!).Length);
        string code = (string)(await first.EventAsync("code"))["code"]!;
        await first.EventAsync("waiting");
        await using var second = Meet(code.ToLowerInvariant().Replace("-", "", StringComparison.Ordinal), "--json", "--echo");

        foreach (var process in new[] { first, second })
        {
            var met = await process.EventAsync("met");
            Assert.All(met["addresses"]!.AsArray(), address => Assert.True(IPEndPoint.TryParse((string)address!["address"]!, out _)));
            Assert.NotEmpty(met["addresses"]!.AsArray());
            Assert.Distinct(met["addresses"]!.AsArray().Select(static address => address!.ToJsonString()));
            Assert.True((bool)(await process.EventAsync("session"))["authenticated"]!);
            await process.LineAsync(static line => line.StartsWith("{\"event\":\"path\",\"kind\":\"udp\"", StringComparison.Ordinal) || line.StartsWith("{\"event\":\"path\",\"kind\":\"tcp\"", StringComparison.Ordinal));
            await process.EventAsync("server-left");
        }

        await first.Input.WriteLineAsync("hello \e[31m there");
        Assert.Equal(("hello \e[31m there", false), Text(await second.EventAsync("line")));
        Assert.Equal(("hello \e[31m there", true), Text(await first.EventAsync("line")));
        await second.Input.WriteLineAsync("exit");
        Assert.Equal("here", (string)(await second.EventAsync("ended"))["by"]!);
        Assert.Equal("there", (string)(await first.EventAsync("ended"))["by"]!);
        (await first.EndAsync()).AssertEnded(0);
        (await second.EndAsync()).AssertEnded(0);

        var third = await CliProcess.RunAsync(server.NewHome(), "meet", code, "--server", server.Address);
        third.AssertEnded(26);
        Assert.Contains("used up", third.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_typed_before_the_end_of_the_input_is_heard_to_its_end_however_much_it_is()
    {
        const int Lines = 2_000;
        await using var first = Meet("--new", "--json");
        string code = (string)(await first.EventAsync("code"))["code"]!;
        await using var second = Meet(code, "--json");
        string filling = new('x', 8_000);
        for (int i = 0; i < Lines; i++) await second.Input.WriteLineAsync($"{i} {filling}");
        second.Input.Close();
        for (int i = 0; i < Lines; i++) Assert.StartsWith($"{i} x", (string)(await first.EventAsync("line"))["text"]!, StringComparison.Ordinal);
        Assert.Equal("there", (string)(await first.EventAsync("ended"))["by"]!);
        (await first.EndAsync()).AssertEnded(0);
        (await second.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task An_end_that_the_other_side_does_not_answer_is_a_failure()
    {
        var first = await server.StartPeerAsync(server.NewName("mute"));
        await using (first)
        {
            await using var second = Meet("--new", "--json");
            Assert.True(PairingCode.TryParse((string)(await second.EventAsync("code"))["code"]!, out var code, out _));
            await using var connection = await first.MeetAsync(code, TestContext.Current.CancellationToken);
            await using var stream = connection.IsIncoming
                ? await connection.AcceptStreamAsync(TestContext.Current.CancellationToken)
                : await connection.OpenStreamAsync(TestContext.Current.CancellationToken);
            await stream.WriteAsync(new MeetLine.Hello().ToBytes(), TestContext.Current.CancellationToken);
            await second.Input.WriteLineAsync("exit");
            await second.EventAsync("ended");
            await connection.CloseAsync(0, "No answer.");
            (await second.EndAsync()).AssertEnded(4);
        }
    }

    [Fact]
    public async Task Two_meet_in_the_lobby_in_plain_lines_and_the_end_of_the_input_ends_it()
    {
        await using var first = Meet("--echo");
        Assert.Contains("for this meeting alone", await first.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal)), StringComparison.Ordinal);
        await first.LinesAsync("* Your address ", "* Waiting in the lobby"); // the wait begins though no address is known yet
        first.Input.Close(); // goes on echoing
        await using var second = Meet();
        await second.Input.WriteLineAsync("one");
        await second.LineAsync(static line => line.StartsWith("* Their ", StringComparison.Ordinal));
        await second.LineAsync(static line => line.StartsWith("* Nobody has proved anything", StringComparison.Ordinal));
        Assert.Equal("echo: one", await second.LineAsync(static line => line.StartsWith("echo", StringComparison.Ordinal)));
        Assert.Equal("them: one", await first.LineAsync(static line => line.StartsWith("them", StringComparison.Ordinal)));
        await second.Input.WriteLineAsync("two");
        second.Input.Close();
        var result = await second.EndAsync();
        result.AssertEnded(0);
        Assert.Contains("echo: two", result.Output);
        (await first.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task A_wrong_code_is_refused_on_both_sides_and_three_burn_it()
    {
        await using var first = Meet("--new", "--json");
        string code = (string)(await first.EventAsync("code"))["code"]!;
        await first.EventAsync("waiting");
        string wrong = PairingCodes.Sibling(code);
        for (int left = 2; left >= 0; left--)
        {
            var guess = await CliProcess.RunAsync(server.NewHome(), "meet", wrong, "--server", server.Address);
            guess.AssertEnded(26);
            Assert.Contains("wrong", guess.Errors[0], StringComparison.Ordinal);
            if (left == 0) break;
            Assert.Equal(left, (int)(await first.EventAsync("wrong-code"))["left"]!);
            await first.EventAsync("waiting");
        }

        (await first.EndAsync()).AssertEnded(26);
        (await CliProcess.RunAsync(server.NewHome(), "meet", code, "--server", server.Address)).AssertEnded(26);
    }

    [Fact]
    public async Task A_server_without_a_lobby_says_so()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "meet", "--server", server.TokenAddress, "--token", CliServer.Token);
        result.AssertEnded(12);
        Assert.Contains("--lobby", result.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_wants_a_direct_path_and_gets_none_fails_clearly_and_the_other_is_told()
    {
        await using var first = Meet("--new", "--json", "--transport", "relay");
        string code = (string)(await first.EventAsync("code"))["code"]!;
        var second = await CliProcess.RunAsync(server.NewHome(), "meet", code, "--echo", "--wait-direct", "0.5", "--server", server.Address);
        second.AssertEnded(3);
        Assert.Contains("No direct path", second.Errors[0], StringComparison.Ordinal);
        var result = await first.EndAsync();
        result.AssertEnded(18);
        Assert.Contains("wants no relay", result.Errors[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_meeting_by_code_pins_the_peer_and_a_lobby_does_not()
    {
        string home = server.NewHome();
        await using var waiting = Meet("--new", "--json");
        string peer = (string)(await waiting.EventAsync("registered"))["peerId"]!;
        string code = (string)(await waiting.EventAsync("code"))["code"]!;
        var met = await CliProcess.RunAsync(home, "meet", code, "--server", server.Address);
        met.AssertEnded(0);
        Assert.Contains(peer, await File.ReadAllTextAsync(Path.Combine(home, "porthole", "known_peers"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(home, "porthole"), "identity*")); // the own key was for this meeting alone
    }

    private CliProcess Meet(params string[] arguments) => CliProcess.Start(server.NewHome(), ["meet", "--server", server.Address, .. arguments]);

    private static (string Text, bool IsEcho) Text(System.Text.Json.Nodes.JsonNode line) => ((string)line["text"]!, (bool)line["echo"]!);
}
