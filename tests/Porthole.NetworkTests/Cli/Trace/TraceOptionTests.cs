using System.Xml;
using System.Xml.Linq;

namespace Porthole.NetworkTests.Cli.Trace;

/// <summary><c>--trace FILE</c> through a real server.</summary>
public sealed class TraceOptionTests(CliServer server) : IClassFixture<CliServer>
{
    [Fact]
    public async Task A_ping_leaves_a_chart_and_a_capture_behind()
    {
        string bob = server.NewName("bob"), home = server.NewHome(), file = Path.Combine(home, "attempt");
        await using var listener = await server.ListenAsync(bob);
        var result = await CliProcess.RunAsync(
            home, "ping", bob, "--as", server.NewName("alice"), "--server", server.Address, "--count", "1", "--transport", "udp", "--wait-direct", "60", "--trace", file + ".html", "--json");
        result.AssertEnded(0);
        using var reader = XmlReader.Create(file + ".html", new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        var chart = XDocument.Load(reader);
        Assert.Contains(bob, chart.Descendants("title").Single().Value, StringComparison.Ordinal);
        string[] classes = [.. chart.Descendants("g").Select(static one => (string)one.Attribute("class")!)];
        Assert.All((string[])["step question", "step check", "step answer", "step control", "step relay", "step note"], one => Assert.Contains(one, classes));
        Assert.Contains(chart.Descendants("text"), static one => one.Value.StartsWith("the session is on this path now: direct by UDP", StringComparison.Ordinal));
        var packets = CapturedPacket.ReadAll(await File.ReadAllBytesAsync(file + ".pcapng", TestContext.Current.CancellationToken));
        Assert.Contains(packets, static one => one.Direction == 1);
        Assert.Contains(packets, static one => one.Direction == 2);
    }

    [Fact]
    public async Task A_command_that_fails_leaves_its_trace_too()
    {
        string home = server.NewHome(), file = Path.Combine(home, "attempt");
        (await CliProcess.RunAsync(home, "ping", server.NewName("nobody"), "--server", server.Address, "--trace", file)).AssertEnded(10);
        Assert.Contains("no connection:", await File.ReadAllTextAsync(file + ".html", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ping bob")]
    [InlineData("listen")]
    [InlineData("chat")]
    [InlineData("meet")]
    public async Task A_trace_that_cannot_be_written_ends_with_32_before_anything_starts(string command)
    {
        string home = server.NewHome();
        string[] words = [.. command.Split(' '), "--server", $"http://{server.Block[9].Address}:9", "--trace"]; // nobody is there, and nobody is asked
        (await CliProcess.RunAsync(home, [.. words, Path.Combine(home, "no", "such", "folder", "trace.html")])).AssertEnded(32);
        Directory.CreateDirectory(Path.Combine(home, "folder.html"));
        (await CliProcess.RunAsync(home, [.. words, Path.Combine(home, "folder.html")])).AssertEnded(32);
        Directory.CreateDirectory(Path.Combine(home, "second.pcapng"));
        (await CliProcess.RunAsync(home, [.. words, Path.Combine(home, "second")])).AssertEnded(32);
    }

    [Theory]
    [InlineData("ping bob --server 127.0.0.1 --trace")]
    [InlineData("check --trace file")]
    [InlineData("peers --trace file")]
    public async Task Only_commands_that_connect_are_traced_and_a_file_is_needed(string line) => (await CliProcess.RunAsync(server.NewHome(), line.Split(' '))).AssertEnded(2);
}
