using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Cli;

/// <summary>What <c>porthole check</c> says of the kernel's NATs, and a ping where none of them can be punched.</summary>
public sealed class KernelCheckTests : IAsyncDisposable
{
    /// <summary>On a busy machine questions are repeated, and then nothing tells the order of their ports.</summary>
    private const int Attempts = 8;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(ipv6: false) : null;
    private readonly string _files = Directory.CreateTempSubdirectory("porthole-cli").FullName;
    private ServerProcess? _server;

    private KernelLab Lab => _lab!;

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
        var alice = site.AddHost("alice");
        JsonNode report;
        int attempt = 0;
        do
        {
            var (code, lines) = await RunAsync(alice, "alice", "check", "--server", _server.Address, "--json");
            Assert.Equal(0, code);
            report = Assert.Single(lines);
        }
        while (++attempt < Attempts && ((string)report["allocation"]! == "unknown" || (string)report["tcp"]!["allocation"]! == "unknown"));

        Assert.Equal((mapping, allocation), ((string)report["mapping"]!, (string)report["allocation"]!));
        string expected = kind == KernelNatKind.Firewall ? "198.51.100.18:" : $"{site.PublicAddress}:";
        Assert.StartsWith(expected, (string)report["mapped"]!, StringComparison.Ordinal);
        var tcp = report["tcp"]!;
        Assert.Equal((mapping, allocation, true), ((string)tcp["mapping"]!, (string)tcp["allocation"]!, (bool)tcp["reachable"]!));
        Assert.StartsWith(expected, (string)tcp["mapped"]!, StringComparison.Ordinal);
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

    private Task<(int Code, JsonNode[] Lines)> PingAsync(KernelNatKind kind) => RunAsync(
        Lab.AddSite(kind).AddHost("alice"),
        "alice",
        "ping", "bob", "--as", "alice", "--server", _server!.Address, "--count", "3", "--interval", "0.1", "--json");

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
