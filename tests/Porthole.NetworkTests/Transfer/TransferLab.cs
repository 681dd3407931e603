using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Transfer;

/// <summary>Alice and bob behind two port-restricted kernel NATs, their server, their folders; commands that can be killed and started again.</summary>
internal sealed class TransferLab : IDisposable
{
    /// <summary>How long anything may take: a gigabyte on a busy machine takes minutes.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(6);

    private readonly KernelLab _lab = new(ipv6: false);
    private readonly KernelSite _aliceSite;
    private readonly KernelSite _bobSite;
    private readonly KernelHost _alice;
    private readonly KernelHost _bob;
    private readonly List<NamespaceProcess> _processes = [];
    private ServerProcess? _server;

    private TransferLab()
    {
        (_aliceSite, _bobSite) = (_lab.AddSite(KernelNatKind.PortRestricted), _lab.AddSite(KernelNatKind.PortRestricted));
        (_alice, _bob) = (_aliceSite.AddHost("alice"), _bobSite.AddHost("bob"));
        Directory.CreateDirectory(Target);
    }

    /// <summary>A folder for everything; it goes in the end.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("porthole-send").FullName;

    /// <summary>Where bob receives.</summary>
    public string Target => Path.Combine(Folder, "target");

    public static async Task<TransferLab> StartAsync()
    {
        var lab = new TransferLab();
        try
        {
            lab._server = await ServerProcess.StartAsync(lab._lab);
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>Starts bob's receiver and waits until it can be called.</summary>
    public async Task<NamespaceProcess> ReceiveAsync(params string[] more)
    {
        var process = Start(_bob, "bob", ["receive", "--as", "bob", "--to", Target, "--accept", "anyone", .. more]);
        await WaitAsync(process, "registered");
        return process;
    }

    /// <summary>Starts alice's sender.</summary>
    public NamespaceProcess Send(params string[] paths) => Start(_alice, "alice", ["send", .. paths, "bob", "--as", "alice", "--wait", "120"]);

    /// <summary>Waits for an event of a command; those before it are passed over.</summary>
    public static async Task<JsonNode> WaitAsync(NamespaceProcess process, string name, Func<JsonNode, bool>? condition = null) => JsonNode.Parse(await process.WaitForLineAsync(
        line => line.StartsWith('{') && JsonNode.Parse(line) is { } e && (string?)e["event"] == name && condition?.Invoke(e) != false,
        Limit,
        TestContext.Current.CancellationToken))!;

    /// <summary>Waits until so much of the transfer is done, over a direct path.</summary>
    public static Task<JsonNode> WaitForPercentAsync(NamespaceProcess process, int percent) =>
        WaitAsync(process, "progress", e => (string)e["kind"]! != "relay" && (long)e["bytes"]! * 100 >= (long)e["total"]! * percent);

    public static Task<int> EndAsync(NamespaceProcess process) => process.WaitForExitAsync(Limit, TestContext.Current.CancellationToken);

    /// <summary>Lets nothing pass between alice's NAT and the rest of the world.</summary>
    public void Cut()
    {
        _lab.Cut(_aliceSite.PublicAddress, _bobSite.PublicAddress);
        _lab.Cut(_aliceSite.PublicAddress, _lab.Server.Address);
    }

    /// <summary>Lets everything pass again.</summary>
    public void Heal()
    {
        _lab.Heal(_aliceSite.PublicAddress, _bobSite.PublicAddress);
        _lab.Heal(_aliceSite.PublicAddress, _lab.Server.Address);
    }

    /// <summary>Ends the server without a word.</summary>
    public void KillServer() => _server!.Kill();

    public void Dispose()
    {
        foreach (var process in _processes) process.Dispose();
        _lab.Dispose();
        _server?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Starts a command; who starts again is the same user, with the same keys.</summary>
    private NamespaceProcess Start(KernelHost host, string home, string[] arguments)
    {
        var process = host.Namespace.Start(
            Programs.Porthole,
            [.. arguments, "--json", "--server", _server!.Address],
            new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(Folder, home), ["XDG_DATA_HOME"] = Path.Combine(Folder, home), ["XDG_STATE_HOME"] = Path.Combine(Folder, home) });
        _processes.Add(process);
        return process;
    }
}
