using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Scenarios.Attacks;

/// <summary>The server invents calls and callers, plays old pushes again, and says what it should not about sessions that live.</summary>
public sealed class HostilePushTests
{
    [Fact]
    public void Pushes_of_sessions_that_nobody_asked_for_are_turned_away_by_who_takes_no_calls()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Nobody });
        world.Warm(alice);

        for (int i = 0; i < 50; i++)
        {
            world.Tell(alice, new ServerMessage.SessionBegun(Attack.NewCall(world, alice, "203.0.113.99:9000")));
            world.Run(0.1);
        }

        Assert.Equal(0, alice.Machine.ConnectionCount);
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void Calls_of_a_thousand_invented_peers_are_taken_in_bounded_number_and_never_announced()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);
        int most = 0;

        for (int i = 0; i < 1_000; i++)
        {
            world.Tell(alice, new ServerMessage.SessionBegun(Attack.NewCall(world, alice, "203.0.113.99:9000")));
            world.Run(0.005);
            most = Math.Max(most, alice.Machine.ConnectionCount);
        }

        Assert.InRange(most, 1, 130); // 128 half open, and what is just being forgotten
        world.Run(60);
        Assert.Equal(0, alice.Machine.ConnectionCount);
        Assert.Null(alice.Find<PeerEvent.Opened>());
    }

    [Fact]
    public void A_thousand_invented_callers_ring_in_bounded_number_and_not_for_ever()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Ask });
        world.Warm(alice);
        int most = 0;
        var entropy = world.Simulation.CreateEntropy();

        for (int i = 0; i < 1_000; i++)
        {
            var caller = IdentityKey.Generate(entropy).PublicKey;
            world.Tell(alice, new ServerMessage.Incoming(SessionId.Create(entropy), caller, null, InstanceId.Create(entropy)));
            world.Run(0.005);
            most = Math.Max(most, alice.Machine.ConnectionCount);
        }

        Assert.InRange(most, 1, 130); // 128 half open, and what is just being forgotten
        world.Run(180);
        Assert.Equal(0, alice.Machine.ConnectionCount);
    }

    [Fact]
    public void A_session_that_the_program_did_not_accept_does_not_begin_because_the_server_pushes_it()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Ask });
        world.Warm(alice);
        var push = Attack.NewCall(world, alice, "203.0.113.99:9000");

        world.Tell(alice, new ServerMessage.SessionBegun(push)); // without a question
        world.Run(1);
        var question = new ServerMessage.Incoming(push.Session, push.RemoteKey, null, push.RemoteInstance);
        world.Tell(alice, question, new ServerMessage.SessionBegun(push)); // asked, not answered
        world.Run(5);

        Assert.NotNull(Attack.Failure(alice, alice.Find<PeerEvent.Incoming>()!.Connection)); // nothing is left to answer
        Assert.Equal(0, alice.Machine.ConnectionCount);
        Assert.Null(alice.Find<PeerEvent.Opened>());
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void An_accepted_call_begins_with_the_caller_that_was_announced_and_no_other()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Ask });
        world.Warm(alice);
        var announced = Attack.NewCall(world, alice);
        var other = Attack.NewCall(world, alice, "203.0.113.99:9000");

        world.Tell(alice, new ServerMessage.Incoming(announced.Session, announced.RemoteKey, null, announced.RemoteInstance));
        world.Run(1);
        var ringing = alice.Find<PeerEvent.Incoming>()!.Connection;
        alice.Invoke((machine, now) => machine.Accept(now, ringing));
        world.Tell(alice, new ServerMessage.SessionBegun(other with { Session = announced.Session }));
        world.Run(30);

        Assert.Null(alice.Find<PeerEvent.Opened>());
        Assert.NotNull(Attack.Failure(alice, ringing));
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void Old_pushes_that_come_again_change_nothing_in_a_session_that_lives()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var pushes = new List<(HostileConnection To, SessionPush Push)>();
        world.Hostile!.ChangePush = (push, to) =>
        {
            pushes.Add((to, push));
            return push;
        };
        var connection = world.Converse(alice, bob);

        for (int i = 0; i < 20; i++)
        {
            world.Do(server => pushes.ForEach(old => server.Of(old.To.Peer).Say(new ServerMessage.SessionBegun(old.Push))));
            world.Run(0.1);
        }

        world.AssertAlive(alice, connection, bob);
        Assert.Equal((1, 1), (alice.Machine.ConnectionCount, bob.Machine.ConnectionCount));
        Assert.Single(bob.Events, static entry => entry.Event is PeerEvent.Opened);
    }

    [Fact]
    public void Old_pushes_that_come_again_after_the_session_ended_open_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var pushes = new List<(HostileConnection To, SessionPush Push)>();
        world.Hostile!.ChangePush = (push, to) =>
        {
            pushes.Add((to, push));
            return push;
        };
        var connection = world.Converse(alice, bob);
        alice.Invoke((machine, now) => machine.Close(now, connection, 0, "done"));
        world.Run(10);

        for (int i = 0; i < 20; i++)
        {
            world.Do(server => pushes.ForEach(old => server.Of(old.To.Peer).Say(new ServerMessage.SessionBegun(old.Push))));
            world.Run(0.1);
        }

        world.Run(60);
        Assert.Equal((0, 0), (alice.Machine.ConnectionCount, bob.Machine.ConnectionCount));
        Assert.Single(bob.Events, static entry => entry.Event is PeerEvent.Opened);
    }

    [Fact]
    public void A_server_that_goes_on_about_sessions_it_made_up_is_not_remembered_for_it()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);
        var entropy = world.Simulation.CreateEntropy();
        var other = IdentityKey.Generate(entropy).PublicKey;
        long before = ReachableMemory.Of(alice.Machine);

        for (int i = 0; i < 2_000; i++)
        {
            var session = SessionId.Create(entropy);
            world.Do(server =>
            {
                var to = server.Of(alice.Machine.Id);
                to.Say(new ServerMessage.Superseded(session, SessionId.Create(entropy)));
                to.Say(new ServerMessage.Ringing(session));
                to.Say(new ServerMessage.Candidates(session, 0, [HostileServer.Invented("203.0.113.99:9000")]));
                to.Say(new ServerMessage.Restarted(session, HostileServer.PlanFor(to, other.PeerId, 1, HostileServer.Invented("203.0.113.99:9000"))));
                to.Say(new ServerMessage.Reopened(session, int.MaxValue));
                to.Say(new ServerMessage.Closed(session, SessionCloseReason.PeerDisconnected));
                to.Say(new ServerMessage.Refused(RendezvousError.UnknownSession, session));
                to.Say(new ServerMessage.Incoming(session, other, null, InstanceId.Create(entropy)));
                to.Say(new ServerMessage.Ping(i));
            });
            world.Run(0.002);
        }

        world.Run(1);
        Assert.Equal(0, alice.Machine.ConnectionCount);
        Assert.Null(alice.Find<PeerEvent.ServerLost>());
        Attack.AssertBounded(before, alice);
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void A_server_that_confuses_a_live_session_with_every_message_there_is_does_not_break_it()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push;
        };
        var connection = world.Converse(alice, bob);
        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp && bob.PathOf(bob.Opened)?.Kind == PathKind.Udp, 5));
        long before = ReachableMemory.Of(alice.Machine);

        for (int i = 0; i < 500; i++)
        {
            world.Tell(
                alice,
                new ServerMessage.Superseded(session, new SessionId(7)),
                new ServerMessage.Ringing(session),
                new ServerMessage.Reopened(session, 0),
                new ServerMessage.Refused(RendezvousError.RateLimited, session),
                new ServerMessage.Incoming(session, bobKey(), null, new InstanceId(1)),
                new ServerMessage.Candidates(session, 0, [HostileServer.Invented("203.0.113.99:9000")]),
                new ServerMessage.Closed(session, SessionCloseReason.PeerDisconnected),
                new ServerMessage.Reopened(session, 0));
            world.Run(0.01);
        }

        world.AssertAlive(alice, connection, bob);
        world.AssertAlive(bob, bob.Opened, alice);
        Assert.InRange(alice.Machine.GetPaths(connection).Count, 1, SessionLimits.MaxPaths);
        Attack.AssertBounded(before, alice);
        PublicKey bobKey() => world.Hostile!.Of(bob.Machine.Id).Key!;
    }

    [Fact]
    public void A_server_that_goes_away_without_a_word_leaves_a_direct_session_alone()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);
        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp && bob.PathOf(bob.Opened)?.Kind == PathKind.Udp, 5));

        world.Hostile!.OnMessage = static (_, _) => true; // hears all, says nothing more
        world.Run(120);

        world.AssertAlive(alice, connection, bob);
        Assert.Contains(alice.Events, static entry => entry.Event is PeerEvent.ServerLost);
    }

    [Fact]
    public void An_invented_caller_is_turned_away_by_who_lets_in_known_peers_only()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Known });
        world.Warm(alice);

        world.Tell(alice, new ServerMessage.SessionBegun(Attack.NewCall(world, alice, "203.0.113.99:9000")));
        world.Run(30);

        Assert.Equal(0, alice.Machine.ConnectionCount);
        Assert.Null(alice.Find<PeerEvent.Opened>());
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void An_attacker_s_call_in_the_place_of_the_own_one_is_not_the_peer_that_was_dialled()
    {
        // As if both had called at once, and the other's call had won.
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Connect connect) return false;
            var call = Attack.NewCall(world, alice, "203.0.113.99:9000");
            from.Say(new ServerMessage.Superseded(connect.Session, call.Session));
            from.Say(new ServerMessage.SessionBegun(call with { RemoteName = "bob" }));
            return true;
        };

        var connection = alice.Connect($"bob@{bob.Machine.Id}");
        world.Run(40);

        Assert.Equal(PeerError.WrongPeer, Attack.Failure(alice, connection));
        Assert.Null(alice.Find<PeerEvent.Opened>());
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void The_own_first_message_that_comes_back_as_the_peer_s_call_opens_nothing()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Connect connect) return false;
            var other = world.Hostile.Of(bob.Machine.Id).Key!;
            from.Say(new ServerMessage.SessionBegun(world.Hostile.PushFor(from, other, connect.Session, connect.Target, connect.Offer)));
            from.Say(new ServerMessage.SessionBegun(world.Hostile.PushFor(from, other, SessionId.Create(world.Hostile.Entropy), connect.Target, connect.Offer)));
            from.Send(Attack.Relayed(connect.Session, connect.Offer.Message.Span));
            return true;
        };

        foreach (string target in new[] { "bob", $"bob@{bob.Machine.Id}", bob.Machine.Id.ToString() })
        {
            var connection = alice.Connect(target);
            world.Run(40);
            Assert.NotNull(Attack.Failure(alice, connection));
        }

        Assert.Null(alice.Find<PeerEvent.Opened>());
        Assert.Equal(0, alice.Machine.ConnectionCount);
    }

    [Fact]
    public void A_peer_that_stays_on_the_relay_sends_no_datagram_whatever_the_server_says()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(static options => options with { Transports = Transports.None }), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { Candidates = [HostileServer.Invented("203.0.113.99:9000")] } };

        world.Converse(alice, bob);
        world.Run(30);

        Assert.Empty(world.SentBy("alice"));
    }

    [Fact]
    public void A_server_that_takes_a_call_and_says_nothing_more_than_that_it_rings_is_waited_for_in_bounded_time()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var called = default(SessionId);
        world.Hostile!.OnMessage = (_, message) =>
        {
            if (message is not ClientMessage.Connect connect) return false;
            called = connect.Session;
            return true;
        };

        var silent = alice.Connect("bob");
        world.Run(31);
        Assert.Equal(PeerError.TimedOut, Attack.Failure(alice, silent));

        var rung = alice.Connect("bob");
        for (int i = 0; i < 20; i++)
        {
            world.Run(10);
            world.Tell(alice, new ServerMessage.Ringing(called));
        }

        Assert.Equal(PeerError.TimedOut, Attack.Failure(alice, rung));
        Assert.Equal(0, alice.Machine.ConnectionCount);
    }

    [Fact]
    public void A_server_that_throws_a_peer_out_again_and_again_is_met_no_faster_and_breaks_no_direct_session()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);
        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp && bob.PathOf(bob.Opened)?.Kind == PathKind.Udp, 5));
        long before = ReachableMemory.Of(alice.Machine);
        int hellos = 0;
        world.Hostile!.OnMessage = (from, message) =>
        {
            if (from.Peer != alice.Machine.Id || message is not ClientMessage.Register) return false;
            hellos++;
            world.Hostile.Close(from.Socket);
            return true;
        };

        world.Do(server => server.Close(server.Of(alice.Machine.Id).Socket));
        world.Run(300);

        Assert.InRange(hellos, 10, 300 * 3);
        world.AssertAlive(alice, connection, bob);
        Attack.AssertBounded(before, alice);
    }
}
