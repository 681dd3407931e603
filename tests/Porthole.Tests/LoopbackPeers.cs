using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

/// <summary>A server and peers on loopback. A name keeps its key, so that a peer can be stopped and started again.</summary>
internal sealed class LoopbackPeers : IAsyncDisposable
{
    private readonly List<PeerNode> _nodes = [];
    private readonly Dictionary<string, IdentityKey> _keys = [];
    private readonly IdentityKey _serverKey = IdentityKey.Generate(OperatingSystemEntropy.Instance);
    private readonly List<NameRecord> _names = [];
    private LoopbackServer _server = null!;

    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<LoopbackPeers> StartAsync()
    {
        var peers = new LoopbackPeers();
        peers._server = await LoopbackServer.StartAsync(identity: peers._serverKey, names: peers._names);
        return peers;
    }

    public IdentityKey KeyOf(string name) => _keys.TryGetValue(name, out var key) ? key : _keys[name] = IdentityKey.Generate(OperatingSystemEntropy.Instance);

    public async Task<PeerNode> StartAsync(string name, AcceptPolicy accept = AcceptPolicy.Nobody, Func<PeerOptions, PeerOptions>? change = null)
    {
        var options = LoopbackOptions.At(_server.Address, name, accept, KeyOf(name)) with { PortMapping = false };
        var node = await PeerNode.StartAsync(change is null ? options : change(options), Token);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Stops the server; what is direct goes on.</summary>
    public ValueTask StopServerAsync() => _server.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _server.DisposeAsync();
        foreach (var key in _keys.Values) key.Dispose();
        _serverKey.Dispose();
    }
}
