using System.Net;
using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Places beyond the matrix: what else a direct UDP path may have to find its way through, on real kernels.</summary>
public sealed class PlaceTests
{
    private const int Bytes = 100_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_search = TimeSpan.FromSeconds(45);

    [RootFact]
    public async Task Two_symmetric_NATs_do_not_matter_where_there_is_IPv6_behind_firewalls()
    {
        using var lab = new KernelLab();
        var (alice, bob) = (lab.AddSite(KernelNatKind.Symmetric).AddHost("alice"), lab.AddSite(KernelNatKind.Symmetric).AddHost("bob"));
        var done = await CallAsync(lab, alice, bob, serverAddress: "::");
        Assert.Equal("Udp", (string)done["kind"]!);
        Assert.StartsWith($"[{bob.Address6}]:", (string)done["remote"]!, StringComparison.Ordinal);
    }

    [RootFact]
    public async Task Two_customers_of_one_carrier_meet_at_its_hairpin()
    {
        using var lab = new KernelLab(ipv6: false);
        var carrier = lab.AddCarrier(KernelNatKind.FullCone, hairpin: true);
        var (alice, bob) = (lab.AddSite(KernelNatKind.PortRestricted, carrier), lab.AddSite(KernelNatKind.PortRestricted, carrier));
        var done = await CallAsync(lab, alice.AddHost("alice"), bob.AddHost("bob"));
        Assert.Equal("Udp", (string)done["kind"]!);
    }

    [RootFact]
    public async Task Two_local_networks_with_the_same_numbers_are_told_apart()
    {
        using var lab = new KernelLab(ipv6: false);
        var network = IPAddress.Parse("192.168.1.0");
        var bobs = lab.AddSite(KernelNatKind.PortRestricted, network: network);
        var alices = lab.AddSite(KernelNatKind.PortRestricted, network: network);
        var done = await CallAsync(lab, alices.AddHost("alice"), bobs.AddHost("bob"));
        Assert.Equal("Udp", (string)done["kind"]!);
        Assert.StartsWith($"{bobs.PublicAddress}:", (string)done["remote"]!, StringComparison.Ordinal);
    }

    // Whether the peer's packet is early is a race that nobody decides; a full cone takes the packets from whatever port they then come.
    [RootFact]
    public async Task A_router_that_takes_early_packets_for_its_own_still_reaches_a_full_cone()
    {
        using var lab = new KernelLab(ipv6: false);
        var done = await CallAsync(lab, lab.AddSite(KernelNatKind.Poisonable).AddHost("alice"), lab.AddSite(KernelNatKind.FullCone).AddHost("bob"));
        Assert.Equal("Udp", (string)done["kind"]!);
    }

    private static async Task<JsonNode> CallAsync(KernelLab lab, KernelHost alice, KernelHost bob, string serverAddress = "0.0.0.0")
    {
        using var server = await ServerProcess.StartAsync(lab, serverAddress);
        var called = await PeerProcess.StartAsync(bob, server, "bob", Transports.Udp);
        var caller = await PeerProcess.StartAsync(alice, server, "alice", Transports.Udp);
        await caller.CallAsync(called, Bytes, directWithin: s_search);
        var done = await caller.WaitForAsync("done", s_patience);
        Assert.True((bool)done["intact"]!);
        return done;
    }
}
