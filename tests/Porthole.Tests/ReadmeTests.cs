using System.Runtime.CompilerServices;
using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

/// <summary>The example of the README is this code, and it runs.</summary>
public sealed class ReadmeTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task The_example_runs()
    {
        await using var server = await LoopbackServer.StartAsync();
        await using var callee = await PeerNode.StartAsync(InMemory(server, "bob") with { Accept = AcceptPolicy.Anyone }, TestContext.Current.CancellationToken);
        var accepting = callee.AcceptAsync(TestContext.Current.CancellationToken).AsTask();

        await ExampleAsync(InMemory(server, "alice")).WaitAsync(s_patience, TestContext.Current.CancellationToken);

        await using var here = await accepting.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        await using var incoming = await here.AcceptStreamAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);
        byte[] hello = new byte[5];
        await incoming.ReadExactlyAsync(hello, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal("hello"u8.ToArray(), hello);
    }

    [Fact]
    public async Task The_README_shows_this_code()
    {
        string thisFile = ThisFile();
        string[] source = [.. (await File.ReadAllLinesAsync(thisFile, TestContext.Current.CancellationToken)).Select(static line => line.Trim())];
        string readme = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "README.md"), TestContext.Current.CancellationToken);
        string example = readme.Split("```csharp")[1].Split("```")[0];
        var shown = example.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split("  //")[0].TrimEnd());

        // The options differ: a test keeps its keys in memory.
        var calls = shown.SkipWhile(static line => line != "});").Skip(1).ToList();
        Assert.NotEmpty(calls);
        Assert.All(calls, line => Assert.Contains(line, source));
    }

    private static async Task ExampleAsync(PeerOptions options)
    {
        await using var node = await PeerNode.StartAsync(options);
        await using var bob = await node.ConnectAsync("bob");
        bob.PathChanged += (_, path) => Console.WriteLine(path.Kind);
        await using var stream = await bob.OpenStreamAsync();
        await stream.WriteAsync("hello"u8.ToArray());
        await bob.WaitForDirectAsync(s_patience);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static PeerOptions InMemory(LoopbackServer server, string name) => new()
    {
        Server = server.Pinned,
        Name = name,
        Identity = IdentityKey.Generate(OperatingSystemEntropy.Instance),
        KnownPeers = KnownPeers.InMemory(),
        KnownServers = KnownServers.InMemory(),
        BindAddress = System.Net.IPAddress.Loopback,
    };
}
