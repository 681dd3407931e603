using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Scenarios.Attacks;

/// <summary>The relay is the attacker: it replays, reorders, drops, changes, invents and misdirects the frames it should pass on.</summary>
public sealed class HostileRelayTests
{
    private static Func<PeerMachineOptions, PeerMachineOptions> RelayOnly => static options => options with { Transports = Transports.None };

    [Fact]
    public void Frames_that_are_replayed_again_and_again_are_delivered_once()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var frames = new List<(SocketId To, byte[] Frame)>();
        world.Hostile!.OnRelay = (_, to, frame) =>
        {
            world.Hostile.Send(to.Socket, frame);
            frames.Add((to.Socket, frame));
            foreach (var old in frames.TakeLast(20).ToArray()) world.Hostile.Send(old.To, [.. old.Frame]);
        };

        var connection = world.Converse(alice, bob);
        for (int i = 0; i < 20; i++) world.AssertAlive(alice, connection, bob);

        Assert.Equal(21 * AttackWorld.Secret.Length, bob.BytesReceived);
        Assert.All(bob.Received, static bytes => Assert.Equal(AttackWorld.Secret, bytes));
    }

    [Fact]
    public void Handshake_messages_that_are_replayed_open_no_second_connection_and_change_no_keys()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var handshakes = new List<(SocketId To, byte[] Frame)>();
        world.Hostile!.OnRelay = (_, to, frame) =>
        {
            if (PacketHeader.TryReadHandshake(frame.AsSpan(RelayFrame.HeaderSize), out var _, out int _)) handshakes.Add((to.Socket, [.. frame]));
            world.Hostile.Send(to.Socket, frame);
        };
        var connection = world.Converse(alice, bob);
        byte[] hash = alice.Machine.GetHandshakeHash(connection).ToArray();
        Assert.NotEmpty(handshakes);

        for (int i = 0; i < 100; i++)
        {
            world.Do(server => handshakes.ToList().ForEach(old => server.Send(old.To, [.. old.Frame])));
            world.Run(0.05);
        }

        world.AssertAlive(alice, connection, bob);
        world.AssertAlive(bob, bob.Opened, alice);
        Assert.Equal(hash, alice.Machine.GetHandshakeHash(connection).ToArray());
        Assert.Equal(hash, bob.Machine.GetHandshakeHash(bob.Opened).ToArray());
        Assert.Equal((1, 1), (alice.Machine.ConnectionCount, bob.Machine.ConnectionCount));
    }

    [Fact]
    public void Frames_of_the_first_session_that_are_replayed_into_the_second_do_nothing()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var old = new List<(PeerId To, byte[] Frame)>();
        world.Hostile!.OnRelay = (_, to, frame) =>
        {
            old.Add((to.Peer, [.. frame]));
            world.Hostile.Send(to.Socket, frame);
        };
        var first = world.Converse(alice, bob);
        alice.Invoke((machine, now) => machine.Close(now, first, 0, "done"));
        world.Run(5);
        var second = default(SessionId);
        world.Hostile.OnRelay = null;
        world.Hostile.ChangePush = (push, _) =>
        {
            second = push.Session;
            return push;
        };
        long received = bob.BytesReceived;
        var connection = alice.Connect("bob");
        Assert.True(world.Until(() => alice.Opened == connection, 5));

        foreach (var (to, frame) in old)
        {
            byte[] renamed = [.. frame];
            RelayFrame.WriteHeader(renamed, second);
            byte[] both = [.. renamed];
            second.WriteTo(both.AsSpan(RelayFrame.HeaderSize + 1)); // the connection id inside too
            world.Do(server =>
            {
                server.Send(server.Of(to).Socket, [.. frame]);
                server.Send(server.Of(to).Socket, renamed);
                server.Send(server.Of(to).Socket, both);
            });
        }

        world.Run(1);
        Assert.Equal(received, bob.BytesReceived);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Frames_that_are_sent_back_to_their_sender_do_nothing()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        world.Hostile!.OnRelay = (from, to, frame) =>
        {
            world.Hostile.Send(from.Socket, [.. frame]);
            world.Hostile.Send(to.Socket, frame);
        };

        var connection = world.Converse(alice, bob);

        world.AssertAlive(alice, connection, bob);
        Assert.Equal(AttackWorld.Secret.Length, alice.BytesReceived);
    }

    [Fact]
    public void Frames_in_any_order_are_put_in_order()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);
        byte[] bytes = new byte[100_000];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)(i * 31 + (i >> 8));
        var kept = new List<(SocketId To, byte[] Frame)>();
        world.Hostile!.OnRelay = (_, to, frame) =>
        {
            kept.Insert(0, (to.Socket, frame));
            if (kept.Count < 3) return;
            kept.ForEach(old => world.Hostile.Send(old.To, old.Frame)); // the last first
            kept.Clear();
        };

        alice.Send(connection, bytes);

        Assert.True(world.Until(() => bob.BytesReceived == AttackWorld.Secret.Length + bytes.Length, 60));
        Assert.Contains(bob.Received, received => received.AsSpan().SequenceEqual(bytes));
    }

    [Fact]
    public void Frames_whose_bytes_are_changed_count_as_lost()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);
        int frames = 0;
        world.Hostile!.OnRelay = (_, to, frame) =>
        {
            if (++frames % 3 == 0) frame[^(1 + (frames % 40))] ^= 0x40;
            if (frames % 7 == 0) frame = frame[..^1];
            world.Hostile.Send(to.Socket, frame);
        };
        byte[] bytes = new byte[50_000];
        bytes.AsSpan().Fill(7);

        alice.Send(connection, bytes);

        Assert.True(world.Until(() => bob.BytesReceived == AttackWorld.Secret.Length + bytes.Length, 120));
        Assert.Contains(bob.Received, received => received.AsSpan().SequenceEqual(bytes));
    }

    [Fact]
    public void A_relay_that_drops_everything_ends_the_session_with_a_reason_in_bounded_time()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);

        world.Hostile!.OnRelay = static (_, _, _) => { };
        alice.Send(connection, AttackWorld.Secret);

        Assert.True(world.Until(() => alice.Find<PeerEvent.Closed>() is not null && bob.Find<PeerEvent.Closed>() is not null, 60));
        Assert.Equal(PeerError.Lost, alice.Find<PeerEvent.Closed>()!.Error);
    }

    [Fact]
    public void A_relay_that_drops_everything_from_the_start_does_not_stop_a_direct_connection()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.OnRelay = static (_, _, _) => { };

        var connection = world.Converse(alice, bob);

        Assert.Equal(PathKind.Udp, alice.PathOf(connection)?.Kind);
    }

    [Fact]
    public void Invented_frames_of_every_kind_into_every_session_change_nothing()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push;
        };
        var connection = world.Converse(alice, bob);
        long before = ReachableMemory.Of(alice.Machine);
        var entropy = world.Simulation.CreateEntropy();

        for (int i = 0; i < 4_000; i++)
        {
            byte[] packet = new byte[entropy.NextInt32(0, 300)];
            entropy.Fill(packet);
            if (packet.Length > 17)
            {
                packet[0] = (byte)(0x50 + (i % 16));
                (i % 5 == 0 ? new SessionId(99) : session).WriteTo(packet.AsSpan(1));
            }

            world.Do(server => server.Send(server.Of(alice.Machine.Id).Socket, Attack.Relayed(i % 3 == 0 ? new SessionId((ulong)i + 1) : session, packet)));
            if (i % 100 == 0) world.Run(0.01);
        }

        world.Run(1);
        world.AssertAlive(alice, connection, bob);
        world.AssertAlive(bob, bob.Opened, alice);
        Attack.AssertBounded(before, alice);
    }

    [Fact]
    public void Two_sessions_whose_frames_are_swapped_hear_nothing_of_each_other()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(RelayOnly), world.AddBob(RelayOnly));
        var carol = world.AddPublic("carol", "203.0.113.30", RelayOnly);
        world.Warm(alice, bob, carol);
        var toBob = world.Converse(alice, bob);
        var toCarol = alice.Connect("carol");
        Assert.True(world.Until(() => alice.Opened == toCarol && carol.Opened != default, 5));
        world.Hostile!.OnRelay = (from, to, frame) =>
        {
            // To the right receiver, and to the other one as well.
            world.Hostile.Send(to.Socket, frame);
            if (from.Peer != alice.Machine.Id) return;
            var other = world.Hostile.Of(to.Peer == bob.Machine.Id ? carol.Machine.Id : bob.Machine.Id);
            world.Hostile.Send(other.Socket, [.. frame]);
        };

        world.AssertAlive(alice, toBob, bob);

        Assert.Equal(0, carol.BytesReceived);
        world.AssertAlive(alice, toCarol, carol);
        Assert.Equal(2 * AttackWorld.Secret.Length, bob.BytesReceived);
    }
}
