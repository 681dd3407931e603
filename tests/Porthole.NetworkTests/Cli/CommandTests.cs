using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Cli;

/// <summary>The command as scripts use it, on real networks: the lines of <c>--json</c> and the exit codes.</summary>
public sealed class CommandTests : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(ipv6: false) : null;
    private readonly string _files = Directory.CreateTempSubdirectory("porthole-cli").FullName;
    private ServerProcess? _server;

    private KernelLab Lab => _lab!;

    [RootFact]
    public async Task Ping_tells_session_pair_path_and_pongs_by_the_contract()
    {
        await StartAsync("bob", KernelNatKind.PortRestricted);
        var (code, lines) = await PingAsync(KernelNatKind.PortRestricted, "--wait-direct", "8");
        Assert.Equal(0, code);
        string[] events = [.. lines.Select(line => (string)line["event"]!).Where(name => name is not "path" and not "pair")];
        Assert.Equal(["registered", "session", "pong", "pong", "pong", "done"], events);
        var direct = lines.Last(line => (string)line["event"]! == "path");
        Assert.Equal("udp", (string)direct["kind"]!);
        Assert.Equal("203.0.113.11:8900", (string)direct["remote"]!);
        Assert.Contains(lines, line => (string)line["event"]! == "pair" && (double)line["elapsedMs"]! > 0);
        Assert.All(lines.Where(line => (string)line["event"]! == "pong"), pong => Assert.Equal("udp", (string)pong["kind"]!));
        Assert.Equal((3, 3), ((int)lines[^1]["sent"]!, (int)lines[^1]["received"]!));
    }

    [RootFact]
    public async Task Ping_waits_in_vain_for_a_direct_path_and_says_why()
    {
        await StartAsync("bob", KernelNatKind.PortRestricted);
        var (code, lines) = await PingAsync(KernelNatKind.Symmetric, "--wait-direct", "1");
        Assert.Equal(3, code);
        Assert.DoesNotContain(lines, line => (string)line["event"]! == "pong");
        Assert.Contains(lines, line => (string)line["event"]! == "verdict");
    }

    [RootFact]
    public async Task Ping_goes_over_the_relay_where_there_is_no_direct_path()
    {
        await StartAsync("bob", KernelNatKind.Symmetric);
        var (code, lines) = await PingAsync(KernelNatKind.Symmetric);
        Assert.Equal(0, code);
        Assert.All(lines.Where(line => (string)line["event"]! == "pong"), pong => Assert.Equal("relay", (string)pong["kind"]!));
        Assert.Equal(3, (int)lines[^1]["received"]!);
    }

    [RootTheory]
    [InlineData(KernelNatKind.FullCone, "EIM", "preserve")]
    [InlineData(KernelNatKind.PortRestricted, "EIM", "preserve")]
    [InlineData(KernelNatKind.Symmetric, "APDM", "random")]
    [InlineData(KernelNatKind.Firewall, "EIM", "preserve")]
    public async Task Check_names_the_behaviour_of_the_kernels_NAT(KernelNatKind kind, string mapping, string allocation)
    {
        var site = Lab.AddSite(kind);
        _server = await ServerProcess.StartAsync(Lab);
        var (code, lines) = await RunAsync(site.AddHost("alice"), "alice", "check", "--server", _server.Address, "--json");
        Assert.Equal(0, code);
        var report = Assert.Single(lines);
        Assert.Equal((mapping, allocation), ((string)report["mapping"]!, (string)report["allocation"]!));
        string expected = kind == KernelNatKind.Firewall ? "198.51.100.18:" : $"{site.PublicAddress}:";
        Assert.StartsWith(expected, (string)report["mapped"]!, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Check_and_ping_where_the_servers_UDP_is_closed()
    {
        await StartAsync("bob", KernelNatKind.PortRestricted);
        Lab.Server.Namespace.LoadRules(
            """
            table inet cloud {
              chain input {
                type filter hook input priority filter
                meta l4proto udp drop
              }
            }
            """);
        var host = Lab.AddSite(KernelNatKind.PortRestricted).AddHost("carol");
        var (code, lines) = await RunAsync(host, "carol", "check", "--server", _server!.Address, "--json");
        Assert.Equal((25, "blocked"), (code, (string)Assert.Single(lines)["mapping"]!));
        (code, lines) = await RunAsync(host, "carol", "ping", "bob", "--server", _server.Address, "--count", "1", "--json");
        Assert.Equal(0, code);
        Assert.Equal("relay", (string)lines.Single(line => (string)line["event"]! == "pong")["kind"]!);
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        _server?.Dispose();
        Directory.Delete(_files, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Starts the server, and a listener behind a NAT of its own.</summary>
    private async Task StartAsync(string name, KernelNatKind kind)
    {
        var host = Lab.AddSite(kind).AddHost(name);
        _server = await ServerProcess.StartAsync(Lab);
        var listener = Start(host, name, "listen", "--as", name, "--server", _server.Address, "--json");
        await listener.WaitForLineAsync(line => line.Contains("\"registered\""), s_patience, TestContext.Current.CancellationToken);
    }

    private Task<(int Code, JsonNode[] Lines)> PingAsync(KernelNatKind kind, params string[] more) => RunAsync(
        Lab.AddSite(kind).AddHost("alice"),
        "alice",
        ["ping", "bob", "--as", "alice", "--server", _server!.Address, "--count", "3", "--interval", "0.1", "--json", .. more]);

    private async Task<(int Code, JsonNode[] Lines)> RunAsync(KernelHost host, string user, params string[] arguments)
    {
        var token = TestContext.Current.CancellationToken;
        var command = Start(host, user, arguments);
        var lines = new List<JsonNode>();
        while (await command.ReadLineAsync(token).WaitAsync(s_patience, token) is { } line) lines.Add(JsonNode.Parse(line)!);
        return (await command.WaitForExitAsync(s_patience, token), [.. lines]);
    }

    /// <summary>Starts the command as a user with files of his own.</summary>
    private NamespaceProcess Start(KernelHost host, string user, params string[] arguments) =>
        host.Namespace.Start(Programs.Porthole, arguments, new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(_files, user) });
}
