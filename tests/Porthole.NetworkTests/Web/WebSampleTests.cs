using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;

namespace Porthole.NetworkTests.Web;

/// <summary>The web sample between the kernel's NATs, as people start it.</summary>
public sealed class WebSampleTests : IAsyncDisposable
{
    private const int Requests = 1_000;

    /// <summary>The port of the peer, on which nobody but a peer that is expected gets an answer.</summary>
    private const int PunchingPort = 8900;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(ipv6: false) : null;
    private readonly string _files = Directory.CreateTempSubdirectory("porthole-web").FullName;
    private ServerProcess? _server;

    private KernelLab Lab => _lab!;

    [RootFact]
    public async Task A_thousand_requests_of_each_kind_cross_a_change_of_the_path_and_none_is_lost()
    {
        var (alices, bobs) = (Lab.AddSite(KernelNatKind.PortRestricted), Lab.AddSite(KernelNatKind.PortRestricted));
        _server = await ServerProcess.StartAsync(Lab);
        var bobsHost = bobs.AddHost("bob");
        using var bob = Start(bobsHost, "WebBehindNat", $"--Porthole:Server={_server.Address}", "--Porthole:Name=bob", "--Porthole:Accept=Anyone");
        await LineAsync(bob, "reachable as bob");
        Assert.All(await ListeningPortsAsync(bobsHost), static port => Assert.Equal(PunchingPort, port)); // no port of the application

        using var alice = Start(alices.AddHost("alice"), "WebBehindNatClient", _server.Address, "bob", "--load", $"{Requests}");
        Assert.Contains("Hello gRPC, status 0", await LineAsync(alice, "gRPC:"), StringComparison.Ordinal);
        Assert.Equal("WebSocket: hello", await LineAsync(alice, "WebSocket:"));
        bool isDirect = false, isUnderWay = false; // in either order
        while (!isDirect || !isUnderWay)
        {
            string line = await alice.WaitForLineAsync(static line => line.StartsWith("path ", StringComparison.Ordinal) || line == "under way", s_patience, TestContext.Current.CancellationToken);
            if (line == "under way") isUnderWay = true;
            else isDirect = IsDirectPath(line); // it may be left again
        }

        bobs.BlockUdp();
        Lab.Cut(alices.PublicAddress, bobs.PublicAddress);
        await LineAsync(alice, "path Relay");
        Lab.Heal(alices.PublicAddress, bobs.PublicAddress);
        bobs.UnblockUdp();
        await alice.WaitForLineAsync(IsDirectPath, s_patience, TestContext.Current.CancellationToken);
        await alice.Input.WriteLineAsync("enough");
        await alice.Input.FlushAsync(TestContext.Current.CancellationToken);
        foreach (string kind in (string[])["HTTP/1.1", "HTTP/2", "WebSocket"])
        {
            string[] words = (await LineAsync(alice, $"{kind}: ")).Split(' ');
            Assert.True(words[1] == words[3] && int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture) >= Requests, $"{string.Join(' ', words)}\n{alice.Transcript}");
        }

        Assert.Equal(0, await alice.WaitForExitAsync(s_patience, TestContext.Current.CancellationToken));
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        _server?.Dispose();
        Directory.Delete(_files, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Whichever is direct: where the machine has much to do, TCP may be the better one.</summary>
    private static bool IsDirectPath(string line) => line is "path Udp" or "path Tcp";

    /// <summary>Each with a folder of its own for its key and whom it knows.</summary>
    private NamespaceProcess Start(KernelHost host, string sample, params string[] arguments) =>
        host.Namespace.Start("/usr/bin/env", [$"XDG_CONFIG_HOME={Path.Combine(_files, sample)}", Programs.Sample(sample), .. arguments]);

    private static async Task<int[]> ListeningPortsAsync(KernelHost host)
    {
        const string Listening = "0A"; // as the kernel writes it: number, local address, remote address, state
        using var reading = host.Namespace.Start("/bin/cat", ["/proc/net/tcp"]);
        await reading.WaitForExitAsync(s_patience, TestContext.Current.CancellationToken);
        string[][] rows = [.. reading.Transcript.Split('\n').Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        Assert.Contains(rows, static row => row.Contains("local_address"));
        return [.. rows.Where(static row => row is [_, _, _, Listening, ..]).Select(static row => int.Parse(row[1].Split(':')[1], System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture))];
    }

    private static Task<string> LineAsync(NamespaceProcess process, string part) =>
        process.WaitForLineAsync(line => line.Contains(part, StringComparison.Ordinal), s_patience, TestContext.Current.CancellationToken);
}
