using System.Text.Json.Nodes;
using System.Xml;
using System.Xml.Linq;
using Porthole.NetworkTests.Cli.Trace;

namespace Porthole.NetworkTests.Cli;

/// <summary><c>porthole doctor</c>: the whole attempt, told as it happens, with an exit code that says what came of it.</summary>
public sealed class DoctorTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task A_doctor_tells_facts_plan_and_what_was_tried_and_ends_with_0_on_a_direct_path()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        var result = await RunAsync(bob, "--json");
        result.AssertEnded(0);
        var events = result.Events;
        string[] names = [.. events.Select(NameOf)];
        Assert.Equal("registered", names[0]);
        Assert.Equal(("facts", "here"), (names[1], (string)events[1]["side"]!));
        string[] later = [.. events.Where(static one => NameOf(one) == "facts").Skip(1).Select(static one => one.ToJsonString())];
        Assert.StartsWith("""{"event":"facts","side":"there",""", later[^1], StringComparison.Ordinal);
        Assert.All(later[..^1], one => Assert.NotEqual(events[1].ToJsonString(), one)); // TCP may be known a moment later, and is then told with the plan
        Assert.InRange(later.Length, 1, 2);
        var plan = Assert.Single(events, static one => NameOf(one) == "plan");
        Assert.Equal(["method", "expectedSuccess", "packets", "sockets", "timeMs"], plan["methods"]![0]!.AsObject().Select(static one => one.Key));
        Assert.Equal(("plain", "relay"), ((string)plan["methods"]![0]!["method"]!, (string)plan["methods"]!.AsArray()[^1]!["method"]!));
        Assert.Contains(events, static one => NameOf(one) == "path" && (string)one["kind"]! is "udp" or "tcp");
        Assert.Equal(["verdict", "done"], names[^2..]);
        Assert.Equal("Direct", (string)events[^2]["reason"]!);
        Assert.Equal("""{"event":"done","direct":true,"settled":true}""", result.Output[^1]);
    }

    [Fact]
    public async Task A_doctor_that_stays_on_the_relay_says_why_and_ends_with_3()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob, "--transport", "relay");
        var result = await CliProcess.RunAsync(server.NewHome(), "doctor", bob, "--server", server.Address, "--json");
        Assert.Equal((3, 0), (result.ExitCode, result.Errors.Count));
        Assert.Equal("RelayOnly", (string)result.Events[^2]["reason"]!);
        Assert.Equal("""{"event":"done","direct":false,"settled":true}""", result.Output[^1]);
    }

    [Fact]
    public async Task For_people_it_is_a_report_that_fits_a_terminal()
    {
        string bob = server.NewName("bob");
        await using var listener = await server.ListenAsync(bob);
        var result = await RunAsync(bob);
        result.AssertEnded(0);
        Assert.All((string[])["registered", "this side", "other side", "plan", "verdict      Direct by"], start => Assert.Contains(result.Output, line => line.StartsWith(start, StringComparison.Ordinal)));
        Assert.All(result.Output, static line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task Its_trace_tells_of_the_methods()
    {
        string bob = server.NewName("bob"), home = server.NewHome(), file = Path.Combine(home, "attempt.html");
        await using var listener = await server.ListenAsync(bob);
        (await CliProcess.RunAsync(home, "doctor", bob, "--as", server.NewName("alice"), "--server", server.Address, "--transport", "udp", "--trace", file)).AssertEnded(0);
        using var reader = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        var chart = XDocument.Load(reader);
        Assert.Contains(chart.Descendants("td"), static one => one.Value == "plain");
        Assert.NotEmpty(CapturedPacket.ReadAll(await File.ReadAllBytesAsync(Path.ChangeExtension(file, ".pcapng"), TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task An_unknown_peer_ends_with_10() => (await RunAsync(server.NewName("nobody"), "--json")).AssertEnded(10);

    [Theory]
    [InlineData("doctor")]
    [InlineData("doctor bo|b --server 127.0.0.1")]
    [InlineData("doctor bob --server 127.0.0.1 --timeout 0")]
    [InlineData("doctor bob --server 127.0.0.1 --timeout soon")]
    [InlineData("doctor bob")]
    public async Task A_malformed_command_line_ends_with_2(string line) => (await CliProcess.RunAsync(server.NewHome(), line.Split(' '))).AssertEnded(2);

    private Task<CliResult> RunAsync(string whom, params string[] more) => CliProcess.RunAsync(server.NewHome(), ["doctor", whom, "--as", server.NewName("alice"), "--server", server.Address, .. more]);

    private static string NameOf(JsonNode node) => (string)node["event"]!;
}
