using System.Text.Json;
using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>A peer of the tests on a host of a lab.</summary>
internal sealed class PeerProcess
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(120);

    private readonly NamespaceProcess _process;

    private PeerProcess(NamespaceProcess process, string name) => (_process, Name) = (process, name);

    public string Name { get; }

    public string Transcript => $"{Name}:\n{_process.Transcript}";

    /// <summary>The event that ended the start.</summary>
    public JsonNode Started { get; private set; } = null!;

    /// <summary>Starts a peer and waits until it is registered, or for another event that follows.</summary>
    public static async Task<PeerProcess> StartAsync(KernelHost host, ServerProcess server, string name, Transports transports = Transports.All, string until = "registered")
    {
        var peer = new PeerProcess(host.Namespace.Start(Programs.TestPeer, [server.Address, name, transports.ToString()]), name);
        peer.Started = await peer.WaitForAsync(until, s_startLimit);
        return peer;
    }

    /// <summary>Tells the peer to call another and exchange bytes with it.</summary>
    public async Task CallAsync(PeerProcess other, long bytes, long rate = 0, TimeSpan directWithin = default)
    {
        string command = JsonSerializer.Serialize(new { peer = other.Name, bytes, rate, directWithinMs = (int)directWithin.TotalMilliseconds });
        await _process.Input.WriteLineAsync(command);
        await _process.Input.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Lets the peer hear late from now on what the server says, a push above all.</summary>
    public async Task DelayPushesAsync(TimeSpan late)
    {
        await _process.Input.WriteLineAsync(JsonSerializer.Serialize(new { lateMs = (int)late.TotalMilliseconds }));
        await _process.Input.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Ends the peer in order, and waits for it.</summary>
    public Task<int> StopAsync(TimeSpan limit)
    {
        _process.Input.Close();
        return _process.WaitForExitAsync(limit, TestContext.Current.CancellationToken);
    }

    /// <summary>Waits for the next event of a kind for which the condition holds. Events before it are passed over.</summary>
    public Task<JsonNode> WaitForAsync(string kind, TimeSpan limit, Func<JsonNode, bool>? condition = null) => WaitForAnyAsync([kind], limit, condition);

    /// <summary>Waits for the next event of one of the kinds for which the condition holds. Events before it are passed over.</summary>
    public async Task<JsonNode> WaitForAnyAsync(string[] kinds, TimeSpan limit, Func<JsonNode, bool>? condition = null)
    {
        string line = await _process.WaitForLineAsync(
            line => line.StartsWith('{') && JsonNode.Parse(line) is { } node && (string?)node["event"] is var happened
                && (happened == "failed" || (kinds.Contains(happened) && condition?.Invoke(node) != false)),
            limit,
            TestContext.Current.CancellationToken);
        var found = JsonNode.Parse(line)!;
        if (!kinds.Contains((string?)found["event"])) Assert.Fail($"{Name} failed: {line}");
        return found;
    }
}
