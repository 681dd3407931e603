using System.Net;
using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>What happens to a transfer when something breaks under it: nothing is lost, nothing comes twice, and the gap is short.</summary>
public sealed class DisruptionTests : IAsyncDisposable
{
    // Slow enough that a transfer of ten seconds is under way when things break.
    private const long Rate = 200_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_direct = TimeSpan.FromSeconds(8);

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(ipv6: false) : null;
    private ServerProcess? _server;

    private KernelLab Lab => _lab!;

    [RootFact]
    public async Task A_direct_transfer_survives_the_death_of_the_server()
    {
        var (alice, bob, _, _) = await StartAsync();
        await alice.CallAsync(bob, 4 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        _server!.Kill();
        AssertIntact(4 * Rate, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }

    [RootFact]
    public async Task A_long_transfer_over_a_punched_TCP_path_survives_the_death_of_the_server()
    {
        const long bytes = 200_000_000;
        var (alice, bob, _, _) = await StartAsync(Transports.Tcp);
        await alice.CallAsync(bob, bytes, directWithin: s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Tcp" && (long)progress["received"]! > bytes / 10);
        _server!.Kill();
        AssertIntact(bytes, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }

    [RootFact]
    public async Task A_transfer_moves_to_TCP_when_UDP_is_blocked_under_it()
    {
        var (alice, bob, aliceSite, _) = await StartAsync();

        // The first call of a process compiles what it runs, which may make the round trip over UDP look long: both have one with somebody else.
        var carol = await PeerProcess.StartAsync(Lab.AddSite(KernelNatKind.PortRestricted).AddHost("carol"), _server!, "carol");
        foreach (var (caller, called) in new[] { (alice, carol), (carol, bob) })
        {
            await caller.CallAsync(called, 1_000, directWithin: s_direct);
            await caller.WaitForAsync("done", s_patience);
            await called.WaitForAsync("answered", s_patience);
        }

        await alice.CallAsync(bob, 20 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        double blockedAt = Now;
        aliceSite.BlockUdp();
        var moved = await alice.WaitForAsync("path", s_patience, path => (string)path["kind"]! == "Tcp");
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Tcp" && (double)progress["at"]! > blockedAt + 4_000);
        // From here on it may move back.
        aliceSite.UnblockUdp();
        var done = await alice.WaitForAsync("done", s_patience);
        var answered = await bob.WaitForAsync("answered", s_patience);
        TestContext.Current.SendDiagnosticMessage($"TCP after {(double)moved["at"]! - blockedAt:0} ms, in the end {done["kind"]}, gaps {done["longestGapMs"]} and {answered["longestGapMs"]} ms");
        AssertIntact(20 * Rate, done, answered);
    }

    [RootFact]
    public async Task A_cut_path_gives_way_to_the_relay_within_two_seconds_and_comes_back_within_ten_of_the_heal()
    {
        var (alice, bob, aliceSite, bobSite) = await StartAsync();
        await alice.CallAsync(bob, 16 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        double cutAt = Now;
        Lab.Cut(aliceSite.PublicAddress, bobSite.PublicAddress);
        var relayed = await alice.WaitForAsync("path", s_patience, path => (string)path["kind"]! == "Relay");
        Assert.InRange((double)relayed["at"]! - cutAt, 0, 2_000);
        await alice.WaitForAsync("progress", s_patience, progress => (double)progress["at"]! > cutAt + 4_000);
        double healedAt = Now;
        Lab.Heal(aliceSite.PublicAddress, bobSite.PublicAddress);
        var direct = await alice.WaitForAsync("path", s_patience, path => (string)path["kind"]! == "Udp");
        Assert.InRange((double)direct["at"]! - healedAt, 0, 10_000);
        var done = await alice.WaitForAsync("done", s_patience);
        var answered = await bob.WaitForAsync("answered", s_patience);
        TestContext.Current.SendDiagnosticMessage($"relay after {(double)relayed["at"]! - cutAt:0} ms, direct {(double)direct["at"]! - healedAt:0} ms after the heal, gaps {done["longestGapMs"]} and {answered["longestGapMs"]} ms");
        AssertIntact(16 * Rate, done, answered);
        Assert.InRange((double)done["longestGapMs"]!, 0, 2_000);
        Assert.InRange((double)answered["longestGapMs"]!, 0, 2_000);
    }

    [RootFact]
    public async Task A_replaced_address_costs_at_most_five_seconds()
    {
        var lan = Lab.AddSite(KernelNatKind.PortRestricted);
        var host = lan.AddHost("alice");
        _server = await ServerProcess.StartAsync(Lab);
        var alice = await PeerProcess.StartAsync(host, _server, "alice");
        var bob = await PeerProcess.StartAsync(Lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), _server, "bob");
        await alice.CallAsync(bob, 8 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        double changedAt = Now;
        host.ReplaceAddress(IPAddress.Parse("192.168.1.77"));
        var registered = await alice.WaitForAsync("registered", s_patience);
        Assert.InRange((double)registered["at"]! - changedAt, 0, 5_000);
        var done = await alice.WaitForAsync("done", s_patience);
        var answered = await bob.WaitForAsync("answered", s_patience);
        TestContext.Current.SendDiagnosticMessage($"registered after {(double)registered["at"]! - changedAt:0} ms, gaps {done["longestGapMs"]} and {answered["longestGapMs"]} ms");
        AssertIntact(8 * Rate, done, answered);
        Assert.InRange((double)done["longestGapMs"]!, 0, 5_000);
        Assert.InRange((double)answered["longestGapMs"]!, 0, 5_000);
    }

    [RootFact]
    public async Task A_relayed_transfer_survives_the_restart_of_the_server()
    {
        var (alice, bob, _, _) = await StartAsync(Transports.None);
        await alice.CallAsync(bob, 6 * Rate, Rate);
        await alice.WaitForAsync("progress", s_patience, progress => (long)progress["received"]! > Rate);
        _server!.Kill();
        await _server.StartAsync();
        AssertIntact(6 * Rate, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    private static void AssertIntact(long bytes, params JsonNode[] reports)
    {
        foreach (var report in reports) Assert.Equal((true, bytes), ((bool)report["intact"]!, (long)report["received"]!));
    }

    private async Task<(PeerProcess Alice, PeerProcess Bob, KernelSite AliceSite, KernelSite BobSite)> StartAsync(Transports transports = Transports.All)
    {
        var (aliceSite, bobSite) = (Lab.AddSite(KernelNatKind.PortRestricted), Lab.AddSite(KernelNatKind.PortRestricted));
        _server = await ServerProcess.StartAsync(Lab);
        var alice = await PeerProcess.StartAsync(aliceSite.AddHost("alice"), _server, "alice", transports);
        var bob = await PeerProcess.StartAsync(bobSite.AddHost("bob"), _server, "bob", transports);
        return (alice, bob, aliceSite, bobSite);
    }
}
