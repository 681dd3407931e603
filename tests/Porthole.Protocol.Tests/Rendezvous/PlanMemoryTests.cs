using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>What the server learns from one punch for the next between the same two networks, and what it does not keep.</summary>
public sealed class PlanMemoryTests
{
    private static readonly HandshakeOffer s_offer = new(HandshakePattern.XX, new byte[] { 1 });

    private readonly RendezvousWorld _world = new();
    private ulong _session;

    [Fact]
    public void Nothing_is_hinted_at_first()
    {
        var (atAlice, atBob) = Plans(Meet("203.0.113.1", "192.0.2.1"));
        Assert.Null(atAlice.Hint);
        Assert.Null(atBob.Hint);
        Assert.True(atAlice.WantsOutcome);
        Assert.True(atBob.WantsOutcome);
    }

    [Theory]
    [InlineData("203.0.113.1", "192.0.2.1", "203.0.113.254", "192.0.2.9", true)] // others in the same two networks
    [InlineData("203.0.113.1", "192.0.2.1", "192.0.2.77", "203.0.113.5", true)] // the other way round
    [InlineData("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", true)] // both in one
    [InlineData("203.0.113.1", "192.0.2.1", "203.0.112.1", "192.0.2.1", false)] // the neighbour is another
    [InlineData("203.0.113.1", "192.0.2.1", "203.0.113.1", "203.0.113.2", false)]
    [InlineData("[2001:db8:5:1::1]", "[2001:db8:6:1::1]", "[2001:db8:5:ffff::2]", "[2001:db8:6:7::8]", true)]
    [InlineData("[2001:db8:5:1::1]", "[2001:db8:6:1::1]", "[2001:db8:4:1::1]", "[2001:db8:6:1::1]", false)]
    [InlineData("203.0.113.1", "[2001:db8:6:1::1]", "[2001:db8:6:2::1]", "203.0.113.2", true)]
    public void What_worked_is_hinted_to_the_next_between_these_networks(string alice, string bob, string carol, string dave, bool isHinted)
    {
        Report(Meet(alice, bob), PunchMethod.Predict, PunchMethod.Plain);
        var (atCarol, atDave) = Plans(Meet(carol, dave));
        PunchMethod? expected = isHinted ? PunchMethod.Predict : null;
        Assert.Equal((expected, expected), (atCarol.Hint, atDave.Hint));
    }

