using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>How long a connection takes, in virtual time: r is one way to the server, d one way between the peers.</summary>
public sealed class TimingTests
{
    private static readonly TimeSpan s_slack = TimeSpan.FromMilliseconds(10);

    [Theory]
    [InlineData(10, 10)]
    [InlineData(20, 20)]
    [InlineData(50, 50)]
    public void Two_port_restricted_peers_meet_in_the_fewest_trips(double hostDelay, double serverDelay)
    {
        var net = new PeerInternet(seed: 1, LinkOptions.WithDelay(serverDelay));
        var alice = AddBehindNat(net, "alice", "203.0.113.1", hostDelay);
        var bob = AddBehindNat(net, "bob", "203.0.113.2", hostDelay);
        Assert.True(net.Simulation.RunUntil(() => alice.IsRegistered && bob.IsRegistered, TimeSpan.FromSeconds(5)));
        net.Simulation.RunFor(TimeSpan.FromSeconds(1));

        var start = net.Simulation.Now;
        var connection = alice.Connect("bob");
        var r = TimeSpan.FromMilliseconds(hostDelay + serverDelay);
        var d = TimeSpan.FromMilliseconds(2 * hostDelay);
        Assert.True(net.Simulation.RunUntil(() => alice.PathOf(connection)?.Kind == PathKind.Udp, TimeSpan.FromSeconds(5)));

        Assert.InRange(alice.TimeOf<PeerEvent.Opened>()!.Value - start, TimeSpan.Zero, 4 * r + s_slack);
        Assert.InRange(alice.TimeOf<PeerEvent.PairFound>()!.Value - start, 2 * r + 2 * d, 2 * r + 2 * d + s_slack);
        Assert.InRange(alice.TimeOf<PeerEvent.PathChanged>(changed => changed.Path.Kind == PathKind.Udp)!.Value - start, 2 * r + 4 * d, 2 * r + 4 * d + s_slack);
    }

    private static SimulatedPeer AddBehindNat(PeerInternet net, string name, string external, double delay)
    {
        var nat = net.Simulation.Internet.AddNat($"nat of {name}", NatProfile.PortRestricted, external, link: LinkOptions.WithDelay(delay));
        return net.AddPeer(name, nat.Inside, "192.168.1.10");
    }
}
