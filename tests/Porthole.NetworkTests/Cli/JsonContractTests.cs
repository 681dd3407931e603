using System.Net;
using System.Text.Json.Nodes;

namespace Porthole.NetworkTests.Cli;

/// <summary>What scripts rely on: the events of <c>--json</c>, through a real server.</summary>
public sealed class JsonContractTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task A_ping_writes_the_events_of_the_contract_in_order()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        await using var ping = CliProcess.Start(
            server.NewHome(), "ping", bob, "--as", server.NewName("alice"), "--server", server.Address, "--transport", "udp", "--count", "1000", "--interval", "0.1", "--json");
        var events = new List<JsonNode>();
        do events.Add(JsonNode.Parse(await ping.LineAsync(static _ => true))!);
        while (!events.Exists(static e => NameOf(e) == "verdict") || NameOf(events[^1]) != "pong" || (string)events[^1]["kind"]! != "udp");
        Assert.Equal(["registered", "session"], events.Take(2).Select(NameOf));
        Assert.Equal(52, ((string)events[0]["peerId"]!).Length);
        Assert.True((double)events[1]["elapsedMs"]! > 0);

        var paths = events.Where(static e => NameOf(e) == "path").ToArray();
        Assert.Equal("relay", (string)paths[0]["kind"]!);
        Assert.True(paths[0].AsObject().ContainsKey("local") && paths[0]["local"] is null && paths[0]["remote"] is null);
        var direct = paths.First(static e => (string)e["kind"]! == "udp");
        Assert.True(IPEndPoint.TryParse((string)direct["local"]!, out _));
        Assert.True(IPEndPoint.TryParse((string)direct["remote"]!, out _));
        var pair = Assert.Single(events, static e => NameOf(e) == "pair");
        Assert.True((double)pair["elapsedMs"]! <= (double)direct["elapsedMs"]!);

        var verdict = events.Last(static e => NameOf(e) == "verdict");
        AssertVerdict(verdict);
        Assert.Equal(("Direct", "nobody", "plain", ""), ((string)verdict["reason"]!, (string)verdict["blame"]!, (string)verdict["method"]!, (string)verdict["advice"]!));
        Assert.Equal("EIM", (string)verdict["here"]!["mapping"]!);
        Assert.Contains(verdict["tried"]!.AsArray(), static attempt => ((string)attempt!["method"]!, (string)attempt["outcome"]!) == ("plain", "succeeded"));

        var pongs = events.Where(static e => NameOf(e) == "pong").ToArray();
        Assert.Equal(Enumerable.Range(0, pongs.Length), pongs.Select(static e => (int)e["seq"]!));
        Assert.All(pongs, static e => Assert.True((double)e["rttMs"]! > 0));
    }

    [Fact]
    public async Task A_ping_that_waits_for_a_direct_path_starts_counting_on_it()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        var result = await CliProcess.RunAsync(
            server.NewHome(),
            "ping", bob, "--as", server.NewName("alice"), "--server", server.Address, "--transport", "udp", "--count", "2", "--interval", "0", "--size", "3000", "--wait-direct", "60", "--json");
        result.AssertEnded(0);
        Assert.Equal([(0, "udp"), (1, "udp")], result.Events.Where(static e => NameOf(e) == "pong").Select(static e => ((int)e["seq"]!, (string)e["kind"]!)));
        Assert.Equal("""{"event":"done","sent":2,"received":2}""", result.Output[^1]);
    }

    [Theory]
    [InlineData("--transport", "tcp")]
    [InlineData("--prefer", "tcp")]
    public async Task A_ping_over_TCP_says_so(string option, string value)
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob, option, value);
        await using var ping = CliProcess.Start(server.NewHome(), "ping", bob, "--as", server.NewName("alice"), "--server", server.Address, option, value, "--count", "1000", "--interval", "0.1", "--json");
        JsonNode path;
        do path = await ping.EventAsync("path");
        while ((string)path["kind"]! != "tcp");
        Assert.True(IPEndPoint.TryParse((string)path["local"]!, out _));
        Assert.True(IPEndPoint.TryParse((string)path["remote"]!, out _));
        while ((string)(await ping.EventAsync("pong"))["kind"]! != "tcp")
        {
        }
    }

    [Fact]
    public async Task A_ping_that_waits_in_vain_says_why_and_ends_with_3()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        var result = await CliProcess.RunAsync(
            server.NewHome(), "ping", bob, "--as", server.NewName("alice"), "--server", server.Address, "--transport", "relay", "--wait-direct", "0.3", "--json");
        result.AssertEnded(3);
        var verdict = Assert.Single(result.Events, static e => NameOf(e) == "verdict");
        AssertVerdict(verdict);
        Assert.Equal(("RelayOnly", "here", "relay"), ((string)verdict["reason"]!, (string)verdict["blame"]!, (string)verdict["method"]!));
        Assert.Contains("--transport auto", (string)verdict["advice"]!, StringComparison.Ordinal);
        Assert.Empty(verdict["tried"]!.AsArray());
        Assert.Contains((string)verdict["sentence"]!, Assert.Single(result.Errors), StringComparison.Ordinal);
        Assert.Equal("""{"event":"done","sent":0,"received":0}""", result.Output[^1]);
    }

    [Fact]
    public async Task A_listener_says_who_came_and_went()
    {
        string bob = server.NewName("bob"), alice = server.NewName("alice");
        await using var listener = await server.ListenAsync(bob);
        (await CliProcess.RunAsync(server.NewHome(), "ping", bob, "--as", alice, "--server", server.Address, "--count", "1", "--transport", "relay", "--json")).AssertEnded(0);
        Assert.Equal(alice, (string)(await listener.EventAsync("connected"))["peer"]!);
        var verdict = await listener.EventAsync("verdict");
        AssertVerdict(verdict);
        Assert.Equal((alice, "RelayOnly", "there"), ((string)verdict["peer"]!, (string)verdict["reason"]!, (string)verdict["blame"]!));
        Assert.Equal("ClosedByPeer", (string)(await listener.EventAsync("closed"))["error"]!);
    }

    [Fact]
    public async Task A_check_says_in_one_object_how_the_NAT_behaves()
    {
        var result = await CliProcess.RunAsync(server.NewHome(), "check", "--server", server.Address, "--json");
        result.AssertEnded(0);
        var check = Assert.Single(result.Events);
        Assert.Equal(["mapping", "allocation", "step", "mapped"], check.AsObject().Select(static one => one.Key).Take(4));
        Assert.Equal("EIM", (string)check["mapping"]!);
        Assert.Equal(0, (int)check["step"]!);
        Assert.True((bool)check["udpReachable"]!);
        Assert.True(IPEndPoint.TryParse((string)check["mapped"]!, out _));
        Assert.Equal(
            ["filtering", "mappingsSeen", "lowestPort", "highestPort", "blockSize", "publicHosts", "keepsParity", "overloading", "hairpins", "spoiledByStrangers", "outerHops", "maxDatagram", "lifetimeMs", "complete", "unknown", "gateways", "gatewayProblem", "against"],
            check.AsObject().Select(static one => one.Key).SkipWhile(static key => key != "filtering").Take(18));
        Assert.All(check["unknown"]!.AsObject(), one => Assert.True(check.AsObject().ContainsKey(one.Key) && ((string)one.Value!).Length > 0));
        var tcp = check["tcp"]!;
        Assert.Equal(["mapping", "allocation", "step", "lowestPort", "highestPort", "mapped", "local", "reachable", "addresses", "meaning"], tcp.AsObject().Select(static one => one.Key));
        Assert.Equal(("EIM", "preserve", 0, 0), ((string)tcp["mapping"]!, (string)tcp["allocation"]!, (int)tcp["lowestPort"]!, (int)tcp["highestPort"]!));
        Assert.True((bool)tcp["reachable"]!);
        Assert.True(IPEndPoint.TryParse((string)tcp["mapped"]!, out _));
    }

    [Fact]
    public async Task Each_name_of_a_home_is_a_peer_of_its_own_and_stays_it()
    {
        string home = server.NewHome();
        string Id(CliResult result) => (string)result.Events[0]["peerId"]!;
        var alice = await CliProcess.RunAsync(home, "id", "--as", "alice", "--json");
        Assert.NotEqual(Id(alice), Id(await CliProcess.RunAsync(home, "id", "--as", "bob", "--json")));
        Assert.Equal(Id(alice), Id(await CliProcess.RunAsync(home, "id", "--as", "alice", "--json")));
    }

    [Fact]
    public async Task Those_in_a_room_are_listed()
    {
        string room = server.NewName("room"), alice = server.NewName("alice");
        await using var chat = CliProcess.Start(server.NewHome(), "chat", "--as", alice, "--server", server.Address, "--room", room, "--json");
        await chat.EventAsync("registered");
        var result = await CliProcess.RunAsync(server.NewHome(), "peers", "--server", server.Address, "--room", room, "--json");
        result.AssertEnded(0);
        Assert.Equal(alice, (string)Assert.Single(result.Events[0]["peers"]!.AsArray())!["name"]!);
    }

    private static void AssertVerdict(JsonNode verdict)
    {
        string[] fields =
        [
            "event", "reason", "blame", "method", "sentence", "advice", "gateway", "checksSent", "checksReceived", "answersReceived", "here", "there", "hint", "planned", "tried",
        ];
        Assert.Equal(fields, verdict.AsObject().Select(static one => one.Key).Where(static key => key != "peer"));
        string[] facts =
        [
            "mapping", "filtering", "allocation", "step", "lowestPort", "highestPort", "blockSize", "publicHosts", "keepsParity", "spoiledByStrangers", "outerHops", "portMapping", "udpReachable", "tcpMapping", "tcpAllocation",
        ];
        foreach (string side in (string[])["here", "there"]) Assert.Equal(facts, verdict[side]!.AsObject().Select(static one => one.Key));
        foreach (var attempt in verdict["tried"]!.AsArray())
            Assert.Equal(["method", "outcome", "packets", "sockets", "durationMs", "detail"], attempt!.AsObject().Select(static one => one.Key));
        Assert.EndsWith(".", (string)verdict["sentence"]!, StringComparison.Ordinal);
    }

    private static string NameOf(JsonNode node) => (string)node["event"]!;
}
