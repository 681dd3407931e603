using System.Net;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>
/// How long the gap is when something breaks under a transfer. On an idle machine a dead path costs two seconds at most, and a new address five; here a multiple is demanded, and what was
/// measured is told. Alone, because it measures time.
/// </summary>
[Collection<Alone>]
public sealed class GapTests : DisruptionLab
{
    /// <summary>Twice what a dead path, and what a new address may cost on an idle machine.</summary>
    private const double DeadPath = 4_000, NewAddress = 10_000;

    /// <summary>Within so much a healed path is used again.</summary>
    private const double Healed = 10_000;

    [RootFact]
    public async Task A_cut_path_gives_way_to_the_relay_and_comes_back_after_the_heal()
    {
        var (alice, bob, aliceSite, bobSite) = await StartAsync(Transports.Udp);
        await alice.CallAsync(bob, 16 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        Lab.Cut(aliceSite.PublicAddress, bobSite.PublicAddress);
        double cutAt = Now;
        var relayed = await alice.WaitForAsync("path", s_patience, path => (string)path["kind"]! == "Relay");
        Assert.True((double)relayed["at"]! - cutAt <= DeadPath, $"relay after {(double)relayed["at"]! - cutAt:0} ms");
        await alice.WaitForAsync("progress", s_patience, progress => (double)progress["at"]! > cutAt + 4_000);
        Lab.Heal(aliceSite.PublicAddress, bobSite.PublicAddress);
        double healedAt = Now;
        var direct = await alice.WaitForAsync("path", s_patience, path => (string)path["kind"]! == "Udp");
        Assert.True((double)direct["at"]! - healedAt <= Healed, $"direct {(double)direct["at"]! - healedAt:0} ms after the heal");
        var done = await alice.WaitForAsync("done", s_patience);
        var answered = await bob.WaitForAsync("answered", s_patience);
        TestContext.Current.SendDiagnosticMessage($"relay after {(double)relayed["at"]! - cutAt:0} ms, direct {(double)direct["at"]! - healedAt:0} ms after the heal, gaps {done["longestGapMs"]} and {answered["longestGapMs"]} ms");
        AssertIntact(16 * Rate, done, answered);
        Assert.InRange((double)done["longestGapMs"]!, 0, DeadPath);
        Assert.InRange((double)answered["longestGapMs"]!, 0, DeadPath);
    }

    [RootFact]
    public async Task A_replaced_address_costs_a_few_seconds()
    {
        var lan = Lab.AddSite(KernelNatKind.PortRestricted);
        var host = lan.AddHost("alice");
        Server = await ServerProcess.StartAsync(Lab);
        var alice = await PeerProcess.StartAsync(host, Server, "alice", Transports.Udp);
        var bob = await PeerProcess.StartAsync(Lab.AddSite(KernelNatKind.PortRestricted).AddHost("bob"), Server, "bob", Transports.Udp);
        await alice.CallAsync(bob, 8 * Rate, Rate, s_direct);
        await alice.WaitForAsync("progress", s_patience, progress => (string)progress["kind"]! == "Udp" && (long)progress["received"]! > Rate);
        host.ReplaceAddress(IPAddress.Parse("192.168.1.77"));
        double changedAt = Now;
        var registered = await alice.WaitForAsync("registered", s_patience);
        Assert.True((double)registered["at"]! - changedAt <= NewAddress, $"registered after {(double)registered["at"]! - changedAt:0} ms");
        var done = await alice.WaitForAsync("done", s_patience);
        var answered = await bob.WaitForAsync("answered", s_patience);
        TestContext.Current.SendDiagnosticMessage($"registered after {(double)registered["at"]! - changedAt:0} ms, gaps {done["longestGapMs"]} and {answered["longestGapMs"]} ms");
        AssertIntact(8 * Rate, done, answered);
        Assert.InRange((double)done["longestGapMs"]!, 0, NewAddress);
        Assert.InRange((double)answered["longestGapMs"]!, 0, NewAddress);
    }
}
