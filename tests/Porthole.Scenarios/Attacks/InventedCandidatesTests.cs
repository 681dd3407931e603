using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>The server invents addresses, to have peers probe networks or flood a victim for it.</summary>
public sealed class InventedCandidatesTests
{
    private const string Victim = "203.0.113.99";

    [Theory]
    [InlineData("127.0.0.1:8900", CandidateKind.Host)]
    [InlineData("127.0.0.1:8900", CandidateKind.ServerReflexive)]
    [InlineData("224.0.0.1:8900", CandidateKind.Host)]
    [InlineData("239.255.255.250:1900", CandidateKind.ServerReflexive)]
    [InlineData("255.255.255.255:8900", CandidateKind.Host)]
    [InlineData("0.0.0.0:8900", CandidateKind.Host)]
    [InlineData("169.254.1.1:8900", CandidateKind.Host)]
    [InlineData("192.168.7.7:8900", CandidateKind.Host)] // private, and of a network that alice is not on
    [InlineData("192.168.7.7:8900", CandidateKind.ServerReflexive)]
    [InlineData("10.0.0.1:8900", CandidateKind.Host)]
    [InlineData("100.64.0.1:8900", CandidateKind.ServerReflexive)]
    [InlineData("192.168.1.50:80", CandidateKind.Host)] // her own network, but a port of the system's services
    [InlineData("192.168.1.50:1023", CandidateKind.Host)]
    [InlineData("[::1]:8900", CandidateKind.Host)]
    [InlineData("[ff02::1]:8900", CandidateKind.Host)]
    [InlineData("203.0.113.99:0", CandidateKind.ServerReflexive)]
    public void An_address_that_no_honest_server_hands_out_is_sent_nothing(string address, CandidateKind kind)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var invented = HostileServer.Invented(address, kind);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push with { Plan = push.Plan with { Candidates = push.Plan.Candidates.Insert(0, invented) } };
        };

        var connection = world.Converse(alice, bob);
        world.Tell(alice, new ServerMessage.Candidates(session, 0, [invented]));
        world.Tell(alice, new ServerMessage.Restarted(session, HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob.Machine.Id, 1, invented)));
        world.Run(30);

        world.AssertSentOnlyTo("alice", AttackWorld.BobPublic);
        world.AssertSentOnlyTo("bob", AttackWorld.AlicePublic);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void A_server_that_claims_a_common_network_gets_four_private_addresses_probed_and_no_more()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, to) =>
        {
            session = push.Session;
            if (to.Peer != alice.Machine.Id) return push;
            var own = HostileServer.Invented($"{AttackWorld.AlicePublic}:40000");
            return push with { Plan = push.Plan with { Candidates = [.. Scan(1, 19).Append(own)] } };
        };
        alice.Connect("bob");
        world.Run(5);
        Assert.InRange(Probed(), 1, 4);

        // And neither more candidates nor restarts turn it into a scan.
        for (int i = 1; i < 250; i++)
        {
            var plan = HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob.Machine.Id, i, [.. Scan(i, 4)]);
            world.Tell(alice, new ServerMessage.Candidates(session, i - 1, [.. Scan(i, 4)]), new ServerMessage.Restarted(session, plan));
            world.Run(0.2);
        }

        Assert.InRange(Probed(), 1, 16);

        int Probed() => world.SentBy("alice").Keys.Select(static address => address.Host).Count(static address => address.IsPrivate);
        static IEnumerable<CandidateInfo> Scan(int first, int count) =>
            Enumerable.Range(first, count).Select(static i => HostileServer.Invented($"192.168.1.{i % 9 + 1 + i / 9}:9000", CandidateKind.Host));
    }

    [Fact]
    public void A_thousand_candidates_make_twenty_destinations()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push with { Plan = push.Plan with { Candidates = [] } };
        };
        var connection = world.Converse(alice, bob);

        for (int i = 0; i < 50; i++)
        {
            int first = i * 20;
            var twenty = Enumerable.Range(first, 20).Select(static k => HostileServer.Invented($"{Victim}:{10_000 + k}"));
            world.Tell(alice, new ServerMessage.Candidates(session, 0, [.. twenty]));
            world.Run(0.1);
        }

        world.Run(30);
        var ports = world.SentBy("alice").Keys.Where(static address => address.SameHost(TransportAddress.Parse($"{Victim}:0"))).ToList();
        Assert.InRange(ports.Count, 1, RendezvousLimits.MaxCandidates);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void A_thousand_candidates_in_one_message_are_a_reason_to_leave()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);

        string list = string.Join(',', Enumerable.Range(0, 1_000).Select(static i =>
            $$"""{"kind":"serverreflexive","transport":"udp","address":"203.0.113.99:{{10_000 + i}}","base":"0.0.0.0:0","priority":1,"foundation":"1","proof":""}"""));
        world.Do(server => server.Of(alice.Machine.Id).SayJson($$"""{"type":"candidates","session":"0000000000000001","generation":0,"list":[{{list}}]}"""[..60_000]));
        world.Do(server => server.Of(alice.Machine.Id).SayJson($$"""{"type":"candidates","session":"0000000000000001","generation":0,"list":[{{list[..14_000]}}]}"""));
        world.Run(3);

        Assert.Equal(PeerError.ProtocolViolation, alice.Find<PeerEvent.ServerLost>()?.Error);
        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void A_victim_named_as_the_peer_s_address_is_checked_for_a_while_and_hears_nothing_of_the_session()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        var victim = world.AddStranger(Victim, 9_000);
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { Candidates = [HostileServer.Invented($"{Victim}:9000")] } };

        var connection = world.Converse(alice, bob);
        world.AssertAlive(alice, connection, bob);
        world.Run(25);

        // Checks and nothing else, no more than one pair may cost, at both ends.
        Assert.InRange(victim.Received.Count, 1, 2 * 50);
        Assert.All(victim.Received, static packet => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(packet.Bytes)));
    }

    [Fact]
    public void Restarts_without_end_do_not_make_a_peer_flood_a_victim()
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
        CandidateInfo[] victims = [.. Enumerable.Range(0, 20).Select(static i => HostileServer.Invented($"{Victim}:{9_000 + i}"))];

        for (int generation = 1; generation <= 6_000; generation++)
        {
            world.Tell(alice, new ServerMessage.Restarted(session, HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob.Machine.Id, generation, victims)));
            world.Run(0.01);
        }

        // A minute of it: 200 a second is what one punch may cost (Ta is 5 ms).
        Assert.InRange(world.SentTo("alice", Victim), 1, 60 * 200);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Sessions_without_end_do_not_make_a_peer_flood_a_victim()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice();
        world.Warm(alice);
        string[] victims = [.. Enumerable.Range(0, 20).Select(static i => $"{Victim}:{9_000 + i}")];

        for (int i = 0; i < 1_000; i++)
        {
            world.Tell(alice, new ServerMessage.SessionBegun(Attack.NewCall(world, alice, victims)));
            world.Run(0.01);
        }

        // Ten seconds of it, and one second's worth that may go at once.
        Assert.InRange(world.SentTo("alice", Victim), 1, 11 * 500);
    }

    [Fact]
    public void A_victim_named_as_the_stun_server_is_asked_rarely()
    {
        var world = AttackWorld.WithHostileServer();
        var victim = world.AddStranger(Victim, 3_478);
        world.Hostile!.Stun = [.. Enumerable.Range(3_478, 8).Select(static port => TransportAddress.Parse($"{Victim}:{port}"))];
        var alice = world.AddAlice();
        Assert.True(world.Until(() => alice.IsRegistered, 5), "a host without UDP registers too");
        var issuer = new StunCredentialIssuer(world.StunKey);

        for (int i = 0; i < 600; i++)
        {
            var credential = issuer.Issue(alice.Machine.Id, DateTimeOffset.UnixEpoch.AddYears(60), TimeSpan.FromHours(i + 1));
            world.Tell(alice, new ServerMessage.Credential(new StunAccess(credential.Username, credential.Password, TimeSpan.FromHours(1))));
            world.Run(0.1);
        }

        // A minute: 5 rounds at once, then one every 2 s, 8 servers each, each question repeated a few times.
        Assert.InRange(world.SentTo("alice", Victim), 1, (5 + 30) * 8 * 10);
        Assert.All(victim.Received, static packet => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(packet.Bytes)));
    }

    [Fact]
    public void A_victim_named_as_the_stun_server_sees_few_connections()
    {
        var world = AttackWorld.WithHostileServer();
        world.Hostile!.Stun = [.. Enumerable.Range(22, 8).Select(static port => TransportAddress.Parse($"{Victim}:{port}"))];
        var alice = world.AddAlice();
        Assert.True(world.Until(() => alice.IsRegistered, 5));
        var issuer = new StunCredentialIssuer(world.StunKey);
        for (int i = 0; i < 600; i++)
        {
            var credential = issuer.Issue(alice.Machine.Id, DateTimeOffset.UnixEpoch.AddYears(60), TimeSpan.FromHours(i + 1));
            world.Tell(alice, new ServerMessage.Credential(new StunAccess(credential.Username, credential.Password, TimeSpan.FromHours(1))));
            world.Run(0.1);
        }

        // A minute: 5 rounds at once, then one every 2 s, four connections each, each tried twice before the next round.
        Assert.InRange(alice.Host.Traffic.SynsSent, 4, (5 + 30) * TcpNatProbe.MaxAsked * 2);
    }

    [Theory]
    [InlineData("127.0.0.1:53")]
    [InlineData("192.168.1.1:3478")]
    [InlineData("10.0.0.1:3478")]
    [InlineData("224.0.0.1:3478")]
    [InlineData("255.255.255.255:3478")]
    [InlineData("169.254.169.254:80")]
    public void A_server_out_there_has_no_address_in_here_asked_by_stun(string address)
    {
        var world = AttackWorld.WithHostileServer();
        world.Hostile!.Stun = [TransportAddress.Parse(address), .. AttackWorld.Stun];
        var alice = world.AddAlice();

        world.Warm(alice);
        world.Run(60);

        world.AssertSentOnlyTo("alice");
    }

    [Fact]
    public void Forged_checks_under_a_victim_s_address_earn_it_a_few_packets_and_no_handshake()
    {
        // The server knows the ICE credentials; a helper of it, who can forge sources, sends checks that are authentic and seem to come from the victim.
        const int sources = 4;
        var world = AttackWorld.WithHostileServer();
        var victim = world.AddStranger(Victim, 9_000);
        var helper = world.AddStranger("203.0.113.67");
        var carol = world.Net.AddPeer("carol", world.Simulation.Internet, "203.0.113.30", change: options => options with { Server = world.ServerOptions });
        world.Warm(carol);
        var call = Attack.NewCall(world, carol);
        world.Tell(carol, new ServerMessage.SessionBegun(call));
        world.Run(0.05);

        byte[] check = Check(call.Plan, world.Simulation.CreateEntropy());
        var to = TransportAddress.Parse($"203.0.113.30:{PeerMachineOptions.DefaultPort}");
        for (ushort i = 0; i < sources; i++) helper.Host.SendForged(victim.Local.WithPort((ushort)(9_000 + i)), to, check);
        world.Run(30);

        // For each an answer, five checks, and what the one received allows.
        Assert.InRange(world.SentTo("carol", Victim), sources, sources * (1 + 5 + 2));
        Assert.All(victim.Received, static packet => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(packet.Bytes)));
    }

    [Fact]
    public void Forged_checks_under_addresses_that_the_server_vouches_for_earn_few_handshake_packets()
    {
        var world = AttackWorld.WithHostileServer();
        var helper = world.AddStranger("203.0.113.67");
        var carol = world.AddPublic("carol", "203.0.113.30");
        world.Warm(carol);
        int handshakes = 0;
        world.Capture = (entry, packet) =>
        {
            if (entry.Place == "carol" && entry.Kind == PacketKind.Session) handshakes++;
        };
        var call = Attack.NewCall(world, carol, $"{Victim}:9000");
        world.Tell(carol, new ServerMessage.SessionBegun(call));
        world.Run(0.05);

        byte[] check = Check(call.Plan, world.Simulation.CreateEntropy());
        var to = TransportAddress.Parse($"203.0.113.30:{PeerMachineOptions.DefaultPort}");
        for (ushort i = 0; i < 50; i++)
        {
            helper.Host.SendForged(TransportAddress.Parse($"{Victim}:{9_000 + i}"), to, check);
            world.Run(0.1);
        }

        world.Run(30);
        Assert.InRange(handshakes, 1, 4 * 10); // four addresses, each until 1,200 bytes are spent
    }

    internal static byte[] Check(PunchPlan plan, EntropySource entropy)
    {
        Span<byte> buffer = stackalloc byte[512];
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(entropy));
        writer.WriteText(StunAttributeType.Username, $"{plan.Local.Ufrag}:{plan.Remote.Ufrag}");
        writer.WriteUInt32(StunAttributeType.Priority, 1_000_000);
        writer.WriteUInt64(plan.Controlling ? StunAttributeType.IceControlled : StunAttributeType.IceControlling, 1);
        writer.WriteIntegrity(System.Text.Encoding.ASCII.GetBytes(plan.Local.Password));
        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }
}
