using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>The other peer is the attacker: it has valid credentials, a key of its own and a session, and the server is honest.</summary>
public sealed class HostilePeerTests
{
    private const string BobAddress = "203.0.113.30", Victim = "203.0.113.99";

    private static readonly TransportAddress s_bob = TransportAddress.Parse($"{BobAddress}:{PeerMachineOptions.DefaultPort}");

    [Fact]
    public void Random_frames_under_valid_keys_end_that_session_and_no_other()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        var entropy = world.Simulation.CreateEntropy();
        long before = ReachableMemory.Of(bob.Machine);

        for (int i = 0; i < 60; i++)
        {
            Establish(world, mallory);
            for (int k = 0; k < 10; k++)
            {
                byte[] frames = new byte[entropy.NextInt32(1, 1_000)];
                entropy.Fill(frames);
                if (k % 2 == 0) frames[0] = (byte)entropy.NextInt32(0, 0x32); // a type that exists, and nonsense behind it
                mallory.Relay(mallory.Seal(frames));
            }

            world.Run(3);
        }

        world.Run(60);
        Assert.Equal(1, bob.Machine.ConnectionCount);
        Assert.InRange(bob.Events.Count(static entry => entry.Event is PeerEvent.Closed { Error: PeerError.ProtocolViolation }), 50, 60);
        world.AssertAlive(alice, connection, bob);
        Attack.AssertBounded(before, bob);
    }

    [Theory]
    [InlineData("0E 00 FF FF FF FF FF FF FF FF 01 00")] // STREAM at an offset of 2^62
    [InlineData("0A 41 90 01 00")] // STREAM 400: beyond the limit of streams
    [InlineData("0A 01 01 00")] // STREAM 1: one that bob must open himself
    [InlineData("0E 00 80 10 00 00 01 00")] // beyond flow control
    [InlineData("04 00 00 FF FF FF FF FF FF FF FF")] // RESET_STREAM with a final size of 2^62
    [InlineData("02 FF FF FF FF FF FF FF FF 00 00 00")] // ACK of what was never sent
    [InlineData("02 00 00 00 05")] // ACK with a range below zero
    [InlineData("12 FF FF FF FF FF FF FF FF")] // MAX_STREAMS 2^62
    [InlineData("16 FF FF FF FF FF FF FF FF")] // STREAMS_BLOCKED 2^62
    [InlineData("1A 00")] // PATH_CHALLENGE cut short
    [InlineData("31 41 00 00")] // DATAGRAM longer than the packet
    [InlineData("3F")] // a type that does not exist
    [InlineData("40 01")] // a type in two bytes
    public void A_frame_against_the_rules_ends_that_session_in_bounded_time(string frames)
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        Establish(world, mallory);

        for (int i = 0; i < 20; i++) mallory.Relay(mallory.Seal(Convert.FromHexString(frames.Replace(" ", "", StringComparison.Ordinal))));
        world.Run(60);

        Assert.Single(bob.Events, static entry => entry.Event is PeerEvent.Closed { Error: PeerError.ProtocolViolation });
        Assert.Equal(1, bob.Machine.ConnectionCount);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void A_caller_who_never_confirms_is_never_announced()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);

        mallory.Call("bob"); // XX: message 3 would be hers to send
        world.Run(0.03); // the push is under way, her keys are not there yet
        mallory.Host.Link.IsUp = false;
        world.Run(60);

        Assert.Null(bob.Find<PeerEvent.Opened>());
        Assert.Equal(0, bob.Machine.ConnectionCount);
    }

    [Fact]
    public void Streams_without_end_cost_no_memory_without_end()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        Establish(world, mallory);
        long before = ReachableMemory.Of(bob.Machine);

        // Each with one byte and a gap before it, so that nothing can be handed over: as many as are allowed, again and again.
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 100; i++) mallory.Relay(mallory.Seal([0x0E, .. Number(4 * i), .. Number(1_000 + (round * 2)), .. Number(1), 7]));
            world.Run(0.1);
        }

        Assert.InRange(ReachableMemory.Of(bob.Machine) - before, 0, MaxSessionMemory);
        world.AssertAlive(alice, connection, bob);
        world.Run(120);
        Assert.Equal(1, bob.Machine.ConnectionCount);
    }

    [Fact]
    public void Streams_that_are_opened_and_reset_without_end_cost_no_memory_without_end()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);
        Establish(world, mallory);
        long before = ReachableMemory.Of(bob.Machine);

        for (int i = 0; i < 5_000; i++)
        {
            mallory.Relay(mallory.Seal([0x0A, .. Number(4 * i), .. Number(1), 7, 0x04, .. Number(4 * i), .. Number(0), .. Number(1)]));
            if (i % 50 == 0) world.Run(0.02);
        }

        world.Run(1);
        Attack.AssertBounded(before, bob);
    }

    [Fact]
    public void Datagrams_and_pings_without_end_cost_no_memory_and_no_more_answers_than_questions()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        Establish(world, mallory);
        long before = ReachableMemory.Of(bob.Machine);
        long sent = bob.Host.Traffic.MessageBytesSent;
        long bytes = 0;

        for (int i = 0; i < 5_000; i++)
        {
            byte[] packet = mallory.Seal([0x01, 0x1A, 1, 2, 3, 4, 5, 6, 7, 8, 0x30, .. new byte[100]]);
            bytes += packet.Length;
            mallory.Relay(packet);
            if (i % 50 == 0) world.Run(0.02);
        }

        world.Run(1);
        Assert.InRange(ReachableMemory.Of(bob.Machine) - before, 0, MaxSessionMemory); // she acknowledges nothing: what was sent is remembered for a while
        Assert.InRange(bob.Host.Traffic.MessageBytesSent - sent, 0, 3 * bytes);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Old_packets_and_old_handshake_messages_of_the_own_session_are_taken_once()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);
        var handshakes = new List<byte[]>();
        Establish(world, mallory, () =>
        {
            handshakes.AddRange(world.Tap!.RelayFrames.Select(static frame => frame.Message[RelayFrame.HeaderSize..]).Where(static packet => packet[0] >= 0x58));
        });
        byte[] hello = mallory.Seal([0x0B, .. Number(0), .. Number(5), .. "hello"u8]);

        for (int i = 0; i < 200; i++)
        {
            mallory.Relay([.. hello]);
            foreach (byte[] handshake in handshakes) mallory.Relay([.. handshake]);
            world.Run(0.01);
        }

        Assert.Equal("hello"u8.ToArray(), Assert.Single(bob.Received));
        Assert.Single(bob.Events, static entry => entry.Event is PeerEvent.Opened);
        Assert.Equal(1, bob.Machine.ConnectionCount);
    }

    [Fact]
    public void Sealed_packets_to_an_address_that_was_never_checked_are_not_taken()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);
        Establish(world, mallory);
        world.Run(15); // the punch is over: she has answered no check
        int sent = world.SentTo("bob", Mallory.Address);

        for (int i = 0; i < 100; i++) mallory.Send(s_bob, mallory.Seal([0x0A, .. Number(0), .. Number(1), 7]));
        world.Run(5);

        Assert.Empty(bob.Received);
        Assert.Equal(sent, world.SentTo("bob", Mallory.Address));
    }

    [Fact]
    public void A_candidate_without_a_proof_is_handed_to_nobody()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);

        mallory.Register("mallory", HostileServer.Invented($"{Victim}:53"), HostileServer.Invented($"{Victim}:9000", CandidateKind.Host));
        Establish(world, mallory);
        mallory.Do((client, now) => client.SendCandidates(now, mallory.Session, 0, [HostileServer.Invented($"{Victim}:53")]));
        world.Run(30);

        Assert.Equal(0, mallory.Find<RendezvousEvent.Registered>()?.Candidates);
        world.AssertSentOnlyTo("bob");
        Assert.NotNull(bob.Find<PeerEvent.Opened>());
    }

    [Fact]
    public void A_proof_of_one_address_proves_no_other()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, _, mallory) = Start(world);
        Assert.False(mallory.Proof.IsEmpty);

        mallory.Register(
            "mallory",
            HostileServer.Invented($"{Victim}:9000") with { Proof = mallory.Proof, Base = TransportAddress.Parse($"{Mallory.Address}:6666") },
            HostileServer.Invented($"{Victim}:6666") with { Proof = mallory.Proof, Base = TransportAddress.Parse($"{Victim}:6666") });
        Establish(world, mallory);
        world.Run(30);

        Assert.Equal(0, mallory.Find<RendezvousEvent.Registered>()?.Candidates);
        world.AssertSentOnlyTo("bob");
    }

    [Fact]
    public void Another_peer_s_proof_proves_nothing()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, _, mallory) = Start(world);
        byte[] stolen = new byte[ReflexiveProof.Size];
        var address = TransportAddress.Parse($"{AttackWorld.AlicePublic}:40000");
        ReflexiveProof.Issue(world.StunKey, world.StunKey.TagOf(alice.Machine.Id), address, s_bob, new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero), stolen);

        mallory.Register("mallory", HostileServer.Invented(address.ToString()) with { Proof = stolen, Base = s_bob });
        Establish(world, mallory);
        world.Run(30);

        Assert.Equal(0, mallory.Find<RendezvousEvent.Registered>()?.Candidates);
        world.AssertSentOnlyTo("bob");
    }

    [Fact]
    public void Another_peer_s_name_is_not_to_be_had_even_when_it_is_away()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);

        mallory.Register("alice");
        world.Run(1);
        Assert.Equal(RendezvousError.NameTaken, mallory.Find<RendezvousEvent.Refused>()?.Error);
        alice.Kill();
        world.Run(90);
        mallory.Register("alice");
        world.Run(1);

        Assert.Equal(RendezvousError.NameTaken, mallory.Find<RendezvousEvent.Refused>()?.Error);
        var connection = bob.Connect("alice");
        world.Run(5);
        Assert.Equal(PeerError.PeerOffline, Attack.Failure(bob, connection));
    }

    [Fact]
    public void Another_peer_s_first_message_does_not_make_one_that_peer()
    {
        var world = AttackWorld.WithHonestServer();
        var aliceKey = IdentityKey.Generate(world.Simulation.CreateEntropy());
        var alice = world.AddAlice(options => options with { Identity = aliceKey });
        var bob = world.AddPublic("bob", BobAddress);
        var mallory = new Mallory(world);
        mallory.Register("mallory");
        world.Warm(alice, bob);
        foreach (var pin in new[] { PeerPin.None, PeerPin.To(bob.Machine.Id) })
        {
            // As alice would have sent it for this very session.
            var session = SessionId.Create(world.Simulation.CreateEntropy());
            var recorded = SessionHandshake.Initiate(session, aliceKey, pin, "bob", default, world.Simulation.CreateEntropy());
            mallory.Call("bob", recorded.Outgoing.ToArray(), session);
            world.Run(30);
        }

        Assert.Null(bob.Find<PeerEvent.Opened>());
        Assert.Equal(0, bob.Machine.ConnectionCount);
    }

    [Fact]
    public void Another_session_s_id_opens_no_way_into_it()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        var session = SessionId.Read(world.Tap!.RelayFrames[0].Message.AsSpan(1));
        byte[] recorded = world.Tap.RelayFrames[^1].Message[RelayFrame.HeaderSize..];
        int frames = world.Tap.RelayFrames.Count;

        mallory.Call("bob", session: session);
        world.Run(1);
        mallory.Do((client, now) =>
        {
            client.Reopen(now, session, bob.Machine.Id, 0);
            client.Reopen(now, session, alice.Machine.Id, 0);
            client.Restart(now, session, 0);
            client.Accept(now, session);
            client.Release(now, session);
            client.SendCandidates(now, session, 0, [HostileServer.Invented($"{Victim}:9000")]);
        });
        for (int i = 0; i < 50; i++) mallory.Relay(recorded, session);
        world.Run(5);

        Assert.Equal(RendezvousError.SessionInUse, mallory.Events.OfType<RendezvousEvent.Refused>().FirstOrDefault(refused => refused.Session == session)?.Error);
        Assert.DoesNotContain(world.Tap.RelayFrames.Skip(frames), frame => frame.Message.AsSpan(RelayFrame.HeaderSize).SequenceEqual(recorded));
        world.AssertAlive(alice, connection, bob);
        world.AssertSentOnlyTo("bob", AttackWorld.AlicePublic);
    }

    [Fact]
    public void Authentic_checks_from_ever_new_ports_are_learnt_in_bounded_number()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        Establish(world, mallory);
        long before = ReachableMemory.Of(bob.Machine);
        var entropy = world.Simulation.CreateEntropy();
        int sentBefore = world.SentTo("bob", Mallory.Address), checks = 0;
        var opposite = Opposite(mallory.Push!.Plan);

        for (int port = 10_000; port < 13_000; port++)
        {
            mallory.Host.SendForged(TransportAddress.Parse($"{Mallory.Address}:{port}"), s_bob, InventedCandidatesTests.Check(opposite, entropy));
            checks++;
            if (port % 30 == 0) world.Run(0.05);
        }

        world.Run(30);
        Attack.AssertBounded(before, bob);
        // An answer for each, and what an agent may spend on the addresses that it learns.
        Assert.InRange(world.SentTo("bob", Mallory.Address) - sentBefore, 1, checks + 2_000);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Authentic_checks_under_a_third_address_do_not_move_the_session_there()
    {
        var world = AttackWorld.WithHonestServer();
        var (_, bob, mallory) = Start(world);
        var victim = world.AddStranger(Victim, 9_000);
        Establish(world, mallory);
        var entropy = world.Simulation.CreateEntropy();
        var opposite = Opposite(mallory.Push!.Plan);
        byte[] data = [0x0A, .. Number(0), .. Number(1), 7];
        long sent = 0;

        for (int i = 0; i < 20; i++)
        {
            byte[] check = InventedCandidatesTests.Check(opposite, entropy);
            byte[] packet = mallory.Seal(data);
            mallory.Host.SendForged(victim.Local, s_bob, check);
            mallory.Host.SendForged(victim.Local, s_bob, packet);
            sent += check.Length + packet.Length;
            bob.Send(bob.Opened, AttackWorld.Secret);
            world.Run(0.5);
        }

        world.Run(20);
        Assert.NotEmpty(victim.Received); // answers to what seemed to come from there
        Assert.All(victim.Received, static packet => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(packet.Bytes)));
        Assert.InRange(victim.Received.Sum(static packet => packet.Bytes.Length), 0, 3 * sent);
        Assert.NotEqual(PathKind.Udp, bob.PathOf(bob.Opened)?.Kind);
    }

    [Fact]
    public void Calls_without_end_are_let_through_in_bounded_number()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, mallory) = Start(world);
        var connection = world.Converse(alice, bob);
        int most = 0;

        for (int i = 0; i < 500; i++)
        {
            mallory.Call("bob");
            world.Run(0.1);
            most = Math.Max(most, bob.Machine.ConnectionCount);
        }

        Assert.InRange(most, 1, 1 + CallLimit);
        world.AssertAlive(alice, connection, bob);
    }

    /// <summary>What one session may cost: a megabyte that the program has not read, and the records of 65,536 packets.</summary>
    private const int MaxSessionMemory = 8 << 20;

    /// <summary>Half-open calls, and the sessions of one caller that an honest server lets stand.</summary>
    private const int CallLimit = 64 + 128;

    private static (SimulatedPeer Alice, SimulatedPeer Bob, Mallory Mallory) Start(AttackWorld world)
    {
        var (alice, bob, mallory) = (world.AddAlice(), world.AddPublic("bob", BobAddress), new Mallory(world));
        mallory.Register("mallory");
        world.Warm(alice, bob);
        return (alice, bob, mallory);
    }

    /// <summary>A session with bob that stands: both have keys, and he has heard from her.</summary>
    private static void Establish(AttackWorld world, Mallory mallory, Action? afterwards = null)
    {
        mallory.Call("bob");
        Assert.True(world.Until(() => mallory.HasKeys, 30), "mallory gets a session");
        mallory.Relay(mallory.Seal(0x01));
        world.Run(0.1);
        afterwards?.Invoke();
    }

    private static PunchPlan Opposite(PunchPlan plan) => plan with { Local = plan.Remote, Remote = plan.Local, Controlling = !plan.Controlling };

    /// <summary>A variable-length integer (RFC 9000 section 16) in four bytes.</summary>
    private static byte[] Number(int value) => [(byte)(0x80 | (value >> 24)), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
