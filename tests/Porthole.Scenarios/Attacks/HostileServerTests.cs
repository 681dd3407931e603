using System.Collections.Immutable;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
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
        Assert.All(
            alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.ServerLost>(),
            static lost => Assert.True(lost.Error is PeerError.ServerUnreachable or PeerError.WrongServerKey));
    }

    [Theory]
    [InlineData(RendezvousError.WrongServerKey)]
    [InlineData(RendezvousError.WrongToken)]
    [InlineData(RendezvousError.UnsupportedVersion)]
    [InlineData(RendezvousError.ReplacedByNewConnection)]
    [InlineData(RendezvousError.Stopped)]
    [InlineData((RendezvousError)200)]
    public void Somebody_on_the_way_who_refuses_in_the_server_s_place_does_not_keep_a_peer_away_for_good(RendezvousError error)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);

        world.Do(server =>
        {
            server.OnHello = connection => connection.Send([(byte)MainMessageKind.Refusal, (byte)error]);
            server.Close(server.Of(alice.Machine.Id).Socket);
        });
        world.Run(30);
        Assert.DoesNotContain(world.Hostile!.Connections, connection => connection.Peer == alice.Machine.Id);
        world.Hostile.OnHello = null; // the stranger is gone
        world.Run(45);

        world.Converse(bob, alice, to: "alice");
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

        Assert.Equal(PeerError.WrongPeer, Attack.Failure(alice, connection));
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

        Assert.Equal(PeerError.KeyChanged, Attack.Failure(alice, connection));
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
            var key = world.Hostile.Of(bob.Machine.Id).Key!;
            from.Say(new ServerMessage.SessionBegun(world.Hostile.PushFor(from, key, connect.Session, connect.Target, null)));
            var verdict = SessionHandshake.TryRespond(
                connect.Session, impostor, from.Peer, connect.Target, default, connect.Offer.Message.Span, world.Hostile.Entropy, out var handshake);
            Assert.Equal(HandshakeVerdict.Accepted, verdict); // first contact by name: anybody can answer
            from.Send(Attack.Relayed(connect.Session, handshake!.Outgoing.Span));
            return true;
        };

        var connection = alice.Connect("bob");
        world.Run(40);

        Assert.Contains(Attack.Failure(alice, connection), new PeerError?[] { PeerError.KeyChanged, PeerError.WrongPeer });
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
    public void Who_is_told_to_wait_begins_when_the_other_has_begun()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddPublic("bob", AttackWorld.BobPublic));
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push.IsInitiator ? push : push with { Plan = push.Plan with { StartDelay = RendezvousLimits.MaxStartDelay } };

        alice.Connect("bob");
        Assert.True(world.Until(() => world.SentTo("bob", AttackWorld.AlicePublic) > 0, 1));
        var began = world.Simulation.Now;
        world.Run(2);

        // Bob was told to wait 100 ms; alice was not, so her first check is there long before.
        Assert.Equal(bob.Events.First(static entry => entry.Event is PeerEvent.CheckTraced { Step: CheckStep.Received }).At, began);
        Assert.True(bob.PathOf(bob.Opened)!.IsDirect);
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

        Assert.NotNull(Attack.Failure(alice, connection));
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
        Attack.AssertBounded(before, alice);
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
        Attack.AssertBounded(before, alice);
    }

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
