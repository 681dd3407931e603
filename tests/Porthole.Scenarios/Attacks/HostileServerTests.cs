using System.Collections.Immutable;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Scenarios.Attacks;

/// <summary>The server is the attacker: it holds the key that the peers trust, and lies about keys, peers and sessions.</summary>
public sealed class HostileServerTests
{
    [Fact]
    public void The_world_works_as_long_as_nobody_attacks()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);

        var connection = world.Converse(alice, bob);

        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp, 5));
        world.AssertSentOnlyTo("alice", AttackWorld.BobPublic);
        world.AssertSentOnlyTo("bob", AttackWorld.AlicePublic);
    }

    [Fact]
    public void A_server_that_answers_the_hello_with_another_key_than_the_pinned_one_hears_nothing_more()
    {
        var world = AttackWorld.WithHostileServer();
        var pinned = IdentityKey.Generate(world.Simulation.CreateEntropy()).PublicKey;
        var alice = world.AddAlice(options => options with { Server = options.Server with { ServerKey = pinned } });
        world.Do(static server => server.OnMessage = static (_, _) => throw new InvalidOperationException("It was told something."));

        world.Run(30);

        Assert.False(alice.IsRegistered);
        Assert.Empty(world.SentBy("alice"));
        // The server kept silent where an honest one refuses: the client gives up by itself, each time.
        Assert.All(alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.ServerLost>(), static lost => Assert.True(lost.Error is PeerError.ServerUnreachable or PeerError.WrongServerKey));
    }

    [Fact]
    public void A_server_that_names_another_key_for_a_peer_that_was_dialled_by_id_gets_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var impostor = IdentityKey.Generate(world.Simulation.CreateEntropy()).PublicKey;
        world.Hostile!.ChangePush = (push, to) => push.IsInitiator ? Renamed(push, to, impostor) : push;

        var connection = alice.Connect($"bob@{bob.Machine.Id}");
        world.Run(40);

        Assert.Equal(PeerError.WrongPeer, Failure(alice, connection));
        AssertNobodyConnected(alice, bob);
    }

    [Fact]
    public void A_server_that_names_another_key_for_a_peer_known_by_name_gets_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var bob = world.AddBob();
        var known = IdentityKey.Generate(world.Simulation.CreateEntropy()).PublicKey;
        var alice = world.AddAlice(options => options with { KnownPeers = new OneKnownPeer("bob", known) });
        world.Warm(alice, bob);

        var connection = alice.Connect("bob"); // the server introduces the one who is there now
        world.Run(40);

        Assert.Equal(PeerError.KeyChanged, Failure(alice, connection));
        AssertNobodyConnected(alice, bob);
    }

    [Fact]
    public void A_server_that_names_the_right_key_but_answers_itself_gets_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var impostor = IdentityKey.Generate(world.Simulation.CreateEntropy());
        world.Hostile!.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Connect connect) return false;
            from.Say(new ServerMessage.SessionBegun(world.Hostile.PushFor(from, bob.Machine.Id == from.Peer ? from.Key! : world.Hostile.Of(bob.Machine.Id).Key!, connect.Session, connect.Target, null)));
            var verdict = SessionHandshake.TryRespond(
                connect.Session, impostor, from.Peer, connect.Target, default, connect.Offer.Message.Span, world.Hostile.Entropy, out var handshake);
            Assert.Equal(HandshakeVerdict.Accepted, verdict); // first contact by name: anybody can answer
            from.Send(Relayed(connect.Session, handshake!.Outgoing.Span));
            return true;
        };

        var connection = alice.Connect("bob");
        world.Run(40);

        Assert.Contains(Failure(alice, connection), new PeerError?[] { PeerError.KeyChanged, PeerError.WrongPeer });
        AssertNobodyConnected(alice, bob);
    }

    [Fact]
    public void A_server_that_tells_bob_another_caller_than_calls_him_gets_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var impostor = IdentityKey.Generate(world.Simulation.CreateEntropy()).PublicKey;
        world.Hostile!.ChangePush = (push, to) => push.IsInitiator ? push : Renamed(push, to, impostor);

        alice.Connect("bob");
        world.Run(40);

        Assert.Null(bob.Find<PeerEvent.Opened>());
        Assert.Empty(bob.Received);
        Assert.Equal(0, bob.Machine.ConnectionCount);
    }

    [Fact]
    public void A_server_that_names_the_caller_s_own_key_as_the_peer_s_is_left()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = (push, to) => Renamed(push, to, to.Key!);

        alice.Connect("bob");
        world.Run(40);

        AssertNobodyConnected(alice, bob);
    }

    [Fact]
    public void A_server_that_sends_wrong_roles_is_left_and_both_sides_control_nothing()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { Controlling = !push.Plan.Controlling } };

        alice.Connect("bob");
        world.Run(40);

        AssertNobodyConnected(alice, bob);
        Assert.Contains(alice.Events, static entry => entry.Event is PeerEvent.ServerLost { Error: PeerError.ProtocolViolation });
    }

    [Fact]
    public void A_server_that_asks_for_a_huge_start_delay_is_left()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { StartDelay = TimeSpan.FromHours(3) } };

        var connection = alice.Connect("bob");
        world.Run(40);

        Assert.NotNull(Failure(alice, connection));
        AssertNobodyConnected(alice, bob);
    }

    [Fact]
    public void A_server_that_claims_round_trips_of_a_day_stops_no_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { LocalRtt = TimeSpan.FromDays(1), RemoteRtt = TimeSpan.FromDays(1) } };

        var connection = world.Converse(alice, bob);

        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp, 30), "the punch is as patient as it should be");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"type\":\"session\"}")]
    [InlineData("{\"type\":\"session\",\"push\":null}")]
    [InlineData("{\"type\":\"nothing\"}")]
    [InlineData("{\"type\":\"presence\",\"peer\":null,\"online\":true}")]
    [InlineData("{\"type\":\"peers\",\"list\":[null],\"last\":true}")]
    [InlineData("{\"type\":\"candidates\",\"session\":\"0000000000000001\",\"generation\":-1,\"list\":[]}")]
    [InlineData("{\"type\":\"pong\",\"stamp\":99999999999999999999999}")]
    [InlineData("{\"type\":\"refused\",\"error\":\"nonsense\"}")]
    [InlineData("{\"type\":\"welcome\",\"version\":1}")]
    public void A_server_that_seals_malformed_json_is_left_and_met_again(string json)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);

        world.Do(server => server.Of(alice.Machine.Id).SayJson(json));
        world.Run(3);

        Assert.Contains(alice.Events, static entry => entry.Event is PeerEvent.ServerLost { Error: PeerError.ProtocolViolation, WillRetry: true });
        world.Converse(alice, bob); // registered again
    }

    [Fact]
    public void A_server_that_sends_forever_growing_messages_costs_no_memory()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);
        long before = ReachableMemory.Of(alice.Machine);

        for (int size = 1_000; size <= 60_000; size += 1_000)
        {
            world.Do(server => server.Of(alice.Machine.Id).SayJson($"{{\"type\":\"pong\",\"stamp\":1,\"x\":\"{new string('x', size)}\"}}"));
            world.Run(1.5);
        }

        Assert.True(world.Until(() => world.Hostile!.Connections.Any(static connection => connection.Name == "alice"), 60));
        AssertBounded(before, alice);
    }

    [Fact]
    public void A_server_that_lists_peers_without_end_is_left()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);
        long before = ReachableMemory.Of(alice.Machine);
        var entropy = world.Simulation.CreateEntropy();
        byte[] id = new byte[PeerId.Size];
        for (int i = 0; i < 200 && alice.Find<PeerEvent.ServerLost>() is null; i++)
        {
            var list = ImmutableArray.CreateBuilder<PeerInfo>();
            for (int k = 0; k < RendezvousLimits.MaxPeersPerMessage; k++)
            {
                entropy.Fill(id);
                list.Add(new PeerInfo(new PeerId(id), null));
            }

            world.Tell(alice, new ServerMessage.PeerList(list.ToImmutable(), Last: false));
            world.Run(0.01);
        }

        Assert.Equal(PeerError.ProtocolViolation, alice.Find<PeerEvent.ServerLost>()?.Error);
        Assert.Null(alice.Find<PeerEvent.PeersListed>());
        AssertBounded(before, alice);
    }

    [Fact]
    public void Pushes_of_sessions_that_nobody_asked_for_are_turned_away_by_who_takes_no_calls()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Nobody });
        world.Warm(alice);

        for (int i = 0; i < 50; i++)
        {
            world.Tell(alice, new ServerMessage.SessionBegun(NewCall(world, alice, "203.0.113.99:9000")));
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
            world.Tell(alice, new ServerMessage.SessionBegun(NewCall(world, alice, "203.0.113.99:9000")));
            world.Run(0.005);
            most = Math.Max(most, alice.Machine.ConnectionCount);
        }

        Assert.InRange(most, 1, 64);
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

        Assert.InRange(most, 1, 64);
        world.Run(180);
        Assert.Equal(0, alice.Machine.ConnectionCount);
    }

    [Fact]
    public void A_session_that_the_program_did_not_accept_does_not_begin_because_the_server_pushes_it()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Ask });
        world.Warm(alice);
        var push = NewCall(world, alice, "203.0.113.99:9000");

        world.Tell(alice, new ServerMessage.SessionBegun(push)); // without a question
        world.Run(1);
        world.Tell(alice, new ServerMessage.Incoming(push.Session, push.RemoteKey, null, push.RemoteInstance), new ServerMessage.SessionBegun(push)); // asked, not answered
        world.Run(5);

        Assert.Null(alice.Find<PeerEvent.Opened>());
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void An_accepted_call_begins_with_the_caller_that_was_announced_and_no_other()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(static options => options with { Accept = AcceptPolicy.Ask });
        world.Warm(alice);
        var announced = NewCall(world, alice);
        var other = NewCall(world, alice, "203.0.113.99:9000");

        world.Tell(alice, new ServerMessage.Incoming(announced.Session, announced.RemoteKey, null, announced.RemoteInstance));
        world.Run(1);
        var ringing = alice.Find<PeerEvent.Incoming>()!.Connection;
        alice.Invoke((machine, now) => machine.Accept(now, ringing));
        world.Tell(alice, new ServerMessage.SessionBegun(other with { Session = announced.Session }));
        world.Run(30);

        Assert.Null(alice.Find<PeerEvent.Opened>());
        Assert.NotNull(Failure(alice, ringing));
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
        AssertBounded(before, alice);
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
        AssertBounded(before, alice);
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

    internal static PeerError? Failure(SimulatedPeer peer, ConnectionHandle connection) =>
        peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().FirstOrDefault(failed => failed.Connection == connection)?.Error;

    internal static byte[] Relayed(SessionId session, ReadOnlySpan<byte> packet)
    {
        byte[] frame = new byte[RelayFrame.HeaderSize + packet.Length];
        RelayFrame.WriteHeader(frame, session);
        packet.CopyTo(frame.AsSpan(RelayFrame.HeaderSize));
        return frame;
    }

    /// <summary>A call of a peer that does not exist, with a handshake that opens.</summary>
    internal static SessionPush NewCall(AttackWorld world, SimulatedPeer to, params string[] candidates)
    {
        var server = world.Hostile!;
        var caller = IdentityKey.Generate(server.Entropy);
        var connection = server.Of(to.Machine.Id);
        var session = SessionId.Create(server.Entropy);
        var handshake = SessionHandshake.Initiate(session, caller, PeerPin.To(connection.Key!), "alice", default, server.Entropy);
        return server.PushFor(
            connection, caller.PublicKey, session, "alice", new HandshakeOffer(HandshakePattern.IK, handshake.Outgoing), [.. candidates.Select(static text => HostileServer.Invented(text))]);
    }

    /// <summary>What a peer may hold more than before: some queues that have grown, no trace of thousands of messages.</summary>
    internal static void AssertBounded(long before, SimulatedPeer peer) => Assert.InRange(ReachableMemory.Of(peer.Machine), 0, before + 200_000);

    private static SessionPush Renamed(SessionPush push, HostileConnection to, PublicKey key) =>
        push with { RemoteKey = key, Plan = push.Plan with { Controlling = to.Peer < key.PeerId } };

    private static void AssertNobodyConnected(SimulatedPeer alice, SimulatedPeer bob)
    {
        Assert.Null(alice.Find<PeerEvent.Opened>());
        Assert.Null(bob.Find<PeerEvent.Opened>());
        Assert.Equal((0, 0), (alice.Machine.ConnectionCount, bob.Machine.ConnectionCount));
        Assert.Empty(bob.Received);
    }

    private sealed class OneKnownPeer(string name, PublicKey key) : IKnownPeers
    {
        public PublicKey? FindByName(string asked) => asked == name ? key : null;

        public PublicKey? FindById(PeerId id) => id == key.PeerId ? key : null;
    }
}
