using Porthole.Lab.Nat;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>NATs that forget sooner than most, peers that have nothing to say, and what holds their paths open.</summary>
public sealed class KeepAliveTests
{
    [Theory]
    [InlineData(65, 60)]
    [InlineData(13, 10)]
    public void The_lifetime_is_measured_in_the_background_and_told(int lifetime, int expected)
    {
        var pair = Behind(Forgetful(lifetime));
        Assert.Null(pair.Alice.Machine.Nat!.Lifetime);

        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(12));

        Assert.Equal(TimeSpan.FromSeconds(expected), pair.Alice.Machine.Nat!.Lifetime);
        long before = pair.Alice.Host.Traffic.Sent;
        pair.Net.Simulation.RunFor(TimeSpan.FromHours(1));
        Assert.InRange(pair.Alice.Host.Traffic.Sent - before, 60, 60 * 12); // refreshes alone: it is measured once a day
    }

    [Theory]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(31)]
    [InlineData(120)]
    public void An_idle_direct_path_outlives_hours_of_silence(int lifetime)
    {
        var pair = Behind(Forgetful(lifetime));
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(12));
        pair.Call();
        Assert.True(pair.Until(() => pair.IsDirect, 5), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(2));
        int changes = pair.Alice.Events.Count(static entry => entry.Event is PeerEvent.PathChanged);

        pair.Net.Simulation.RunFor(TimeSpan.FromHours(2));

        Assert.True(pair.IsDirect);
        Assert.Equal(changes, pair.Alice.Events.Count(static entry => entry.Event is PeerEvent.PathChanged));
        pair.AssertCarries();
    }

    [Fact]
    public void An_idle_path_costs_less_where_the_NAT_remembers_longer()
    {
        var pair = Behind(Forgetful(125));
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(12));
        pair.Call();
        Assert.True(pair.Until(() => pair.IsDirect, 5), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(2));
        long before = pair.Alice.Host.Traffic.Sent;

        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));

        // Ten minutes: consent every 20 s and its answer to the other's, a PING every 20 s with its acknowledgement, refreshes at the server every 23 s; kept spare pairs as well.
        Assert.InRange(pair.Alice.Host.Traffic.Sent - before, 60, 260);
    }

    /// <summary>
    /// The first two times the mapping dies under the session, which survives on the relay; the third time it has moved before.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Before_a_mapping_dies_of_age_the_session_has_moved_to_another_port(ulong seed)
    {
        var ageing = NatProfile.PortRestricted with { Name = "ageing", MaxMappingAge = TimeSpan.FromMinutes(10), Allocation = new PortAllocation.Random() };
        var pair = PeerPair.BehindNats(seed, ageing, NatProfile.PortRestricted, change: static options => options with { Transports = Protocol.Transports.Udp }).Call();
        Assert.True(pair.Until(() => pair.IsDirect, 5), pair.Say());
        Chatter(pair, TimeSpan.FromMinutes(25));
        int losses = Losses();
        Assert.InRange(losses, 1, 2 * 2);

        Chatter(pair, TimeSpan.FromMinutes(60));

        Assert.Equal(losses, Losses());
        Assert.True(pair.IsDirect);
        Assert.True(pair.Alice.Events.Count(static entry => entry.Event is PeerEvent.PathChanged) > 5, "it has moved again and again");

        int Losses() => pair.Alice.Events.Count(static entry => entry.Event is PeerEvent.VerdictChanged { Verdict.Reason: Protocol.VerdictReason.PathLost });
    }

    /// <summary>A message each way every second.</summary>
    private static void Chatter(PeerPair pair, TimeSpan time)
    {
        byte[] message = PeerPair.Payload(100);
        for (int second = 0; second < time.TotalSeconds; second++)
        {
            pair.Alice.Invoke((machine, now) => machine.TrySendDatagram(now, pair.Connection, message));
            pair.Bob.Invoke((machine, now) => machine.TrySendDatagram(now, pair.Bob.Opened, message));
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));
        }
    }

    private static NatProfile Forgetful(int seconds) =>
        NatProfile.PortRestricted with { UnrepliedLifetime = TimeSpan.FromSeconds(seconds), RepliedLifetime = TimeSpan.FromSeconds(seconds) };

    private static PeerPair Behind(NatProfile profile) => PeerPair.BehindNats(1, profile, profile, change: static options => options with { Transports = Protocol.Transports.Udp });
}
