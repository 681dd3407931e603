using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Scenarios.Peer;

/// <summary>Everything that can happen to a network, one thing after the other and several at once: no byte is lost or doubled, and when it is over nothing is left.</summary>
public sealed class TroubleTests
{
    private const int Size = 1_500_000;

    /// <summary>
    /// A few, and those that found something: 17 a lost close, 23 a probe that waited for a congested socket and kept its timer, 206 and 311 proofs of a new server
    /// that were held back.
    /// </summary>
    public static TheoryData<ulong> SeedList => [.. Enumerable.Range(1, 2 * PeerPair.Seeds).Select(seed => (ulong)seed).Union(new ulong[] { 17, 23, 206, 311 })];

    [Theory]
    [MemberData(nameof(SeedList))]
    public void A_transfer_survives_every_mixture_of_troubles_and_ends_direct(ulong seed)
    {
        var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
        var link = LinkOptions.WithDelay(10) with { Jitter = TimeSpan.FromMilliseconds(5), Loss = 0.01 };
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: link);
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: link);
        var patient = new SessionOptions { KeepAlive = TimeSpan.FromSeconds(15), IdleTimeout = TimeSpan.FromMinutes(2) };
        var pair = PeerPair.Warm(
            net,
            net.AddPeer("alice", one.Inside, "192.168.1.10", change: options => options with { Session = patient }),
            net.AddPeer("bob", other.Inside, "192.168.1.20", change: options => options with { Session = patient })).Call();
        Assert.True(pair.Until(() => pair.IsOpen && pair.Alice.Find<PeerEvent.Confirmed>() is not null, 10)); // a handshake has its own, shorter patience
        byte[] there = PeerPair.Payload(Size), back = PeerPair.Payload(Size, salt: 7);
        one.Link.Up = one.Link.Up with { BitsPerSecond = 400_000 };
        other.Link.Up = other.Link.Up with { BitsPerSecond = 400_000 };
        pair.Alice.Send(pair.Connection, there);
        pair.Bob.Send(pair.Bob.Opened, back);

        var chance = SeededEntropy.ForStream(seed, 99);
        var cuts = new List<NetworkCut>();
        bool isServerUp = true;
        for (int i = 0; i < 12; i++)
        {
            switch (chance.NextInt32(0, 8))
            {
                case 0:
                    cuts.Add(net.Simulation.CutDirect(pair.Alice.Host, pair.Bob.Host));
                    break;
                case 1:
                    foreach (var cut in cuts) cut.Heal();
                    cuts.Clear();
                    break;
                case 2:
                    if (isServerUp) net.KillServer();
                    else net.StartServer();
                    isServerUp = !isServerUp;
                    break;
                case 3:
                    pair.Alice.Host.SetAddresses($"192.168.1.{chance.NextInt32(100, 120)}");
                    break;
                case 4:
                    pair.Bob.Host.SetAddresses($"192.168.1.{chance.NextInt32(200, 220)}");
                    break;
                case 5:
                    ((NatTable)one.Nat!).Reset();
                    break;
                case 6:
                    other.Link.IsUp = !other.Link.IsUp;
                    break;
                case 7:
                    one.Link.BlocksUdp = !one.Link.BlocksUdp;
                    break;
            }

            net.Simulation.RunFor(TimeSpan.FromMilliseconds(chance.NextInt32(50, 6_000)));
        }

        foreach (var cut in cuts) cut.Heal();
        (other.Link.IsUp, one.Link.BlocksUdp) = (true, false);
        if (!isServerUp) net.StartServer();

        Assert.True(pair.Until(() => pair.Bob.BytesReceived == Size && pair.Alice.BytesReceived == Size, 240), $"{pair.Bob.BytesReceived} and {pair.Alice.BytesReceived} of {Size} bytes");
        Assert.True(pair.Until(() => pair.IsDirect, 60), "direct again");
        Assert.Equal(there, Assert.Single(pair.Bob.Received));
        Assert.Equal(back, Assert.Single(pair.Alice.Received));

        pair.Alice.Invoke((machine, now) => machine.Close(now, pair.Connection, 1, "done"));
        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Closed>() is { Error: PeerError.ClosedByPeer }, 5), "the close arrives");
        Assert.True(pair.Until(() => pair.Alice.Machine.ConnectionCount + pair.Bob.Machine.ConnectionCount == 0, 10), "nothing is left");
        AssertQuietAfterTheEnd(pair.Alice, pair.Connection);
        AssertQuietAfterTheEnd(pair.Bob, pair.Bob.Opened);
    }

    [Theory]
    [MemberData(nameof(SeedList))]
    public void Calls_in_every_direction_at_any_time_all_end_and_leave_nothing(ulong seed)
    {
        var net = new PeerInternet(seed, LinkOptions.WithDelay(10));
        var chance = SeededEntropy.ForStream(seed, 98);
        SimulatedPeer Add(string name, AcceptPolicy accept) => net.AddPeer(
            name,
            net.Simulation.Internet.AddNat($"nat of {name}", NatProfile.PortRestricted, $"203.0.113.{name.Length}", link: LinkOptions.WithDelay(chance.NextInt32(1, 60))).Inside,
            "192.168.1.10",
            change: options => options with { Accept = accept });
        SimulatedPeer[] peers = [Add("bob", AcceptPolicy.Ask), Add("mary", AcceptPolicy.Ask), Add("alice", AcceptPolicy.Anyone)];
        string[] names = ["bob", "mary", "alice"];
        Assert.True(net.Simulation.RunUntil(() => peers.All(static peer => peer.IsRegistered), TimeSpan.FromSeconds(5)));
        net.Simulation.RunFor(TimeSpan.FromSeconds(3));
        var calls = peers.ToDictionary(static peer => peer, static _ => new List<ConnectionHandle>());
        bool isServerUp = true;
        for (int i = 0; i < 40; i++)
        {
            int who = chance.NextInt32(0, 3);
            var peer = peers[who];
            switch (chance.NextInt32(0, 10))
            {
                case < 4:
                    calls[peer].Add(peer.Connect(names[(who + chance.NextInt32(1, 3)) % 3]));
                    break;
                case < 6:
                    foreach (var rung in peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.Incoming>().TakeLast(2).ToArray()) peer.Invoke((machine, now) => machine.Accept(now, rung.Connection));
                    break;
                case 6:
                    foreach (var rung in peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.Incoming>().TakeLast(1).ToArray()) peer.Invoke((machine, now) => machine.Refuse(now, rung.Connection));
                    break;
                case 7:
                    foreach (var call in calls[peer].TakeLast(1)) peer.Invoke((machine, now) => machine.Close(now, call, 0, ""));
                    break;
                case 8:
                    if (chance.NextInt32(0, 4) != 0) break;
                    if (isServerUp) net.KillServer();
                    else net.StartServer();
                    isServerUp = !isServerUp;
                    break;
                case 9:
                    peer.Host.SetAddresses($"192.168.1.{chance.NextInt32(20, 40)}");
                    break;
            }

            net.Simulation.RunFor(TimeSpan.FromMilliseconds(chance.NextInt32(0, 3) == 0 ? chance.NextInt32(1, 4_000) : chance.NextInt32(0, 30)));
        }

        if (!isServerUp) net.StartServer();
        net.Simulation.RunFor(TimeSpan.FromMinutes(4)); // longer than anything waits
        foreach (var peer in peers)
        {
            foreach (var call in calls[peer])
            {
                // Every call came to something, once, and nothing was told of it after its end.
                var told = peer.Events.Select(static entry => entry.Event).Where(happened => HandleOf(happened) == call).ToList();
                Assert.Single(told, static happened => happened is PeerEvent.Opened or PeerEvent.Failed);
                int end = told.FindIndex(static happened => happened is PeerEvent.Closed or PeerEvent.Failed);
                Assert.True(end < 0 || end == told.Count - 1, $"{call} goes on after its end");
                peer.Invoke((machine, now) => machine.Close(now, call, 0, ""));
            }
        }

        net.Simulation.RunFor(TimeSpan.FromMinutes(1));
        Assert.All(peers, static peer => Assert.Equal(0, peer.Machine.ConnectionCount));
    }

    private static void AssertQuietAfterTheEnd(SimulatedPeer peer, ConnectionHandle connection)
    {
        var last = peer.Events.Select(static entry => entry.Event).Last(happened => HandleOf(happened) == connection);
        Assert.IsType<PeerEvent.Closed>(last);
    }

    private static ConnectionHandle? HandleOf(PeerEvent happened) => happened switch
    {
        PeerEvent.Opened opened => opened.Connection,
        PeerEvent.Confirmed confirmed => confirmed.Connection,
        PeerEvent.PairFound pair => pair.Connection,
        PeerEvent.PathChanged moved => moved.Connection,
        PeerEvent.VerdictChanged verdict => verdict.Connection,
        PeerEvent.CheckTraced check => check.Connection,
        PeerEvent.SessionActivity activity => activity.Connection,
        PeerEvent.Closed closed => closed.Connection,
        PeerEvent.Failed failed => failed.Connection,
        _ => null,
    };
}
