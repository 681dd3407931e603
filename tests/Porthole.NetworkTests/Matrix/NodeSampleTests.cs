using System.Globalization;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Matrix;

/// <summary>The samples that embed a whole node, between the kernel's NATs.</summary>
public sealed class NodeSampleTests : IDisposable
{
    /// <summary>Seconds of play, for those who are to be there until the test ends them.</summary>
    private const string Long = "600";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-sample").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public async Task What_is_typed_comes_back_from_behind_another_NAT()
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        using var bob = Start(lab.AddSite(KernelNatKind.PortRestricted), "Echo", [server.Address, "bob"]);
        await LineAsync(bob, "bob is online");
        using var alice = Start(lab.AddSite(KernelNatKind.PortRestricted), "Echo", [server.Address, "alice", "bob"]);
        await alice.WaitForLineAsync(static line => line is "the path is Udp now" or "the path is Tcp now", s_patience, Token);
        await alice.Input.WriteLineAsync("hello over there");
        await alice.Input.FlushAsync(Token);
        await LineAsync(alice, "hello over there");
        alice.Input.Close();
        Assert.Equal(0, await alice.WaitForExitAsync(s_patience, Token));
    }

    [RootFact]
    public async Task Three_players_know_where_the_others_are()
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        using var alice = Start(lab.AddSite(KernelNatKind.PortRestricted), "Multiplayer", [server.Address, "alice", Long]);
        await LineAsync(alice, "alice is online");
        using var bob = Start(lab.AddSite(KernelNatKind.Restricted), "Multiplayer", [server.Address, "bob", Long, "alice"]);
        await LineAsync(bob, "alice plays");
        using var carol = Start(lab.AddSite(KernelNatKind.PortRestricted), "Multiplayer", [server.Address, "carol", "5", "alice", "bob"]);
        Assert.Equal(0, await carol.WaitForExitAsync(s_patience, Token));
        string[] said = carol.Transcript.Split('\n');
        foreach (string other in (string[])["alice", "bob"])
        {
            AssertHeard(Assert.Single(said, line => line.StartsWith($"at the end {other} at ", StringComparison.Ordinal)));
        }

        foreach (var other in new[] { alice, bob })
        {
            AssertHeard(await other.WaitForLineAsync(
                static line => line.StartsWith("carol at ", StringComparison.Ordinal) && line.EndsWith("and has left", StringComparison.Ordinal), s_patience, Token));
        }

        static void AssertHeard(string report) => Assert.True(int.Parse(report.Split(": ")[1].Split(", ")[1].Split(' ')[0], CultureInfo.InvariantCulture) > 0, report);
    }

    // Keys of peers and of servers lie in the folder of the test, for every lab has a server of its own at the same address.
    private NamespaceProcess Start(KernelSite site, string sample, string[] arguments) => site.AddHost(arguments[1]).Namespace.Start(
        "env", ["-C", _folder, $"XDG_CONFIG_HOME={_folder}", Programs.Sample(sample), .. arguments]);

    private static Task<string> LineAsync(NamespaceProcess process, string beginning) =>
        process.WaitForLineAsync(line => line.StartsWith(beginning, StringComparison.Ordinal), s_patience, Token);
}
