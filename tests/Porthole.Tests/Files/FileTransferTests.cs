using System.Net;
using System.Security.Cryptography;
using Porthole.Files;
using Porthole.Identity;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests.Files;

/// <summary>Files over real connections of two peers on loopback.</summary>
public sealed class FileTransferTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();
    private readonly List<PeerNode> _nodes = [];
    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_file_and_a_folder_arrive_as_they_were_sent()
    {
        byte[] bytes = new byte[3_000_000];
        new Random(1).NextBytes(bytes);
        string file = _folder.Write("out/big.bin", bytes), folder = _folder.PathOf("out/photos");
        _folder.Write("out/photos/sub/grüße.txt", "hello"u8.ToArray());
        _folder.Write("out/photos/empty.txt", []);
        Directory.CreateDirectory(_folder.PathOf("out/photos/nothing here"));

        var bob = await StartAsync("bob", AcceptPolicy.Anyone);
        var alice = await StartAsync("alice");
        var calling = alice.ConnectAsync("bob", Token);
        var here = await bob.AcceptAsync(Token).AsTask().WaitAsync(s_patience, Token);
        var there = await calling.WaitAsync(s_patience, Token);
        var seen = new List<FileTransferEvent>();
        var sending = new FileSender([file, folder]).SendAsync(there, Token);
        var stream = await here.AcceptStreamAsync(Token);
        Assert.Equal(StreamPreamble.Files, await stream.ReadProtocolAsync(Token));
        var received = await new FileReceiver(_folder.PathOf("in"), new FileReceiveOptions { Observer = seen.Add }).ReceiveAsync(here, stream, Token).WaitAsync(s_patience, Token);
        var sent = await sending.WaitAsync(s_patience, Token);

        Assert.Equal((3, 3_000_005L, 0L, 0), (sent.Files, sent.Bytes, sent.Resent, sent.Skipped));
        Assert.Equal(3_000_005, received.Bytes);
        Assert.Equal(["big.bin", "photos"], received.Roots.Select(root => Path.GetFileName(root.Path)));
        Assert.Equal(SHA256.HashData(bytes), received.Roots[0].Sha256.ToArray());
        Assert.Equal(alice.Id, Assert.Single(seen.OfType<FileTransferEvent.Offered>()).Offer.Sender);
        Assert.Equal(TempFolder.Describe(_folder.PathOf("out")), TempFolder.Describe(_folder.PathOf("in")));
    }

    private async Task<PeerNode> StartAsync(string name, AcceptPolicy accept = AcceptPolicy.Nobody)
    {
        var node = await PeerNode.StartAsync(
            new PeerOptions
            {
                Server = _server.Address,
                Name = name,
                Identity = IdentityKey.Generate(OperatingSystemEntropy.Instance),
                KnownPeers = KnownPeers.InMemory(),
                KnownServers = KnownServers.InMemory(),
                Accept = accept,
                BindAddress = IPAddress.Loopback,
            },
            Token);
        _nodes.Add(node);
        return node;
    }
}
