using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol;

namespace Porthole.Scenarios.Peer;

/// <summary>How calls begin and end: who is asked, who is told, and that nobody waits for ever.</summary>
public sealed class CallTests
{
    public static TheoryData<bool> Paths => [true, false];

    [Theory]
    [MemberData(nameof(Paths))]
    public void The_reason_of_a_close_reaches_the_peer(bool isDirect)
    {
        var pair = Open(isDirect);

        pair.Alice.Invoke((machine, now) => machine.Close(now, pair.Connection, 7, "enough"));

        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Closed>() is not null, 2));
        var closed = pair.Bob.Find<PeerEvent.Closed>()!;
        Assert.Equal((PeerError.ClosedByPeer, 7UL, "enough"), (closed.Error, closed.Code, closed.Text));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_peer_that_stops_says_so_before_its_sockets_close(bool isDirect)
    {
        var pair = Open(isDirect);

        pair.Alice.Invoke((machine, now) => machine.Stop(now, 3, "good night"));

        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Closed>() is not null, 2));
        Assert.Equal((PeerError.ClosedByPeer, "good night"), (pair.Bob.Find<PeerEvent.Closed>()!.Error, pair.Bob.Find<PeerEvent.Closed>()!.Text));
    }

    [Fact]
    public void A_peer_that_stops_before_it_was_heard_is_not_waited_for()
    {
        var pair = Pair(static options => options).Call();
        Assert.True(pair.Until(() => pair.Alice.Opened != default, 2));
        Assert.Equal(default, pair.Bob.Opened); // nothing sealed has come from alice: bob may seal nothing

        pair.Bob.Invoke((machine, now) => machine.Stop(now, 3, "good night"));

        Assert.True(pair.Until(() => pair.Alice.Find<PeerEvent.Closed>() is not null, 1));
        Assert.Equal(PeerError.ClosedByPeer, pair.Alice.Find<PeerEvent.Closed>()!.Error);
    }

    [Fact]
    public void Whenever_a_peer_stops_its_caller_knows_soon()
    {
        var seen = new HashSet<PeerError>();
        for (int milliseconds = 0; milliseconds <= 200; milliseconds += 4)
        {
            var pair = Pair(static options => options).Call();
            pair.Net.Simulation.RunFor(TimeSpan.FromMilliseconds(milliseconds));
            pair.Bob.Invoke((machine, now) => machine.Stop(now, 0, ""));

            Assert.True(pair.Until(() => pair.Alice.Find<PeerEvent.Failed>() is not null || pair.Alice.Find<PeerEvent.Closed>() is not null, 6), $"after {milliseconds} ms");
            seen.Add(pair.Alice.Find<PeerEvent.Failed>()?.Error ?? pair.Alice.Find<PeerEvent.Closed>()!.Error);
        }

        Assert.Equal([PeerError.PeerOffline, PeerError.ClosedByPeer], seen.Order());
    }

    [Fact]
    public void A_peer_that_stops_while_it_is_asked_is_offline_and_has_refused_nobody()
    {
        var pair = Pair(static options => options with { Accept = AcceptPolicy.Ask }).Call();
        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Incoming>() is not null, 2));

        pair.Bob.Invoke((machine, now) => machine.Stop(now, 0, ""));

        Assert.True(pair.Until(() => pair.Alice.Find<PeerEvent.Failed>() is not null, 1));
        Assert.Equal(PeerError.PeerOffline, pair.Alice.Find<PeerEvent.Failed>()!.Error);
    }

    [Fact]
    public void Both_call_at_once_and_are_asked_and_there_is_one_session()
    {
        foreach (double lead in new[] { -30.0, -15, -1, 0, 1, 15, 30 })
        {
            var pair = Pair(static options => options with { Accept = AcceptPolicy.Ask });
            var now = pair.Net.Simulation.Now + TimeSpan.FromMilliseconds(50);
            ConnectionHandle atAlice = default, atBob = default;
            pair.Net.Simulation.Schedule(now, () => atAlice = pair.Alice.Connect("bob"));
            pair.Net.Simulation.Schedule(now + TimeSpan.FromMilliseconds(lead), () => atBob = pair.Bob.Connect("alice"));

            Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5), $"lead {lead}");
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));

            Assert.Equal((atAlice, atBob), (pair.Alice.Opened, pair.Bob.Opened));
            Assert.DoesNotContain(pair.Alice.Events.Concat(pair.Bob.Events), entry => entry.Event is PeerEvent.Failed or PeerEvent.Closed or PeerEvent.Incoming);
        }
    }

    [Fact]
    public void A_person_who_is_asked_may_think_longer_than_a_connect_takes()
    {
        var pair = Pair(static options => options with { Accept = AcceptPolicy.Ask }).Call();
        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Incoming>() is not null, 2));

        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(45));
        pair.Bob.Invoke((machine, now) => machine.Accept(now, pair.Bob.Find<PeerEvent.Incoming>()!.Connection));

        Assert.True(pair.Until(() => pair.IsOpen, 2));
    }

    [Fact]
    public void A_call_that_nobody_answers_ends_at_both_sides()
    {
        var pair = Pair(static options => options with { Accept = AcceptPolicy.Ask }).Call();
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(90));

        Assert.Equal(PeerError.TimedOut, pair.Alice.Find<PeerEvent.Failed>()!.Error);
        Assert.NotNull(pair.Bob.Find<PeerEvent.Failed>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_that_rings_while_the_server_dies_ends(bool isAccepted)
    {
        var pair = Pair(static options => options with { Accept = AcceptPolicy.Ask }).Call();
        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Incoming>() is not null, 2));
        if (isAccepted) pair.Bob.Invoke((machine, now) => machine.Accept(now, pair.Bob.Find<PeerEvent.Incoming>()!.Connection));
        pair.Net.KillServer();

        Assert.True(pair.Until(() => pair.Bob.Find<PeerEvent.Failed>() is not null, 5));
        Assert.True(pair.Until(() => pair.Alice.Find<PeerEvent.Failed>() is not null, 90));
        Assert.Equal(PeerError.ServerUnreachable, pair.Alice.Find<PeerEvent.Failed>()!.Error);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Whoever_wants_the_relay_only_is_named_in_the_verdict_of_both(bool alice, bool bob)
    {
        var pair = Pair(options => options with { Transports = (options.Name == "alice" ? alice : bob) ? Transports.None : Transports.All }).Call();

        Assert.True(pair.Until(() => pair.IsOpen, 2));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(60));

        Assert.Equal(VerdictReason.RelayOnly, pair.Alice.Machine.GetVerdict(pair.Connection).Reason);
        Assert.Equal(VerdictReason.RelayOnly, pair.Bob.Machine.GetVerdict(pair.Bob.Opened).Reason);
        Assert.DoesNotContain(pair.Alice.Events.Concat(pair.Bob.Events), entry => entry.Event is PeerEvent.CheckTraced);
    }

    private static PeerPair Open(bool isDirect)
    {
        var profile = isDirect ? NatProfile.PortRestricted : NatProfile.Symmetric;
        var pair = PeerPair.BehindNats(1, profile, profile).Call();
        Assert.True(pair.Until(() => isDirect ? pair.IsDirect : pair.IsOpen, 3));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));
        return pair;
    }

    private static PeerPair Pair(Func<PeerMachineOptions, PeerMachineOptions> change)
    {
        var link = LinkOptions.WithDelay(10);
        var net = new PeerInternet(1, link);
        var one = net.Simulation.Internet.AddNat("nat of alice", NatProfile.PortRestricted, "203.0.113.1", link: link);
        var other = net.Simulation.Internet.AddNat("nat of bob", NatProfile.PortRestricted, "203.0.113.2", link: link);
        return PeerPair.Warm(net, net.AddPeer("alice", one.Inside, "192.168.1.10", change: change), net.AddPeer("bob", other.Inside, "192.168.1.20", change: change));
    }
}
