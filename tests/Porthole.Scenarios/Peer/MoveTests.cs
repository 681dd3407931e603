using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>A transfer goes on, whole and in order, whatever happens to the paths and the server under it.</summary>
public sealed class MoveTests
{
    private const int Size = 3_000_000;

    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, PeerPair.Seeds).Select(seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_direct_path_that_is_cut_is_left_within_two_seconds_and_found_again_within_ten(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair, Size);
        var cut = pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host);
        long before = pair.Bob.BytesReceived;

        Assert.True(pair.Until(() => pair.Bob.BytesReceived > before + 100_000, 2.5), "the transfer goes on over the relay");
        Assert.Equal(PathKind.Relay, pair.Alice.PathOf(pair.Connection)!.Kind);
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(60)); // long enough for the pauses between punches to have grown
        cut.Heal();
        Assert.True(pair.Until(() => pair.IsDirect, 10), "direct again");

        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void The_server_may_die_under_a_direct_session(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair, Size);

        pair.Net.KillServer();

        AssertArrived(pair, sent);
        Assert.True(pair.IsDirect);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_host_that_changes_its_address_is_back_within_five_seconds(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair, Size);

        pair.Alice.Host.SetAddresses("192.168.1.77");
        var changed = pair.Net.Simulation.Now;
        Assert.True(pair.Until(() => pair.Alice.TimeOf<PeerEvent.PathChanged>(path => path.Path.Local?.SameHost(TransportAddress.Parse("192.168.1.77:0")) == true) is not null, 5), "a direct path from the new address");
        Assert.True(pair.Net.Simulation.Now - changed < TimeSpan.FromSeconds(5));

        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_relayed_session_survives_a_restart_of_the_server(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, NatProfile.Symmetric, NatProfile.Symmetric).Call();
        Assert.True(pair.Until(() => pair.IsOpen, 2));
        byte[] sent = StartTransfer(pair, Size);

        pair.Net.KillServer();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));
        pair.Net.StartServer();

        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Both_call_at_once_and_there_is_one_session(ulong seed)
    {
        foreach (double lead in new[] { -30.0, -15, -1, 0, 1, 15, 30 })
        {
            var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted);
            var now = pair.Net.Simulation.Now + TimeSpan.FromMilliseconds(50);
            ConnectionHandle atAlice = default, atBob = default;
            pair.Net.Simulation.Schedule(now, () => atAlice = pair.Alice.Connect("bob"));
            pair.Net.Simulation.Schedule(now + TimeSpan.FromMilliseconds(lead), () => atBob = pair.Bob.Connect("alice"));
            Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5), $"lead {lead}");
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));

            Assert.Equal((1, 1), (Count<PeerEvent.Opened>(pair.Alice), Count<PeerEvent.Opened>(pair.Bob)));
            Assert.Equal((atAlice, atBob), (pair.Alice.Opened, pair.Bob.Opened));
            pair.Alice.Send(atAlice, PeerPair.Payload(1_000));
            pair.Bob.Send(atBob, PeerPair.Payload(2_000));
            Assert.True(pair.Until(() => pair.Bob.BytesReceived == 1_000 && pair.Alice.BytesReceived == 2_000, 5), $"lead {lead}");
        }
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_lossy_network_costs_time_but_no_byte(ulong seed)
    {
        var rough = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Jitter = TimeSpan.FromMilliseconds(20), Loss = 0.05, Duplication = 0.01 };
        var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: rough);
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: rough);
        var pair = PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10"), net.AddPeer("bob", other.Inside, "192.168.1.20")).Call();
        Assert.True(pair.Until(() => pair.IsDirect, 10));
        byte[] sent = PeerPair.Payload(300_000);
        pair.Alice.Send(pair.Connection, sent);

        AssertArrived(pair, sent);
    }

    private static int Count<T>(SimulatedPeer peer) => peer.Events.Count(entry => entry.Event is T);

    private static PeerPair Direct(ulong seed)
    {
        var pair = PeerPair.BehindNats(seed, NatProfile.PortRestricted, NatProfile.PortRestricted).Call();
        Assert.True(pair.Until(() => pair.IsDirect, 3), "direct");
        return pair;
    }

    /// <summary>Starts to send, and returns when some of it has arrived and most has not.</summary>
    private static byte[] StartTransfer(PeerPair pair, int size)
    {
        byte[] sent = PeerPair.Payload(size);
        pair.Alice.Host.Network.Gateway!.Link.Up = pair.Alice.Host.Network.Gateway.Link.Up with { BitsPerSecond = 2_000_000 };
        pair.Alice.Send(pair.Connection, sent);
        Assert.True(pair.Until(() => pair.Bob.BytesReceived > size / 30, 10), "the transfer has begun");
        Assert.True(pair.Bob.BytesReceived < size / 2);
        return sent;
    }

    private static void AssertArrived(PeerPair pair, byte[] sent)
    {
        Assert.True(pair.Until(() => pair.Bob.BytesReceived >= sent.Length, 90), $"{pair.Bob.BytesReceived} of {sent.Length} bytes arrived");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(sent, Assert.Single(pair.Bob.Received));
    }
}
