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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_calls_back_while_it_rings_gets_the_connection_and_the_call_that_rang_is_over(bool isKnown)
    {
        var (pair, call) = Rung(isKnown);
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(1));

        var back = pair.Alice.Connect("bob");

        Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5));
        AssertCalledBack(pair, call, back);
        pair.Alice.Invoke((machine, now) => machine.Accept(now, call));
        pair.Alice.Invoke((machine, now) => machine.Refuse(now, call));
        pair.Net.Simulation.RunFor(TimeSpan.FromMinutes(4)); // longer than a call rings
        AssertCalledBack(pair, call, back);
        pair.Alice.Send(back, PeerPair.Payload(1_000));
        Assert.True(pair.Until(() => pair.Bob.BytesReceived == 1_000, 5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whenever_who_is_called_calls_back_there_is_one_session_and_both_calls_have_it(bool isKnown)
    {
        int rung = 0;
        for (int milliseconds = 0; milliseconds <= 120; milliseconds += 3)
        {
            var pair = Asked(isKnown).Call();
            var called = pair.Connection;
            pair.Net.Simulation.RunFor(TimeSpan.FromMilliseconds(milliseconds));
            var back = pair.Bob.Connect("alice");

            Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5), $"after {milliseconds} ms");
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));

            Assert.Equal((called, back), (pair.Alice.Opened, pair.Bob.Opened));
            Assert.Equal((1, 1), (pair.Alice.Machine.ConnectionCount, pair.Bob.Machine.ConnectionCount));
            var over = pair.Bob.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().Select(static failed => failed.Connection);
            Assert.Equal(pair.Bob.Find<PeerEvent.Incoming>() is { } incoming ? [incoming.Connection] : [], over);
            if (pair.Bob.Find<PeerEvent.Incoming>() is not null) rung++;
        }

        Assert.InRange(rung, 10, 40);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Who_calls_back_and_answers_at_once_has_one_session(bool isKnown, bool answersFirst)
    {
        foreach (bool accepts in new[] { true, false })
        {
            if (answersFirst && !accepts) continue; // then it is a call of its own
            var (pair, call) = Rung(isKnown);
            ConnectionHandle back = default;
            if (!answersFirst) back = pair.Alice.Connect("bob");
            pair.Alice.Invoke((machine, now) =>
            {
                if (accepts) machine.Accept(now, call);
                else machine.Refuse(now, call);
            });
            if (answersFirst) back = pair.Alice.Connect("bob");

            Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5));
            pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(40));

            Assert.Equal((accepts ? call : back, pair.Bob.Find<PeerEvent.Opened>()!.Connection), (pair.Alice.Opened, pair.Bob.Opened));
            Assert.Equal((1, 1), (pair.Alice.Machine.ConnectionCount, pair.Bob.Machine.ConnectionCount));
            Assert.Equal(accepts ? [back] : [], pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().Select(static failed => failed.Connection));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_calls_back_and_thinks_better_of_it_leaves_no_call_that_rings(bool isKnown)
    {
        var (pair, call) = Rung(isKnown);
        var back = pair.Alice.Connect("bob");
        pair.Alice.Invoke((machine, now) => machine.Close(now, back, 0, ""));
        pair.Net.Simulation.RunFor(TimeSpan.FromSeconds(2));

        Assert.Equal([back, call], pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().Select(static failed => failed.Connection));
        Assert.Equal((0, 0), (pair.Alice.Machine.ConnectionCount, pair.Bob.Machine.ConnectionCount));
    }

    [Fact]
    public void Who_is_let_in_meanwhile_gets_a_connection_of_its_own_and_the_call_that_rang_is_over()
    {
        var (pair, call) = Rung(isKnown: false);
        pair.Alice.Invoke((machine, now) => Assert.True(machine.TryAllow(now, pair.Bob.Machine.Id)));
        var back = pair.Alice.Connect("bob");
        pair.Alice.Invoke((machine, now) => machine.Close(now, back, 0, "")); // the server has begun bob's session when it hears that
        Assert.True(pair.Until(() => pair.Alice.Opened != default && pair.Bob.Opened != default, 5));

        Assert.True(pair.Alice.Find<PeerEvent.Opened>()!.IsIncoming);
        Assert.DoesNotContain(pair.Alice.Opened, new[] { call, back }); // which the program waits for no longer
        Assert.Equal([back, call], pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().Select(static failed => failed.Connection));
        Assert.Equal((1, 1), (pair.Alice.Machine.ConnectionCount, pair.Bob.Machine.ConnectionCount));
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

    private static void AssertCalledBack(PeerPair pair, ConnectionHandle call, ConnectionHandle back)
    {
        Assert.Equal(back, Assert.Single(pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Opened>()).Connection);
        Assert.Single(pair.Bob.Events, static entry => entry.Event is PeerEvent.Opened);
        var over = Assert.Single(pair.Alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>());
        Assert.Equal((call, PeerError.Closed), (over.Connection, over.Error));
        Assert.DoesNotContain(pair.Bob.Events, static entry => entry.Event is PeerEvent.Failed or PeerEvent.Closed);
        Assert.Equal((1, 1), (pair.Alice.Machine.ConnectionCount, pair.Bob.Machine.ConnectionCount));
    }

    /// <summary>Two who are asked about every call, and know each other's keys or do not.</summary>
    private static PeerPair Asked(bool isKnown)
    {
        var keys = new Dictionary<string, PublicKey>();
        return Pair(options =>
        {
            if (isKnown) keys[options.Name!] = options.Identity.PublicKey;
            return options with { Accept = AcceptPolicy.Ask, KnownPeers = new Known(keys) };
        });
    }

    /// <summary>Bob's call rings at alice.</summary>
    private static (PeerPair Pair, ConnectionHandle Call) Rung(bool isKnown)
    {
        var pair = Asked(isKnown);
        pair.Bob.Connect("alice");
        Assert.True(pair.Until(() => pair.Alice.Find<PeerEvent.Incoming>() is not null, 2));
        return (pair, pair.Alice.Find<PeerEvent.Incoming>()!.Connection);
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

    private sealed class Known(Dictionary<string, PublicKey> keys) : IKnownPeers
    {
        public PublicKey? FindByName(string name) => keys.GetValueOrDefault(name);

        public PublicKey? FindById(PeerId id) => keys.Values.FirstOrDefault(key => key.PeerId == id);
    }
}
