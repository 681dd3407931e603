using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>How long a connection takes, in virtual time: r is one way to the server, d one way between the peers.</summary>
public sealed class TimingTests
{
    private const double Slack = 10;

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(50)]
    [InlineData(100)]
    public void Two_port_restricted_peers_meet_in_the_fewest_trips(double linkDelay)
    {
        double r = 2 * linkDelay, d = 2 * linkDelay;
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted, linkDelay, linkDelay, linkDelay).Call();
            Assert.True(pair.Until(() => pair.IsDirect, 5));

            Assert.InRange(pair.After<PeerEvent.Opened>(), 4 * r, 4 * r + Slack);
            Assert.InRange(pair.After<PeerEvent.PairFound>(), 2 * r + 2 * d, 2 * r + 2 * d + Slack);
            Assert.InRange(pair.After<PeerEvent.PathChanged>(changed => changed.Path.Kind == PathKind.Udp), 2 * r + 4 * d, 2 * r + 4 * d + Slack);
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(50)]
    [InlineData(100)]
    public void Two_port_restricted_peers_meet_over_TCP_one_round_trip_later(double linkDelay)
    {
        double r = 2 * linkDelay, d = 2 * linkDelay;
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted, linkDelay, linkDelay, linkDelay, TcpPair.TcpOnly).Call();
            Assert.True(pair.Until(() => pair.IsDirect, 5));

            Assert.InRange(pair.After<PeerEvent.Opened>(), 4 * r, 4 * r + Slack);
            Assert.InRange(pair.After<PeerEvent.PairFound>(), 2 * r + 4 * d, 2 * r + 4 * d + Slack);
            Assert.InRange(pair.After<PeerEvent.PathChanged>(changed => changed.Path.Kind == PathKind.Tcp), 2 * r + 4 * d, 2 * r + 4 * d + Slack);
        }
    }

    [Theory]
    [InlineData(10, 40)]
    [InlineData(40, 10)]
    [InlineData(5, 90)]
    public void Peers_at_different_distances_start_together(double aliceDelay, double bobDelay)
    {
        const double ServerDelay = 10;
        double near = aliceDelay + ServerDelay, far = bobDelay + ServerDelay, d = aliceDelay + bobDelay;
        for (ulong seed = 1; seed <= (ulong)PeerPair.Seeds; seed++)
        {
            var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted, aliceDelay, bobDelay, ServerDelay).Call();
            Assert.True(pair.Until(() => pair.IsDirect, 5));

            // The request takes r_a; then both wait for the one that is farther from the server: each max(r_a, r_b) − own r.
            double start = near + Math.Max(near, far);
            Assert.InRange(pair.After<PeerEvent.PairFound>(), start + 2 * d, start + 2 * d + Slack);
        }
    }
}
