using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Matrix;
using Porthole.Protocol;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>Gateways that answer anything but what they should: a line in what the peer says, and no more.</summary>
public sealed class HostileGatewayTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    [RootFact]
    public async Task Every_wrong_answer_is_one_line_and_the_peer_connects_as_ever()
    {
        using var lab = new KernelLab(ipv6: false);
        var site = lab.AddSite(KernelNatKind.PortRestricted);
        using var gateway = HostileGateway.Start(site);
        using var server = await ServerProcess.StartAsync(lab);
        Mischief[] kinds = Enum.GetValues<Mischief>();
        var peers = new List<PeerProcess>();
        foreach (var kind in kinds) peers.Add(await PeerProcess.StartAsync(site.AddHost($"host{(int)kind}"), server, $"{kind}".ToLowerInvariant(), Transports.Udp));

        foreach (var kind in kinds)
        {
            var told = await peers[(int)kind].WaitForAsync("mapped", s_patience); // seconds after the registration: what does not answer is asked again
            Assert.Empty(told["ports"]!.AsArray());
            Assert.Equal($"{site.Gateway} maps no ports: {Expected(kind)}", (string)told["problem"]!);
        }

        Assert.NotEqual(0, gateway.Searches);
        var alice = await PeerProcess.StartAsync(lab.AddSite(KernelNatKind.PortRestricted).AddHost("alice"), server, "alice", Transports.Udp);
        await alice.CallAsync(peers[0], 10_000, directWithin: TimeSpan.FromSeconds(45));
        var done = await alice.WaitForAsync("done", s_patience);
        Assert.Equal("Udp", (string)done["kind"]!);
    }

    private static string Expected(Mischief kind) => kind switch
    {
        Mischief.Huge => "PCP: no answer; NAT-PMP: no answer; UPnP: its web server's answer is longer than 64 kB.",
        Mischief.Slow => "PCP: no answer; NAT-PMP: no answer; UPnP: its web server does not answer within 3 s.",
        Mischief.Malformed => "PCP: no answer; NAT-PMP: no answer; UPnP: its web server's answer is no HTTP.",
        Mischief.Redirecting => "PCP: no answer; NAT-PMP: no answer; UPnP: its web server redirects.",
        Mischief.Elsewhere => "PCP: no answer; NAT-PMP: no answer; UPnP: its answer leads to another host.",
        Mischief.Bomb => "PCP: no answer; NAT-PMP: no answer; UPnP: its description cannot be read.",
        Mischief.Lying => "PCP: it maps port 22, which is a service's; NAT-PMP: no answer; UPnP: its web server's answer is no HTTP.",
    };
}
