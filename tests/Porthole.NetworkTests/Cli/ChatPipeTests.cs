using System.Globalization;
using System.Text.Json.Nodes;

namespace Porthole.NetworkTests.Cli;

/// <summary>The chat through pipes: plain lines in, plain lines out.</summary>
public sealed class ChatPipeTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task Lines_go_both_ways_and_the_end_of_input_waits_for_delivery()
    {
        string bobName = server.NewName("bob"), aliceName = server.NewName("alice");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone");
        await bob.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
        await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", aliceName, "--server", server.Address, "--connect", bobName);
        await alice.Input.WriteLineAsync("hello");
        await alice.Input.WriteLineAsync($"{bobName}: for you alone: \e[31mred");
        Assert.Equal($"{aliceName}: hello", await bob.LineAsync(static line => !line.StartsWith('*')));
        Assert.Equal($"{aliceName}: for you alone: \uFFFD[31mred", await bob.LineAsync(static line => !line.StartsWith('*')));
        await bob.Input.WriteLineAsync("and back");
        Assert.Equal($"{bobName}: and back", await alice.LineAsync(static line => !line.StartsWith('*')));
        await alice.Input.WriteLineAsync("//quit is no command here");
        alice.Input.Close();
        Assert.Equal($"{aliceName}: /quit is no command here", await bob.LineAsync(static line => !line.StartsWith('*')));
        var result = await alice.EndAsync();
        result.AssertEnded(0);
        Assert.Equal(3, result.Output.Count(static line => line.StartsWith("* delivered ", StringComparison.Ordinal)));
        await bob.Input.WriteLineAsync("/quit");
        (await bob.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task Several_peers_are_talked_to_at_once_or_one_by_one()
    {
        string room = server.NewName("room");
        string[] names = [server.NewName("ann"), server.NewName("ben"), server.NewName("cleo")];
        await using var ann = await JoinAsync(names[0], room);
        await using var ben = await JoinAsync(names[1], room);
        await ann.LineAsync(line => line.Contains(names[1], StringComparison.Ordinal) && line.Contains("Connected", StringComparison.Ordinal));
        await using var cleo = await JoinAsync(names[2], room);
        await ann.LineAsync(line => line.Contains(names[2], StringComparison.Ordinal) && line.Contains("Connected", StringComparison.Ordinal));
        await ben.LineAsync(line => line.Contains(names[2], StringComparison.Ordinal) && line.Contains("Connected", StringComparison.Ordinal));
        await cleo.LineAsync(static line => line.StartsWith("* Connected to ", StringComparison.Ordinal));
        await cleo.LineAsync(static line => line.StartsWith("* Connected to ", StringComparison.Ordinal));
        await ann.Input.WriteLineAsync($"{names[1]}: only ben");
        Assert.Equal($"{names[0]}: only ben", await ben.LineAsync(static line => !line.StartsWith('*')));
        await cleo.Input.WriteLineAsync($"{names[0]}: ready");
        Assert.Equal($"{names[2]}: ready", await ann.LineAsync(static line => !line.StartsWith('*')));
        await ann.Input.WriteLineAsync("everyone");
        Assert.Equal($"{names[0]}: everyone", await ben.LineAsync(static line => !line.StartsWith('*')));
        Assert.Equal($"{names[0]}: everyone", await cleo.LineAsync(static line => !line.StartsWith('*')));
    }

    [Fact]
    public async Task The_words_to_compare_are_the_same_on_both_sides_and_others_for_every_connection()
    {
        string bobName = server.NewName("bob"), aliceName = server.NewName("alice"), aliceHome = server.NewHome();
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await bob.EventAsync("registered");
        var seen = new HashSet<string>();
        for (int time = 0; time < 2; time++) // the same two people, with the same keys
        {
            await using var alice = CliProcess.Start(aliceHome, "chat", "--as", aliceName, "--server", server.Address, "--connect", bobName, "--json");
            await alice.EventAsync("connected");
            await bob.EventAsync("connected");
            await alice.Input.WriteLineAsync($"/verify {bobName}");
            await bob.Input.WriteLineAsync($"/verify {aliceName}");
            string words = (string)(await alice.EventAsync("verify"))["words"]!;
            Assert.Matches("^[a-z]{5}(-[a-z]{5}){5}$", words);
            Assert.Equal(words, (string)(await bob.EventAsync("verify"))["words"]!);
            Assert.True(seen.Add(words), $"{words} again");
            await alice.Input.WriteLineAsync("/quit");
            (await alice.EndAsync()).AssertEnded(0);
            await bob.EventAsync("left");
        }
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("tcp")]
    public async Task Of_those_whom_a_server_announces_the_older_call_the_newcomer(string transport)
    {
        string[] names = [server.NewName("ann"), server.NewName("ben"), server.NewName("cleo")];
        var chats = new List<CliProcess>();
        try
        {
            foreach (string name in names)
            {
                var chat = CliProcess.Start(
                    server.NewHome(), "chat", "--as", name, "--server", server.PublicAddress, "--auto-connect", "--accept", "anyone", "--transport", transport, "--json");
                await chat.EventAsync("registered");
                foreach (var older in chats)
                {
                    Assert.Equal(name, (string)(await older.EventAsync("calling"))["peer"]!);
                    Assert.False((bool)(await older.EventAsync("connected"))["incoming"]!);
                    Assert.True((bool)(await chat.EventAsync("connected"))["incoming"]!);
                }

                foreach (var older in chats)
                {
                    JsonNode path;
                    do path = await older.EventAsync("path");
                    while ((string)path["peer"]! != name || (string)path["kind"]! == "relay");
                    Assert.Equal(transport, (string)path["kind"]!);
                }

                chats.Add(chat);
            }

            await chats[2].Input.WriteLineAsync("I am new");
            foreach (var older in chats[..2]) Assert.Equal("I am new", (string)(await older.EventAsync("message"))["text"]!);
            Assert.DoesNotContain("\"calling\"", chats[2].Transcript, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var chat in chats) await chat.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_chat_that_is_asked_answers_by_accept_or_refuse()
    {
        string bobName = server.NewName("bob");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "ask", "--json");
        await bob.EventAsync("registered");
        await using var refused = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("eve"), "--server", server.Address, "--connect", bobName);
        await bob.EventAsync("incoming");
        await bob.Input.WriteLineAsync("/refuse");
        (await refused.EndAsync()).AssertEnded(12);
        await using var accepted = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("ann"), "--server", server.Address, "--connect", bobName);
        await accepted.Input.WriteLineAsync("thanks");
        accepted.Input.Close();
        await bob.EventAsync("incoming");
        await bob.Input.WriteLineAsync("/accept");
        Assert.Equal("thanks", (string)(await bob.EventAsync("message"))["text"]!);
        (await accepted.EndAsync()).AssertEnded(0);
    }

    [Fact]
    public async Task A_chat_goes_on_without_its_server_and_says_once_that_it_is_lost()
    {
        string data = server.NewHome(), ip = server.Block[4].Address.ToString();
        var introducer = CliProcess.Start(data, "server", "--ip", ip, "--data", data, "--json");
        try
        {
            string address = (string)(await introducer.EventAsync("listening"))["http"]!;
            await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", "bob", "--server", address, "--accept", "anyone");
            await bob.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
            await using var alice = CliProcess.Start(server.NewHome(), "chat", "--as", "alice", "--server", address, "--connect", "bob");
            await alice.LineAsync(static line => line.StartsWith("* bob is direct", StringComparison.Ordinal));
            await bob.LineAsync(static line => line.StartsWith("* alice is direct", StringComparison.Ordinal));
            await introducer.DisposeAsync();
            await alice.LineAsync(static line => line.StartsWith("* The server is lost", StringComparison.Ordinal));
            await alice.Input.WriteLineAsync("still there?");
            Assert.Equal("alice: still there?", await bob.LineAsync(static line => !line.StartsWith('*')));
            await alice.Input.WriteLineAsync("/peers");
            await alice.LineAsync(static line => line.StartsWith("* bob: direct", StringComparison.Ordinal));
            await alice.LineAsync(static line => line.StartsWith("* Who else is online is not known", StringComparison.Ordinal));

            introducer = CliProcess.Start(data, "server", "--ip", ip, "--port", new Uri(address).Port.ToString(CultureInfo.InvariantCulture), "--data", data, "--json");
            await alice.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
            await alice.Input.WriteLineAsync("/quit");
            var result = await alice.EndAsync();
            result.AssertEnded(0);
            Assert.Single(result.Output, static line => line.StartsWith("* The server is lost", StringComparison.Ordinal));
        }
        finally
        {
            await introducer.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_ping_of_a_chat_is_told_what_runs_there()
    {
        string bobName = server.NewName("bob");
        await using var bob = CliProcess.Start(server.NewHome(), "chat", "--as", bobName, "--server", server.Address, "--accept", "anyone", "--json");
        await bob.EventAsync("registered");
        var result = await CliProcess.RunAsync(server.NewHome(), "ping", bobName, "--server", server.Address);
        result.AssertEnded(18);
        Assert.Contains("chat", result.Errors[0], StringComparison.Ordinal);
    }

    private async Task<CliProcess> JoinAsync(string name, string room)
    {
        var process = CliProcess.Start(server.NewHome(), "chat", "--as", name, "--server", server.Address, "--room", room, "--auto-connect", "--accept", "anyone");
        await process.LineAsync(static line => line.StartsWith("* You are", StringComparison.Ordinal));
        return process;
    }
}
