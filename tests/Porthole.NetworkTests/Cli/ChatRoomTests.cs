using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Porthole.NetworkTests.Cli;

/// <summary>Rooms: everybody in one is connected to everybody else.</summary>
public sealed class ChatRoomTests(CliServer server) : IClassFixture<CliServer>
{
    private const int Lines = 20;

    /// <summary>Between two looks: the server lets nobody ask without end.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    /// <summary>For one to be connected to all others: calls that fail are made again with pauses.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Everybody_in_a_room_hears_everybody_once_and_in_order_who_leaves_returns_and_who_comes_late()
    {
        string room = server.NewName("room");
        var members = new Dictionary<string, CliProcess>();
        string[] names = [server.NewName("ann"), server.NewName("ben"), server.NewName("cleo"), server.NewName("dora")];
        var homes = names.ToDictionary(static name => name, _ => server.NewHome());
        try
        {
            foreach (string name in names[..3]) members[name] = Join(name);
            await MeetAsync(names[..3]);
            await TalkAsync("before");

            await members[names[1]].Input.WriteLineAsync("/quit");
            (await members[names[1]].EndAsync()).AssertEnded(0);
            await members[names[1]].DisposeAsync();
            members.Remove(names[1]);
            foreach (var (_, left) in members) Assert.Equal(names[1], (string)(await left.EventAsync("left"))["peer"]!);
            await TalkAsync("without");

            members[names[3]] = Join(names[3]);
            members[names[1]] = Join(names[1]);
            await MeetAsync(names);
            await TalkAsync("after");
            foreach (var (name, member) in members)
            {
                var calls = member.Transcript.Split('\n').Where(static line => line.StartsWith('{')).Select(static line => JsonNode.Parse(line)!).Where(static e => (string)e["event"]! == "connected").ToList();
                foreach (string other in names.Where(other => other != name))
                {
                    // Once, but for who left and came back: whoever stayed met them twice.
                    int times = calls.Count(call => (string)call["peer"]! == other);
                    Assert.Equal(other == names[1] && name != names[3] ? 2 : 1, times);
                }
            }
        }
        finally
        {
            foreach (var (_, member) in members) await member.DisposeAsync();
        }

        CliProcess Join(string name) => CliProcess.Start(homes[name], "chat", "--as", name, "--server", server.Address, "--room", room, "--json");

        async Task MeetAsync(string[] all)
        {
            foreach (string name in all)
            {
                for (long began = Stopwatch.GetTimestamp(); ;)
                {
                    await members[name].Input.WriteLineAsync("/peers");
                    var list = (await members[name].EventAsync("peers"))["peers"]!.AsArray();
                    if (list.Count(static peer => (string)peer!["state"]! == "connected") >= all.Length - 1) break;
                    Assert.True(Stopwatch.GetElapsedTime(began) < s_limit, $"{name} is not connected to {all.Length - 1} others, but: {list.ToJsonString()}");
                    await Task.Delay(s_pause, TestContext.Current.CancellationToken);
                }
            }
        }

        async Task TalkAsync(string topic)
        {
            for (int i = 0; i < Lines; i++)
            {
                foreach (var (_, member) in members) await member.Input.WriteLineAsync($"{topic} {i}");
            }

            foreach (var (name, member) in members)
            {
                var heard = members.Keys.Where(other => other != name).ToDictionary(static other => other, static _ => new List<string>());
                for (int i = 0; i < Lines * heard.Count; i++)
                {
                    var message = await member.EventAsync("message");
                    heard[(string)message["peer"]!].Add((string)message["text"]!);
                }

                foreach (var (_, lines) in heard) Assert.Equal(Enumerable.Range(0, Lines).Select(i => $"{topic} {i}"), lines);
            }
        }
    }

    [Fact]
    public async Task A_line_into_a_room_waits_until_everybody_in_it_can_hear_it()
    {
        string room = server.NewName("room");
        string[] names = [server.NewName("ann"), server.NewName("ben"), server.NewName("cleo")];
        var members = names.Select(name => CliProcess.Start(server.NewHome(), "chat", "--as", name, "--server", server.Address, "--room", room)).ToList();
        try
        {
            foreach (var member in members) await member.LineAsync(static line => line.StartsWith("* You are in the room", StringComparison.Ordinal));
            await using var late = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("dora"), "--server", server.Address, "--room", room);
            await late.Input.WriteLineAsync("one line for all");
            late.Input.Close();
            foreach (var member in members) Assert.EndsWith(": one line for all", await member.LineAsync(static line => !line.StartsWith('*')), StringComparison.Ordinal);
            var result = await late.EndAsync();
            result.AssertEnded(0);
            Assert.Equal(3, result.Output.Count(static line => line.StartsWith("* delivered 1 to ", StringComparison.Ordinal)));
            Assert.Contains(result.Output, static line => line.Contains("What is said while somebody is away does not reach them later.", StringComparison.Ordinal));
        }
        finally
        {
            foreach (var member in members) await member.DisposeAsync();
        }
    }

    [Fact]
    public async Task Being_in_the_room_is_enough_to_be_let_in_and_whoever_is_not_is_not()
    {
        string room = server.NewName("room"), name = server.NewName("ann");
        await using var ann = CliProcess.Start(server.NewHome(), "chat", "--as", name, "--server", server.Address, "--room", room, "--json");
        await ann.EventAsync("notice");
        await using var outsider = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("oscar"), "--server", server.Address, "--room", server.NewName("other"), "--connect", name);
        (await outsider.EndAsync()).AssertEnded(12);
        await using var insider = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("ida"), "--server", server.Address, "--room", room, "--json");
        Assert.Equal(name, (string)(await insider.EventAsync("connected"))["peer"]!); // whoever called: after a while without a call the newcomer calls
        Assert.DoesNotContain("oscar", ann.Transcript, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Somebody_in_the_room_who_lets_nobody_in_is_named_with_the_reason_and_misses_what_is_said()
    {
        string room = server.NewName("room"), name = server.NewName("ann"), closed = server.NewName("cora");
        await using var ann = CliProcess.Start(server.NewHome(), "chat", "--as", name, "--server", server.Address, "--room", room, "--json");
        await ann.EventAsync("notice");
        await using var cora = CliProcess.Start(server.NewHome(), "chat", "--as", closed, "--server", server.Address, "--room", room, "--auto-connect", "false", "--accept", "known", "--json");
        Assert.StartsWith($"{closed} is in the room and cannot be reached: ", (string)(await ann.EventAsync("failed"))["text"]!, StringComparison.Ordinal);
        await using var ben = CliProcess.Start(server.NewHome(), "chat", "--as", server.NewName("ben"), "--server", server.Address, "--room", room, "--json");
        await ann.EventAsync("connected");
        await ann.Input.WriteLineAsync("is everybody here?");
        Assert.Equal(closed, (string)Assert.Single((await ann.EventAsync("sent"))["missed"]!.AsArray())!);
        await ann.Input.WriteLineAsync("/peers");
        var list = (await ann.EventAsync("peers"))["peers"]!.AsArray();
        var missing = Assert.Single(list, peer => (string)peer!["peer"]! == closed)!;
        Assert.Equal("missing", (string)missing["state"]!);
        Assert.NotEqual("", (string)missing["text"]!);
        Assert.DoesNotContain("\"calling\"", cora.Transcript, StringComparison.Ordinal);
    }
}
