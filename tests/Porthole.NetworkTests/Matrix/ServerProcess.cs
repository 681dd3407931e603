using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Matrix;

/// <summary><c>porthole server</c> on the server host of a lab. It can be killed and started again with the same key and names.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    private readonly KernelLab _lab;
    private readonly string _address;
    private readonly string _data = Directory.CreateTempSubdirectory("porthole-server").FullName;
    private NamespaceProcess? _process;

    private ServerProcess(KernelLab lab, string address) => (_lab, _address) = (lab, address);

    public string Address => $"http://{_lab.Server.Address}:8848";

    public static async Task<ServerProcess> StartAsync(KernelLab lab, string address = "0.0.0.0")
    {
        var server = new ServerProcess(lab, address);
        await server.StartAsync();
        return server;
    }

    public async Task StartAsync()
    {
        _process = _lab.Server.Namespace.Start(
            Programs.Porthole, ["server", "--ip", _address, "--port", "8848", "--stun-port", "3478", "--data", _data, "--json"]);
        string line = await _process.WaitForLineAsync(line => line.Contains("\"listening\""), s_startLimit, TestContext.Current.CancellationToken);
        Assert.NotEmpty(JsonNode.Parse(line)!["stun"]!.AsArray());
    }

    /// <summary>Ends it without a word, as a power cut does.</summary>
    public void Kill() => _process!.Kill();

    public void Dispose()
    {
        _process?.Dispose();
        Directory.Delete(_data, recursive: true);
    }
}
