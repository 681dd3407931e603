using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Alice and bob behind two port-restricted kernel NATs, with transfers between them that are under way when something breaks.</summary>
public abstract class DisruptionLab : IAsyncDisposable
{
    /// <summary>Slow enough that a transfer of ten seconds is under way when things break.</summary>
    private protected const long Rate = 200_000;

    /// <summary>How long anything may take.</summary>
    private protected static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    /// <summary>How long a direct path is waited for before a transfer begins.</summary>
    private protected static readonly TimeSpan s_direct = TimeSpan.FromSeconds(45);

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(ipv6: false) : null;

    /// <summary>Milliseconds since 1970, as the peers tell them.</summary>
    private protected static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    private protected KernelLab Lab => _lab!;

    private protected ServerProcess? Server { get; set; }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _lab?.Dispose();
        Server?.Dispose();
        return ValueTask.CompletedTask;
    }

    private protected static void AssertIntact(long bytes, params JsonNode[] reports)
    {
        foreach (var report in reports) Assert.Equal((true, bytes), ((bool)report["intact"]!, (long)report["received"]!));
    }

    /// <summary>Starts the server and both peers.</summary>
    /// <param name="transports">
    /// What direct paths are made of. With a choice a session may take TCP: the first call of a process compiles what it runs, which makes the round trip over UDP look long.
    /// </param>
    private protected async Task<(PeerProcess Alice, PeerProcess Bob, KernelSite AliceSite, KernelSite BobSite)> StartAsync(Transports transports)
    {
        var (aliceSite, bobSite) = (Lab.AddSite(KernelNatKind.PortRestricted), Lab.AddSite(KernelNatKind.PortRestricted));
        Server = await ServerProcess.StartAsync(Lab);
        var alice = await PeerProcess.StartAsync(aliceSite.AddHost("alice"), Server, "alice", transports);
        var bob = await PeerProcess.StartAsync(bobSite.AddHost("bob"), Server, "bob", transports);
        return (alice, bob, aliceSite, bobSite);
    }
}
