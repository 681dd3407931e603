using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.Scenarios.Peer;

/// <summary>A transfer goes on, whole and in order, while the session moves between UDP, TCP and the relay.</summary>
public sealed class TcpMoveTests
{
    private const int Size = 3_000_000;

    public static TheoryData<ulong> SeedList => TcpPair.SeedList;

    [Theory]
    [MemberData(nameof(SeedList))]
    public void UDP_that_is_blocked_in_mid_transfer_gives_way_to_TCP_and_comes_back_later(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair);

        TcpPair.BlockUdp(pair, true);
        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        long before = pair.Bob.BytesReceived;
        Assert.True(pair.Until(() => pair.Bob.BytesReceived > before + 50_000, 3), "the transfer goes on by TCP");

        TcpPair.BlockUdp(pair, false);
        Assert.True(pair.Until(pair.IsOnUdp, 90), pair.Say());
        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void UDP_that_is_blocked_for_a_moment_is_used_again_without_a_new_punch(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair);
        TcpPair.BlockUdp(pair, true);
        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        pair.Net.KillServer(); // who could begin one

        TcpPair.BlockUdp(pair, false);
        Assert.True(pair.Until(() => pair.Kind() == PathKind.Udp, 10), pair.Say());
        AssertArrived(pair, sent);
        Assert.True(pair.Until(pair.IsOnUdp, 60), pair.Say()); // whose proofs stood in the queue of the transfer has a longer pause by now
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void UDP_that_is_blocked_when_the_server_is_gone_gives_way_to_the_spare(ulong seed)
    {
        var pair = Direct(seed);
        byte[] sent = StartTransfer(pair);

        pair.Net.KillServer();
        pair.Net.Simulation.RunFor(TimeSpan.FromMilliseconds(500));
        TcpPair.BlockUdp(pair, true);

        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        AssertArrived(pair, sent);
        Assert.True(pair.IsOnTcp());
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void The_server_may_die_under_a_TCP_path(ulong seed)
    {
        var pair = OnTcp(seed);
        byte[] sent = StartTransfer(pair);

        pair.Net.KillServer();

        AssertArrived(pair, sent);
        Assert.True(pair.IsOnTcp());
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_TCP_path_that_is_cut_is_left_for_the_relay_and_found_again(ulong seed)
    {
        var pair = OnTcp(seed);
        byte[] sent = StartTransfer(pair);
        var cut = pair.Net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host);
        long before = pair.Bob.BytesReceived;

        Assert.True(pair.Until(() => pair.Bob.BytesReceived > before + 100_000, 6), "the transfer goes on over the relay");
        Assert.Equal(PathKind.Relay, pair.Kind());
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(45));
        cut.Heal();
        Assert.True(pair.Until(pair.IsOnTcp, 12), pair.Say());

        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_host_that_changes_its_address_is_back_on_TCP_within_six_seconds(ulong seed)
    {
        var pair = OnTcp(seed);
        byte[] sent = StartTransfer(pair);

        pair.Alice.Host.SetAddresses("192.168.1.77");
        Assert.True(
            pair.Until(() => pair.Alice.TimeOf<PeerEvent.PathChanged>(static path => path.Path.Local?.SameHost(TransportAddress.Parse("192.168.1.77:0")) == true) is not null, 6), pair.Say());

        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_NAT_that_forgets_everything_is_passed_again(ulong seed)
    {
        var pair = OnTcp(seed);
        byte[] sent = StartTransfer(pair);

        ((NatTable)pair.Alice.Host.Network.Gateway!.Nat!).Reset();

        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(15));
        Assert.True(pair.Until(pair.IsOnTcp, 15), pair.Say());
        AssertArrived(pair, sent);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Who_is_on_TCP_for_UDP_is_blocked_does_not_hammer_and_sees_when_it_is_not(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, true, false).Call();
        Assert.True(pair.Until(pair.IsOnTcp, 5), pair.Say());
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(10));

        Assert.True(pair.IsOnTcp());
        Assert.InRange(pair.Alice.Events.Count(static entry => entry.Event is PeerEvent.PairFound), 1, 1);
        TcpPair.BlockUdp(pair, false);
        Assert.True(pair.Until(pair.IsOnUdp, 120), pair.Say()); // the probe asks a silent network every half minute
        pair.AssertCarries();
    }

    private static PeerPair Direct(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false).Call();
        Assert.True(pair.Until(pair.IsOnUdp, 3), "direct");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));
        return pair;
    }

    private static PeerPair OnTcp(ulong seed)
    {
        var pair = TcpPair.BehindNats(seed, false, false, TcpPair.TcpOnly).Call();
        Assert.True(pair.Until(pair.IsOnTcp, 3), pair.Say());
        return pair;
    }

    private static byte[] StartTransfer(PeerPair pair)
    {
        byte[] sent = PeerPair.Payload(Size);
        pair.Alice.Host.Network.Gateway!.Link.Up = pair.Alice.Host.Network.Gateway.Link.Up with { BitsPerSecond = 1_000_000 };
        pair.Alice.Send(pair.Connection, sent);
        Assert.True(pair.Until(() => pair.Bob.BytesReceived > Size / 30, 10), "the transfer has begun");
        return sent;
    }

    private static void AssertArrived(PeerPair pair, byte[] sent)
    {
        Assert.True(pair.Until(() => pair.Bob.BytesReceived >= sent.Length, 150), $"{pair.Bob.BytesReceived} of {sent.Length} bytes arrived");
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(sent, Assert.Single(pair.Bob.Received));
    }
}
