using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Cli;

/// <summary>The command on hosts behind the kernel's NATs.</summary>
public sealed class KernelNatTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly string _home = Directory.CreateTempSubdirectory("porthole-cli").FullName;
    private int _homes;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [RootFact]
    public async Task A_ping_between_port_restricted_NATs_becomes_direct()
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await StartServerAsync(lab);
        using var bob = Start(lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), "listen", "--as", "bob", "--json", "--server", Url(lab));
        await WaitAsync(bob, "registered");
        using var alice = Start(
            lab.AddSite(KernelNatKind.PortRestricted).AddHost("alice"),
            "ping", "bob", "--as", "alice", "--transport", "udp", "--count", "3", "--interval", "0.1", "--wait-direct", "60", "--json", "--server", Url(lab));
        var path = await WaitAsync(alice, "path", static e => (string?)e["kind"] == "udp");
        Assert.StartsWith("203.0.113.", (string)path["remote"]!, StringComparison.Ordinal);
        for (int i = 0; i < 3; i++) Assert.Equal("udp", (string)(await WaitAsync(alice, "pong"))["kind"]!);
        Assert.Equal(3, (int)(await WaitAsync(alice, "done"))["received"]!);
        Assert.Equal(0, await alice.WaitForExitAsync(s_limit, TestContext.Current.CancellationToken));
    }

    [RootFact]
    public async Task A_ping_between_symmetric_NATs_says_why_it_stays_on_the_relay()
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await StartServerAsync(lab);
        using var bob = Start(lab.AddSite(KernelNatKind.Symmetric).AddHost("bob"), "listen", "--as", "bob", "--json", "--server", Url(lab));
        await WaitAsync(bob, "registered");
        var site = lab.AddSite(KernelNatKind.Symmetric);
        using var alice = Start(site.AddHost("alice"), "ping", "bob", "--as", "alice", "--wait-direct", "10", "--json", "--server", Url(lab));
        await WaitAsync(alice, "session");
        Assert.Equal("RandomPortsBoth", (string)(await WaitAsync(alice, "verdict"))["reason"]!);
        Assert.Equal(3, await alice.WaitForExitAsync(s_limit, TestContext.Current.CancellationToken));
        var carol = site.AddHost("carol");
        string allocation = "unknown";
        for (int i = 0; i < 8 && allocation == "unknown"; i++) // on a busy machine questions are repeated, and then nothing tells the order of their ports
        {
            using var check = Start(carol, "check", "--json", "--server", Url(lab));
            var report = await WaitAsync(check, null);
            Assert.Equal("APDM", (string)report["mapping"]!);
            allocation = (string)report["allocation"]!;
        }

        Assert.Equal("random", allocation);
    }

    [RootFact]
    public async Task A_server_whose_UDP_a_firewall_closes_is_named_and_used_as_a_relay()
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await StartServerAsync(lab);
        lab.Server.Namespace.LoadRules(
            """
            table inet closed {
                chain input {
                    type filter hook input priority 0
                    meta l4proto udp drop
                }
            }
            """);
        var site = lab.AddSite(KernelNatKind.PortRestricted);
        using var check = Start(site.AddHost("alice"), "check", "--json", "--server", Url(lab));
        var report = await WaitAsync(check, null);
        Assert.Equal("blocked", (string)report["mapping"]!);
        Assert.Equal(25, await check.WaitForExitAsync(s_limit, TestContext.Current.CancellationToken));
        using var bob = Start(lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), "listen", "--as", "bob", "--json", "--server", Url(lab));
        await WaitAsync(bob, "registered");
        using var carol = Start(site.AddHost("carol"), "ping", "bob", "--transport", "udp", "--count", "2", "--interval", "0.1", "--json", "--server", Url(lab));
        Assert.Equal("relay", (string)(await WaitAsync(carol, "pong"))["kind"]!);
        Assert.Equal(2, (int)(await WaitAsync(carol, "done"))["received"]!);
    }

    [RootTheory]
    [InlineData("auto", false)]
    [InlineData("tcp", false)]
    [InlineData("auto", true)]
    public async Task Strangers_behind_NATs_meet_by_a_code_and_go_on_when_the_server_is_killed(string transport, bool isUdpBlocked)
    {
        using var lab = new KernelLab(ipv6: false);
        var server = await StartServerAsync(lab);
        var (here, there) = (lab.AddSite(KernelNatKind.PortRestricted), lab.AddSite(KernelNatKind.PortRestricted));
        if (isUdpBlocked) here.BlockUdp();
        using var first = Start(here.AddHost("first"), "meet", "--new", "--echo", "--transport", transport, "--json", "--server", Url(lab));
        string code = (string)(await WaitAsync(first, "code"))["code"]!;
        await WaitAsync(first, "waiting");
        using var second = Start(there.AddHost("second"), "meet", code, "--transport", transport, "--json", "--server", Url(lab));
        string kind = transport == "tcp" || isUdpBlocked ? "tcp" : "udp";
        Assert.Contains((await WaitAsync(second, "met"))["addresses"]!.AsArray(), address => (string)address!["kind"]! == "mapped" && (string)address["transport"]! == kind);
        string[] kinds = kind == "tcp" ? ["tcp"] : ["udp", "tcp"]; // where the machine has much to do, TCP may be the faster of both
        var path = await WaitAsync(second, "path", e => kinds.Contains((string?)e["kind"]));
        Assert.StartsWith("203.0.113.", (string)path["remote"]!, StringComparison.Ordinal);
        await WaitAsync(first, "server-left");
        await WaitAsync(second, "server-left");
        server.Dispose(); // as if by kill -9

        await second.Input.WriteLineAsync("still there?");
        await second.Input.FlushAsync(TestContext.Current.CancellationToken);
        Assert.Equal("still there?", (string)(await WaitAsync(first, "line"))["text"]!);
        Assert.True((bool)(await WaitAsync(second, "line"))["echo"]!);
        await second.Input.WriteLineAsync("exit");
        await second.Input.FlushAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await first.WaitForExitAsync(s_limit, TestContext.Current.CancellationToken));
        Assert.Equal(0, await second.WaitForExitAsync(s_limit, TestContext.Current.CancellationToken));
    }

    private static string Url(KernelLab lab) => $"http://{lab.Server.Address}:8848";

    private static async Task<JsonNode> WaitAsync(NamespaceProcess process, string? name, Func<JsonNode, bool>? condition = null) => JsonNode.Parse(await process.WaitForLineAsync(
        line => line.StartsWith('{') && JsonNode.Parse(line) is { } e && (string?)e["event"] == name && condition?.Invoke(e) != false,
        s_limit,
        TestContext.Current.CancellationToken))!;

    private async Task<NamespaceProcess> StartServerAsync(KernelLab lab)
    {
        var server = Start(lab.Server, "server", "--ip", "0.0.0.0", "--port", "8848", "--in-memory", "--json");
        Assert.Equal(Url(lab), (string)(await WaitAsync(server, "listening"))["http"]!);
        return server;
    }

    /// <summary>Starts the command on a host; each has a home of its own.</summary>
    private NamespaceProcess Start(KernelHost host, params string[] arguments) => host.Namespace.Start(
        Programs.Porthole, arguments, new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(_home, $"{Interlocked.Increment(ref _homes)}") });
}
