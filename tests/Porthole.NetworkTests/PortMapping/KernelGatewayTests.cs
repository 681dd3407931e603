using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;
using Porthole.Protocol;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>Two peers, one of them behind a router with a real daemon that maps ports.</summary>
public sealed class KernelGatewayTests
{
    private const int Bytes = 100_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_search = TimeSpan.FromSeconds(45);

    // Of two symmetric NATs no guess finds a way: what is direct there is so by the mapping.
    [MiniupnpdTheory]
    [InlineData("Pcp", KernelNatKind.PortRestricted)]
    [InlineData("NatPmp", KernelNatKind.PortRestricted)]
    [InlineData("Upnp", KernelNatKind.PortRestricted)]
    [InlineData("Pcp", KernelNatKind.Symmetric)]
    public async Task A_mapping_makes_a_direct_path_and_is_given_back(string protocol, KernelNatKind kind)
    {
        using var lab = new KernelLab(ipv6: false);
        var site = lab.AddSite(kind);
        using var gateway = await Miniupnpd.StartAsync(site, protocol);
        using var server = await ServerProcess.StartAsync(lab);
        var bob = await PeerProcess.StartAsync(site.AddHost("bob"), server, "bob", Transports.Udp, until: "mapped");
        var mapped = bob.Started;
        Assert.Equal(protocol, (string)mapped["ports"]![0]!["protocol"]!);
        var external = TransportAddress.Parse((string)mapped["ports"]![0]!["external"]!);
        Assert.Equal(Miniupnpd.ClaimedAddress, external.Address.ToString());

        var alice = await PeerProcess.StartAsync(lab.AddSite(KernelNatKind.Symmetric).AddHost("alice"), server, "alice", Transports.Udp);
        await alice.CallAsync(bob, Bytes, directWithin: s_search);
        var done = await alice.WaitForAsync("done", s_patience);
        Assert.True((bool)done["intact"]!);
        Assert.Equal("Udp", (string)done["kind"]!);
        Assert.Equal($"{site.PublicAddress}:{external.Port}", (string)done["remote"]!);

        Assert.Equal(1, gateway.CountMappings());
        await bob.StopAsync(s_patience);
        await Eventually.AssertAsync(() => gateway.CountMappings() == 0, "the mapping is given back");
    }

    [MiniupnpdTheory]
    [InlineData("Pcp")]
    [InlineData("Upnp")]
    public async Task A_mapping_of_TCP_is_connected_to(string protocol)
    {
        using var lab = new KernelLab(ipv6: false);
        var site = lab.AddSite(KernelNatKind.Symmetric);
        using var gateway = await Miniupnpd.StartAsync(site, protocol);
        using var server = await ServerProcess.StartAsync(lab);
        var bob = await PeerProcess.StartAsync(site.AddHost("bob"), server, "bob", Transports.Tcp, until: "mapped");
        var alice = await PeerProcess.StartAsync(lab.AddSite(KernelNatKind.Symmetric).AddHost("alice"), server, "alice", Transports.Tcp);

        await alice.CallAsync(bob, Bytes, directWithin: s_search);

        var done = await alice.WaitForAsync("done", s_patience);
        Assert.True((bool)done["intact"]!);
        Assert.Equal("Tcp", (string)done["kind"]!);
        await bob.StopAsync(s_patience);
        await Eventually.AssertAsync(() => gateway.CountMappings() == 0, "the mapping is given back");
    }
}
