using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>What happens to a transfer when something breaks under it: nothing is lost, and nothing comes twice.</summary>
public sealed class DisruptionTests : DisruptionLab
{
    [RootFact]
    public async Task A_direct_transfer_survives_the_death_of_the_server()
    {
        var (alice, bob, _, _) = await StartAsync(Transports.Udp);
        await alice.CallAsync(bob, 4 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        Server!.Kill();
        AssertIntact(4 * Rate, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }

    [RootFact]
    public async Task A_long_transfer_over_a_punched_TCP_path_survives_the_death_of_the_server()
    {
        const long bytes = 200_000_000;
        var (alice, bob, _, _) = await StartAsync(Transports.Tcp);
        await alice.CallAsync(bob, bytes, directWithin: s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Tcp" && (long)progress["received"]! > bytes / 10);
        Server!.Kill();
        AssertIntact(bytes, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }

    [RootFact]
    public async Task A_transfer_moves_to_TCP_when_UDP_is_blocked_under_it()
    {
        var (alice, bob, aliceSite, _) = await StartAsync(Transports.All);

        // Both have had a call before, with somebody else, so that UDP does not look slow.
        var carol = await PeerProcess.StartAsync(Lab.AddSite(KernelNatKind.PortRestricted).AddHost("carol"), Server!, "carol");
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
    public async Task A_relayed_transfer_survives_the_restart_of_the_server()
    {
        var (alice, bob, _, _) = await StartAsync(Transports.None);
        await alice.CallAsync(bob, 6 * Rate, Rate);
        await alice.WaitForAsync("progress", s_patience, progress => (long)progress["received"]! > Rate);
        Server!.Kill();
        await Server.StartAsync();
        AssertIntact(6 * Rate, await alice.WaitForAsync("done", s_patience), await bob.WaitForAsync("answered", s_patience));
    }
}
