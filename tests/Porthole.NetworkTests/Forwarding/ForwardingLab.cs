using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Forwarding;

/// <summary>Two hosts behind port-restricted NATs of the kernel: bob shares, alice forwards, by the command, on a direct path. For all tests of the class.</summary>
public sealed class ForwardingLab : IAsyncLifetime
{
    /// <summary>The ports of bob's programs, and of alice's host that lead there.</summary>
    public const int Ssh = 2022, Http = 8080, Redis = 6379, Iperf = 5201;

    private KernelLab? _lab;
    private NamespaceProcess? _share;

    /// <summary>How long anything may take.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(3);

    /// <summary>Where programs keep their files.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("porthole-forward").FullName;

    internal KernelHost Alice { get; private set; } = null!;

    internal KernelHost Bob { get; private set; } = null!;

    internal string Server => $"http://{_lab!.Server.Address}:8848";

    public async ValueTask InitializeAsync()
    {
        if (!KernelLab.IsSupported(out _)) return;
        _lab = new KernelLab(ipv6: false);
        await WaitAsync(Porthole(_lab.Server, "server", "server", "--ip", "0.0.0.0", "--port", "8848", "--in-memory", "--json"), "listening");
        (Alice, Bob) = (_lab.AddSite(KernelNatKind.PortRestricted).AddHost("alice"), _lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"));
        await ShareAsync();
        var forward = Porthole(
            Alice,
            "alice",
            ["forward", .. Leads(Ssh), .. Leads(Http), .. Leads(Redis), .. Leads(Iperf), $"{Iperf}", $"bob:{Iperf}/udp", "--as", "alice", "--transport", "udp", "--json", "--server", Server]);
        await WaitAsync(forward, "path", static e => (string?)e["kind"] == "udp");
    }

    /// <summary>Bob's command is killed, without a word to anybody, and started again.</summary>
    public async Task RestartSharerAsync()
    {
        _share!.Kill();
        await ShareAsync();
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose(); // ends what runs on its hosts
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="host">Where.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What it wrote, standard error behind "! ".</returns>
    internal async Task<string> RunAsync(KernelHost host, string program, params string[] arguments)
    {
        using var process = host.Namespace.Start(program, arguments, Home("tools"));
        process.Input.Close();
        Assert.True(await process.WaitForExitAsync(Limit, TestContext.Current.CancellationToken) == 0, process.Transcript);
        return process.Transcript;
    }

    /// <summary>Skips the test where a program is missing.</summary>
    internal static void SkipWithout(params string[] programs)
    {
        foreach (string program in programs)
        {
            Assert.SkipUnless(File.Exists($"/usr/bin/{program}") || File.Exists($"/usr/sbin/{program}"), $"{program} is not installed.");
        }
    }

    /// <summary>Waits until a program listens on a port of its own host.</summary>
    internal static async Task ListensAsync(KernelHost host, int port)
    {
        var until = DateTime.UtcNow + Limit;
        string listens = $":{port:X4} ";
        while (!host.Namespace.Run("cat", "/proc/net/tcp").Split('\n').Any(line => line.Contains(listens, StringComparison.Ordinal) && line.Contains(" 0A ", StringComparison.Ordinal)))
        {
            Assert.True(DateTime.UtcNow < until, $"Nobody listens on {port}.");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    internal IReadOnlyDictionary<string, string> Home(string name) => new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(Folder, $"home-{name}"), ["HOME"] = Folder, ["SHELL"] = "/bin/sh" };

    private static string[] Leads(int port) => [$"{port}", $"bob:{port}"];

    private static async Task WaitAsync(NamespaceProcess process, string name, Func<JsonNode, bool>? condition = null) => await process.WaitForLineAsync(
        line => line.StartsWith('{') && JsonNode.Parse(line) is { } e && (string?)e["event"] == name && condition?.Invoke(e) != false,
        Limit,
        TestContext.Current.CancellationToken);

    private Task ShareAsync()
    {
        _share = Porthole(Bob, "bob", "share", $"{Ssh}", $"{Http}", $"{Redis}", $"{Iperf}", $"{Iperf}/udp", "--as", "bob", "--accept", "anyone", "--json", "--server", Server);
        return WaitAsync(_share, "listening");
    }

    private NamespaceProcess Porthole(KernelHost host, string home, params string[] arguments) => host.Namespace.Start(Programs.Porthole, arguments, Home(home));
}