    [Fact]
    public void A_restart_brings_the_hint_too()
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Report(call, PunchMethod.Opener, PunchMethod.Opener);
        call.Alice.Say(new ClientMessage.Restart(call.Session, 0));
        Assert.Equal(PunchMethod.Opener, Assert.IsType<ServerMessage.Restarted>(call.Alice.Heard[^1]).Plan.Hint);
        Assert.Equal(PunchMethod.Opener, Assert.IsType<ServerMessage.Restarted>(call.Bob.Heard[^1]).Plan.Hint);
    }

    [Fact]
    public void Two_failures_are_forgiven_and_then_it_is_forgotten()
    {
        for (int i = 0; i < 2; i++) Report(Meet("203.0.113.1", "192.0.2.1"), PunchMethod.Spray, PunchMethod.Spray);
        for (int i = 0; i < 3; i++)
        {
            Fail(Meet("203.0.113.1", "192.0.2.1"));
            Assert.Equal(PunchMethod.Spray, Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
        }

        Fail(Meet("203.0.113.1", "192.0.2.1"));
        Assert.Null(Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
        Assert.Equal(0, _world.Host.Server.NetworkPairsKnown);
    }

    [Fact]
    public void What_works_now_replaces_what_worked_before()
    {
        for (int i = 0; i < 9; i++) Report(Meet("203.0.113.1", "192.0.2.1"), PunchMethod.Spray, PunchMethod.Spray);
        Report(Meet("203.0.113.1", "192.0.2.1"), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(PunchMethod.Spray, Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
        Report(Meet("203.0.113.1", "192.0.2.1"), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(PunchMethod.Plain, Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
    }

    [Fact]
    public void It_is_forgotten_after_seven_days_and_no_earlier()
    {
        Report(Meet("203.0.113.1", "192.0.2.1"), PunchMethod.Cross, PunchMethod.Cross);
        _world.Run(PlanMemory.Lifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(1, _world.Host.Server.NetworkPairsKnown);
        Assert.Equal(PunchMethod.Cross, Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(0, _world.Host.Server.NetworkPairsKnown);
        Assert.Null(Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
    }

    [Fact]
    public void At_the_limit_the_pair_whose_success_is_longest_ago_gives_way()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxNetworkPairs = 3, OutcomesPerMinute = 1_000 });
        for (int i = 1; i <= 3; i++) Report(Meet($"203.0.{i}.1", "192.0.2.1", world), PunchMethod.Tcp, PunchMethod.Tcp);
        Report(Meet("203.0.1.1", "192.0.2.1", world), PunchMethod.Tcp, PunchMethod.Tcp);
        Assert.Equal(3, world.Host.Server.NetworkPairsKnown);
        Report(Meet("203.0.4.1", "192.0.2.1", world), PunchMethod.Tcp, PunchMethod.Tcp);
        Assert.Equal(3, world.Host.Server.NetworkPairsKnown);
        Assert.Null(Plans(Meet("203.0.2.1", "192.0.2.1", world)).First.Hint);
        foreach (int kept in (int[])[1, 3, 4]) Assert.Equal(PunchMethod.Tcp, Plans(Meet($"203.0.{kept}.1", "192.0.2.1", world)).First.Hint);
    }

    [Fact]
    public void A_server_may_remember_nothing()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxNetworkPairs = 0 });
        Report(Meet("203.0.113.1", "192.0.2.1", world), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(0, world.Host.Server.NetworkPairsKnown);
        Assert.Null(Plans(Meet("203.0.113.1", "192.0.2.1", world)).First.Hint);
        Assert.Single(world.ServerEvents.OfType<RendezvousServerEvent.PunchDecided>()); // the log and the counters hear of it all the same
        Assert.Throws<ArgumentOutOfRangeException>(() => new RendezvousServerOptions { MaxNetworkPairs = -1 });
    }

    [Fact]
    public void Who_has_proved_no_address_teaches_nothing()
    {
        var alice = new RawClient(_world).Greet().Register(candidates: WorldClient.Claim("203.0.113.1:40000", "192.168.1.10:5000")); // claimed, not proved
        var bob = Register("192.0.2.1", _world);
        Report(Begin(alice, bob), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(0, _world.Host.Server.NetworkPairsKnown);
    }

    [Fact]
    public void What_both_say_is_one_decision()
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Say(call, call.Alice, PunchMethod.Predict, VerdictReason.Direct);
        Assert.Empty(Decided());
        Say(call, call.Bob, PunchMethod.Plain, VerdictReason.Direct);
        Assert.Equal(new RendezvousServerEvent.PunchDecided(call.Session, PunchMethod.Predict, VerdictReason.Direct, IsNews: true), Assert.Single(Decided()));
        Say(call, call.Bob, PunchMethod.Spray, VerdictReason.Direct); // once for each generation
        Say(call, call.Alice, PunchMethod.Relay, VerdictReason.NoAnswer);
        call.Alice.Say(new ClientMessage.Release(call.Session));
        Assert.Single(Decided());
        Assert.Equal(PunchMethod.Predict, Plans(Meet("203.0.113.1", "192.0.2.1")).First.Hint);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_direct_only_if_both_say_so(bool isFirst)
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Say(call, isFirst ? call.Alice : call.Bob, PunchMethod.Plain, VerdictReason.Direct);
        Say(call, isFirst ? call.Bob : call.Alice, PunchMethod.Relay, VerdictReason.DataBlocked);
        Assert.Equal((PunchMethod.Relay, VerdictReason.DataBlocked), (Decided().Single().Method, Decided().Single().Reason));
        Assert.Equal(0, _world.Host.Server.NetworkPairsKnown);
    }

    [Theory]
    [InlineData("restart")]
    [InlineData("release")]
    [InlineData("hang up")]
    public void Of_a_side_that_says_nothing_nothing_more_is_expected(string end)
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Say(call, call.Bob, PunchMethod.Plain, VerdictReason.Direct);
        if (end == "restart") call.Alice.Say(new ClientMessage.Restart(call.Session, 0));
        else if (end == "release") call.Alice.Say(new ClientMessage.Release(call.Session));
        else call.Alice.Hangup();
        _world.DrainServer();
        Assert.Equal(PunchMethod.Plain, Assert.Single(Decided()).Method);
        Assert.Equal(1, _world.Host.Server.NetworkPairsKnown);
    }

    [Fact]
    public void The_same_again_is_no_news()
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        for (int generation = 0; generation < 3; generation++)
        {
            Say(call, call.Alice, PunchMethod.Relay, VerdictReason.UdpBlockedHere, generation);
            Say(call, call.Bob, PunchMethod.Relay, VerdictReason.UdpBlockedThere, generation);
            call.Alice.Say(new ClientMessage.Restart(call.Session, generation));
        }

        Assert.Equal([true, false, false], Decided().Select(static decided => decided.IsNews));
    }

    [Fact]
    public void What_is_about_another_generation_or_another_session_is_not_heard()
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Say(call, call.Alice, PunchMethod.Plain, VerdictReason.Direct, generation: 1);
        Say(call, call.Bob, PunchMethod.Plain, VerdictReason.Direct, generation: 1);
        var mallory = Register("198.51.100.1", _world);
        Say(call, mallory, PunchMethod.Plain, VerdictReason.Direct);
        Assert.Empty(Decided());
        Assert.False(mallory.IsClosed);
    }

    [Fact]
    public void Outcomes_of_one_address_are_limited()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { OutcomesPerMinute = 4 });
        for (int i = 1; i <= 3; i++) Report(Meet($"203.0.{i}.1", "192.0.2.1", world), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(2, world.Host.Server.NetworkPairsKnown);
        world.Run(TimeSpan.FromSeconds(30));
        Report(Meet("203.0.4.1", "192.0.2.1", world), PunchMethod.Plain, PunchMethod.Plain);
        Assert.Equal(3, world.Host.Server.NetworkPairsKnown);
    }

    [Fact]
    public void A_nonsensical_outcome_costs_the_connection()
    {
        var call = Meet("203.0.113.1", "192.0.2.1");
        Say(call, call.Alice, PunchMethod.Relay, VerdictReason.Direct);
        Assert.Equal(RendezvousError.ProtocolViolation, call.Alice.Refusal);
        Assert.Empty(Decided());
    }

    [Fact]
    public void The_client_says_what_it_is_asked_to_say()
    {
        var bob = _world.AddRegistered("bob");
        var alice = _world.AddRegistered("alice");
        var session = alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        foreach (var client in (WorldClient[])[alice, bob])
        {
            client.Do((machine, now) => machine.ReportOutcome(now, session, 0, PunchMethod.Silent, VerdictReason.Direct));
            client.Do((machine, now) => machine.ReportOutcome(now, new SessionId(77), 0, PunchMethod.Silent, VerdictReason.Direct)); // none of its sessions
        }

        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(PunchMethod.Silent, Assert.Single(Decided()).Method);
        var again = alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(PunchMethod.Silent, alice.Push(again).Plan.Hint);
        Assert.Equal(PunchMethod.Silent, bob.Push(again).Plan.Hint);
    }

    private IEnumerable<RendezvousServerEvent.PunchDecided> Decided() => _world.ServerEvents.OfType<RendezvousServerEvent.PunchDecided>();

    private static (PunchPlan First, PunchPlan Second) Plans(Call call) => (Plan(call.Alice, call.Session), Plan(call.Bob, call.Session));

    private static PunchPlan Plan(RawClient client, SessionId session) =>
        client.Heard.OfType<ServerMessage.SessionBegun>().Single(begun => begun.Push.Session == session).Push.Plan;

    private static void Report(Call call, PunchMethod first, PunchMethod second)
    {
        Say(call, call.Alice, first, VerdictReason.Direct);
        Say(call, call.Bob, second, VerdictReason.Direct);
    }

    private static void Fail(Call call)
    {
        Say(call, call.Alice, PunchMethod.Relay, VerdictReason.NoAnswer);
        Say(call, call.Bob, PunchMethod.Relay, VerdictReason.NoAnswer);
    }

    private static void Say(Call call, RawClient who, PunchMethod method, VerdictReason reason, int generation = 0) =>
        who.Say(new ClientMessage.Outcome(call.Session, generation, method, reason));

    private static RawClient Register(string host, RendezvousWorld world)
    {
        var client = new RawClient(world).Greet();
        string mapped = $"{host}:40000";
        var proved = WorldClient.Claim(mapped, "192.168.1.10:5000") with
        {
            Proof = world.Prove(client.Key.PeerId, TransportAddress.Parse(mapped), TransportAddress.Parse("192.168.1.10:5000")),
        };
        return client.Register(candidates: proved);
    }

    private Call Meet(string alice, string bob, RendezvousWorld? world = null) => Begin(Register(alice, world ?? _world), Register(bob, world ?? _world));

    private Call Begin(RawClient alice, RawClient bob)
    {
        var session = new SessionId(++_session);
        alice.Say(new ClientMessage.Connect(session, bob.Key.PeerId.ToString(), null, s_offer, 0));
        return new Call(alice, bob, session);
    }

    private sealed record Call(RawClient Alice, RawClient Bob, SessionId Session);
}
