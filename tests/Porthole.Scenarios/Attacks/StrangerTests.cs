using System.Text;
using Porthole.Lab;
using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>The attacker is somebody on the internet: it has no credentials, but it may have seen packets, and it can forge sources.</summary>
public sealed class StrangerTests
{
    private const string BobAddress = "203.0.113.30", Victim = "203.0.113.99", StrangerAddress = "203.0.113.66";

    private static readonly TransportAddress s_bob = TransportAddress.Parse($"{BobAddress}:{PeerMachineOptions.DefaultPort}");

    [Fact]
    public void Garbage_of_every_first_byte_is_answered_with_silence()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, _) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        var entropy = world.Simulation.CreateEntropy();
        long before = ReachableMemory.Of(bob.Machine);

        for (int first = 0; first < 256; first++)
        {
            foreach (int length in new[] { 1, 2, 8, 9, 17, 20, 33, 100, 1_200, 9_000 })
            {
                byte[] packet = new byte[length];
                entropy.Fill(packet);
                packet[0] = (byte)first;
                stranger.Send(s_bob, packet);
            }

            world.Run(0.01);
        }

        Assert.Empty(stranger.Received);
        AssertUnharmed(world, alice, bob, connection);
        Attack.AssertBounded(before, bob);
    }

    [Fact]
    public void Packets_with_a_guessed_or_an_observed_connection_id_are_answered_with_silence()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, captured) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        var entropy = world.Simulation.CreateEntropy();
        Assert.True(PacketHeader.TryReadConnection(captured.First(static packet => packet.Kind == PacketKind.Session).Bytes, out var observed));

        for (int i = 0; i < 2_000; i++)
        {
            byte[] packet = new byte[entropy.NextInt32(33, 1_200)];
            entropy.Fill(packet);
            packet[0] = (byte)(0x50 + (i % 16));
            (i % 2 == 0 ? observed : SessionId.Create(entropy)).WriteTo(packet.AsSpan(1));
            stranger.Send(s_bob, packet);
            if (i % 50 == 0) world.Run(0.01);
        }

        world.Run(1);
        Assert.Empty(stranger.Received);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Captured_packets_that_are_replayed_from_another_address_are_answered_with_silence()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, captured) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        long received = bob.BytesReceived;

        foreach (var packet in captured) stranger.Send(s_bob, packet.Bytes);
        world.Run(10);

        // ICE answers a check wherever it comes from: once, and with fewer bytes than it had. Nothing of the session goes there.
        int checks = captured.Count(static packet => packet.Kind == PacketKind.Stun);
        Assert.All(stranger.Received, static packet => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(packet.Bytes)));
        Assert.InRange(stranger.Received.Count, 0, checks * 8);
        Assert.Equal(received, bob.BytesReceived);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Captured_packets_that_are_replayed_under_their_own_source_are_delivered_once()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, captured) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        var source = bob.PathOf(bob.Opened)!.Remote!.Value;
        long received = bob.BytesReceived;

        for (int round = 0; round < 5; round++)
        {
            foreach (var packet in captured) stranger.Host.SendForged(source, s_bob, packet.Bytes);
            world.Run(1);
        }

        Assert.Equal(received, bob.BytesReceived);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Captured_packets_that_are_changed_and_sent_under_their_own_source_count_for_nothing()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, captured) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        var source = bob.PathOf(bob.Opened)!.Remote!.Value;
        var sealedPackets = captured.Where(static packet => packet.Kind == PacketKind.Session).Take(20).ToList();
        var entropy = world.Simulation.CreateEntropy();

        for (int i = 0; i < 3_000; i++)
        {
            byte[] changed = [.. sealedPackets[i % sealedPackets.Count].Bytes];
            changed[entropy.NextInt32(0, changed.Length)] ^= (byte)(1 << (i % 8));
            if (i % 3 == 0) changed[9 + (i % 8)] ^= 0x7F; // the packet number
            stranger.Host.SendForged(source, s_bob, changed);
            if (i % 100 == 0) world.Run(0.01);
        }

        world.Run(1);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Handshake_packets_that_are_replayed_at_a_session_earn_nobody_an_answer()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, _) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        byte[][] handshakes = [.. world.Tap!.RelayFrames.Select(static frame => frame.Message[9..]).Where(static packet => packet[0] is >= 0x59 and <= 0x5B)];
        Assert.NotEmpty(handshakes);

        for (int i = 0; i < 200; i++)
        {
            foreach (byte[] packet in handshakes)
            {
                stranger.Send(s_bob, packet);
                stranger.Host.SendForged(TransportAddress.Parse($"{Victim}:9000"), s_bob, packet);
            }

            world.Run(0.01);
        }

        Assert.Empty(stranger.Received);
        Assert.Equal(0, world.SentTo("bob", Victim));
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Checks_with_the_right_name_and_a_wrong_password_are_answered_with_silence()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, captured) = Converse(world);
        var stranger = world.AddStranger(StrangerAddress);
        byte[] observed = captured.First(static packet => packet.Kind == PacketKind.Stun && packet.Bytes[0] == 0 && packet.Bytes[1] == 1).Bytes;
        Assert.True(StunReader.TryParse(observed, out var reader));
        Assert.True(reader.TryGetBytes(StunAttributeType.Username, out var name));
        string username = Encoding.ASCII.GetString(name);

        for (int i = 0; i < 500; i++)
        {
            stranger.Send(s_bob, Forge(world, username, "not the password of anybody", i % 2 == 0));
            byte[] changed = [.. observed];
            changed[8 + (i % 12)] ^= 0x01; // another transaction under the same integrity
            stranger.Send(s_bob, changed);
            if (i % 20 == 0) world.Run(0.01);
        }

        world.Run(5);
        Assert.Empty(stranger.Received);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void Forged_answers_that_come_before_the_real_ones_change_neither_the_findings_nor_the_path()
    {
        var world = AttackWorld.WithHonestServer();
        var stranger = world.AddStranger(StrangerAddress);
        stranger.Host.Link.Up = LinkOptions.Perfect; // nobody is nearer
        var entropy = world.Simulation.CreateEntropy();
        int forged = 0;
        world.Capture = (entry, packet) =>
        {
            // Every request of bob's, to servers and to peers, is answered at once in the name of who was asked, with another address in it.
            if (entry.Place != "bob" || packet is not [0, 1, ..]) return;
            Assert.True(StunReader.TryParse(packet, out var request));
            var answer = new byte[256];
            foreach (var kind in new[] { StunClass.SuccessResponse, StunClass.ErrorResponse })
            {
                var writer = new StunWriter(answer, kind, StunMethod.Binding, request.TransactionId);
                if (kind == StunClass.SuccessResponse) writer.WriteXorAddress(StunAttributeType.XorMappedAddress, TransportAddress.Parse($"{Victim}:1"));
                else writer.WriteErrorCode(StunErrorCode.UnknownAttribute);
                writer.WriteIntegrity("a guess that is wrong"u8);
                writer.WriteFingerprint();
                var (source, bytes) = (entry.Flow.Destination, writer.Written.ToArray());
                world.Simulation.Schedule(entry.At, () => stranger.Host.SendForged(source, s_bob, bytes));
                forged++;
            }
        };

        var (alice, bob) = (world.AddAlice(), world.AddPublic("bob", BobAddress));
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);

        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp, 5));
        Assert.InRange(forged, 10, int.MaxValue);
        Assert.All(bob.Machine.Nat!.Mappings, static mapping => Assert.True(mapping.Mapped.SameHost(s_bob)));
        world.AssertSentOnlyTo("bob", AttackWorld.AlicePublic);
        AssertUnharmed(world, alice, bob, connection);
    }

    [Fact]
    public void A_stun_server_that_is_asked_with_forged_credentials_gives_no_proof_and_little_else()
    {
        var world = AttackWorld.WithHonestServer();
        var alice = world.AddAlice();
        var stranger = world.AddStranger(StrangerAddress);
        world.Warm(alice);
        var elsewhere = StunServerKey.Create(world.Simulation.CreateEntropy());
        var foreign = new StunCredentialIssuer(elsewhere).Issue(alice.Machine.Id, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        long sent = 0;

        for (int i = 0; i < 1_000; i++)
        {
            byte[] request = Forge(world, foreign.Username, foreign.Password, withSha256: i % 2 == 0);
            sent += request.Length;
            stranger.Send(AttackWorld.Stun[i % 4], request);
            if (i % 10 == 0) world.Run(0.01);
        }

        world.Run(1);
        Assert.InRange(stranger.Received.Count, 1, 500); // limited
        Assert.InRange(stranger.Received.Sum(static packet => packet.Bytes.Length), 0, sent);
        Assert.All(stranger.Received, static packet =>
        {
            Assert.True(StunReader.TryParse(packet.Bytes, out var answer));
            Assert.Equal(StunClass.ErrorResponse, answer.Class);
            Assert.False(answer.Has(StunAttributeType.ReflexiveProof));
        });
    }

    [Fact]
    public void A_stun_server_that_is_asked_in_a_victim_s_name_sends_it_less_than_was_asked()
    {
        var world = AttackWorld.WithHonestServer();
        var stranger = world.AddStranger(StrangerAddress);
        var victim = world.AddStranger(Victim, 9_000);
        long sent = 0;
        byte[] smallest = new byte[20];

        for (int i = 0; i < 10_000; i++)
        {
            new StunWriter(smallest, StunClass.Request, StunMethod.Binding, TransactionId.Create(world.Simulation.CreateEntropy())).Written.CopyTo(smallest);
            sent += smallest.Length;
            stranger.Host.SendForged(victim.Local, AttackWorld.Stun[i % 4], smallest);
            if (i % 10 == 0) world.Run(0.01);
        }

        world.Run(1);
        Assert.InRange(victim.Received.Sum(static packet => packet.Bytes.Length), 1, sent);
    }

    [Fact]
    public void A_peer_is_registered_although_a_stranger_floods_its_port()
    {
        var world = AttackWorld.WithHonestServer();
        var stranger = world.AddStranger(StrangerAddress);
        var (alice, bob) = (world.AddAlice(), world.AddPublic("bob", BobAddress));
        for (int i = 0; i < 5_000; i++)
        {
            byte[] packet = Forge(world, "a:b", "c", withSha256: false);
            world.Simulation.Schedule(Instant.FromMilliseconds(i), () => stranger.Send(s_bob, packet));
        }

        world.Warm(alice, bob);
        world.Converse(alice, bob);

        Assert.Empty(stranger.Received);
    }

    [Fact]
    public void Sealed_messages_of_the_server_that_are_repeated_swapped_dropped_or_changed_on_the_way_end_that_connection_alone()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection, _) = Converse(world);
        foreach (int attack in Enumerable.Range(0, 4))
        {
            var messages = new Dictionary<SocketId, List<byte[]>>();
            int lost = Lost(alice) + Lost(bob);
            world.Tap!.Outgoing = (socket, message) =>
            {
                if (message[0] != 0x02) return [(socket, message)];
                byte[] changed = [.. message];
                changed[^1] ^= 0x01;
                if (!messages.TryGetValue(socket, out var kept)) messages[socket] = kept = [];
                kept.Add(message);
                return attack switch
                {
                    0 => [(socket, message), (socket, [.. message])],
                    1 => kept.Count % 2 == 1 ? [] : [(socket, message), (socket, kept[^2])],
                    2 => kept.Count % 2 == 1 ? [] : [(socket, message)],
                    _ => [(socket, changed)],
                };
            };
            world.Run(90);
            world.Tap.Outgoing = null;
            Assert.True(Lost(alice) + Lost(bob) > lost, $"attack {attack} is noticed");
            world.Run(60);
            AssertUnharmed(world, alice, bob, connection);
        }

        // And both are there for new calls.
        var second = bob.Connect("alice");
        Assert.True(world.Until(() => bob.Opened == second, 10));

        static int Lost(SimulatedPeer peer) => peer.Events.Count(static entry => entry.Event is PeerEvent.ServerLost);
    }

    private static (SimulatedPeer Alice, SimulatedPeer Bob, ConnectionHandle Connection, List<(PacketKind Kind, byte[] Bytes)> Captured) Converse(AttackWorld world)
    {
        var (alice, bob) = (world.AddAlice(), world.AddPublic("bob", BobAddress));
        world.Warm(alice, bob);
        var captured = new List<(PacketKind, byte[])>();
        world.Capture = (entry, packet) =>
        {
            if (entry.Place == "alice" && entry.Flow.Destination == s_bob) captured.Add((entry.Kind, packet));
        };
        var connection = world.Converse(alice, bob);
        Assert.True(world.Until(() => alice.PathOf(connection)?.Kind == PathKind.Udp && bob.PathOf(bob.Opened)?.Kind == PathKind.Udp, 5));
        world.AssertAlive(alice, connection, bob);
        world.Capture = null;
        return (alice, bob, connection, captured);
    }

    private static void AssertUnharmed(AttackWorld world, SimulatedPeer alice, SimulatedPeer bob, ConnectionHandle connection)
    {
        world.AssertAlive(alice, connection, bob);
        world.AssertAlive(bob, bob.Opened, alice);
        Assert.Equal(PathKind.Udp, bob.PathOf(bob.Opened)?.Kind);
        Assert.Equal((1, 1), (alice.Machine.ConnectionCount, bob.Machine.ConnectionCount));
    }

    private static byte[] Forge(AttackWorld world, string username, string password, bool withSha256)
    {
        Span<byte> buffer = stackalloc byte[512];
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(world.Simulation.CreateEntropy()));
        writer.WriteText(StunAttributeType.Username, username);
        writer.WriteUInt32(StunAttributeType.Priority, 1_000_000);
        writer.WriteUInt64(StunAttributeType.IceControlling, 1);
        if (withSha256) writer.WriteIntegritySha256(Encoding.ASCII.GetBytes(password));
        else writer.WriteIntegrity(Encoding.ASCII.GetBytes(password));
        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }
}
