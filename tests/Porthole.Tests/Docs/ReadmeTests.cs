using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Porthole.Hosting;
using Porthole.Testing;

namespace Porthole.Tests.Docs;

/// <summary>The examples of the README compile, and run.</summary>
public sealed class ReadmeTests
{
    /// <summary>Ends the lines of <see cref="ReadmeExamples"/> that the README does not show.</summary>
    internal const string NotShown = "// of the test";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_carries_a_stream_at_once()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var callee = await net.StartPeerAsync("bob", cancellationToken: Token);
        var hearing = HearAsync(callee);

        await ReadmeExamples.ConnectAsync(net.CreateOptions("alice"), s_patience, hearing).WaitAsync(s_patience, Token);

        Assert.Equal("hello"u8.ToArray(), await hearing);
    }

    [Fact]
    public async Task A_file_is_sent_and_received()
    {
        string folder = Directory.CreateTempSubdirectory("porthole-readme").FullName;
        try
        {
            string path = Path.Combine(folder, "letter.txt");
            await File.WriteAllTextAsync(path, "dear bob", Token);
            await using var net = await PortholeTestNetwork.StartAsync();
            var alice = await net.StartPeerAsync("alice", cancellationToken: Token);
            var bob = await net.StartPeerAsync("bob", cancellationToken: Token);
            ReadmeExamples.Receive(bob, Path.Combine(folder, "inbox"));

            await ReadmeExamples.SendAsync(alice, path).WaitAsync(s_patience, Token);

            Assert.Equal("dear bob", await File.ReadAllTextAsync(Path.Combine(folder, "inbox", "letter.txt"), Token));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_web_application_answers_to_its_peers_name()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var alice = await net.StartPeerAsync("alice", cancellationToken: Token);
        var built = new TaskCompletionSource<WebApplication>(TaskCreationOptions.RunContinuationsAsynchronously);
        var serving = ReadmeExamples.ServeAsync(net.CreateOptions("bob"), built.SetResult);
        var app = await built.Task.WaitAsync(s_patience, Token);
        try
        {
            await app.Services.GetRequiredService<IPorthole>().GetNodeAsync(Token).AsTask().WaitAsync(s_patience, Token);
            await ReadmeExamples.CallAsync(alice).WaitAsync(s_patience, Token);
        }
        finally
        {
            app.Lifetime.StopApplication();
            await serving.WaitAsync(s_patience, Token);
        }
    }

    [Fact]
    public Task A_test_has_an_internet_of_its_own() => ReadmeExamples.TestAsync().WaitAsync(s_patience, Token);

    [Fact]
    public async Task The_README_shows_this_code()
    {
        string[] shown = [.. (await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "tests/Porthole.Tests/Docs/ReadmeExamples.cs"), Token))
            .Select(static line => line.Trim()).Where(static line => line.Length > 0 && !line.EndsWith(NotShown, StringComparison.Ordinal))];
        var blocks = Repository.Read("README.md").Blocks.Where(static block => block.Language == "csharp").ToList();

        Assert.NotEmpty(blocks);
        foreach (var block in blocks)
        {
            string[] lines = [.. block.Text.Split('\n').Select(static line => line.Split("  //")[0].Trim()).Where(static line => line.Length > 0)];

            // A test starts its node with other options: its network and its keys are in memory.
            if (lines[0].Contains("PeerNode.StartAsync", StringComparison.Ordinal)) lines = [.. lines.SkipWhile(static line => line != "});").Skip(1)];
            Assert.NotEmpty(lines);
            Assert.True(Enumerable.Range(0, shown.Length).Any(from => shown.AsSpan(from).StartsWith(lines)), $"The example at README.md:{block.Line} is not in ReadmeExamples: '{lines[0]}' and what follows.");
        }
    }

    private static async Task<byte[]> HearAsync(PeerNode node)
    {
        var here = await node.AcceptAsync(Token);
        var incoming = await here.AcceptStreamAsync(Token);
        byte[] hello = new byte[5];
        await incoming.ReadExactlyAsync(hello, Token);
        return hello;
    }
}
