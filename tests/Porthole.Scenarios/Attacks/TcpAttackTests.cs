using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;
using Porthole.Scenarios.Lab;

namespace Porthole.Scenarios.Attacks;

/// <summary>What TCP punching could be turned into: floods of SYNs, scans, and listeners that tell strangers something.</summary>
public sealed class TcpAttackTests
{
    private const string BobAddress = "203.0.113.30", Victim = "203.0.113.99";

    /// <summary>What all punches of a machine may make together, and a second's worth at once (CheckBudget).</summary>
    private const int ConnectsPerSecond = 250;

    private static readonly TransportAddress s_bob = TransportAddress.Parse($"{BobAddress}:{PeerMachineOptions.DefaultPort}");

    [Fact]
    public void Twenty_addresses_of_a_silent_victim_get_a_few_SYNs_each()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(TcpOnly), world.AddBob(TcpOnly));
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { Candidates = Victims(20) } };

        var connection = world.Converse(alice, bob);
        world.Run(9);

        // Eight seconds: three attempts of three and a half, each with the repeats of the kernel after 1 and 3 s.
        Assert.InRange(world.SentTo("alice", Victim), 20, 20 * 3 * 3);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void A_victim_that_refuses_gets_no_more_than_one_punch_may_cost()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(TcpOnly), world.AddBob(TcpOnly));
        world.AddStranger(Victim);
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with { Plan = push.Plan with { Candidates = Victims(20) } };

        var connection = world.Converse(alice, bob);
        world.Run(9);

        Assert.InRange(world.SentTo("alice", Victim), 20, 1_600); // AttemptBudget.Total
        world.AssertAlive(alice, connection, bob);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Restarts_without_end_do_not_make_a_peer_flood_a_victim(bool refuses)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(TcpOnly), world.AddBob(TcpOnly));
        if (refuses) world.AddStranger(Victim);
        world.Warm(alice, bob);
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push;
        };
        var connection = world.Converse(alice, bob);

        for (int generation = 1; generation <= 1_500; generation++)
        {
            var plan = HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob.Machine.Id, generation, [.. Victims(20)]);
            world.Tell(alice, new ServerMessage.Restarted(session, plan));
            world.Run(0.01);
        }

        // A quarter of a minute of it. A client takes 40 restarts in a minute, with as many at once.
        Assert.InRange(world.SentTo("alice", Victim), 1, 16 * ConnectsPerSecond);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Sessions_without_end_do_not_make_a_peer_flood_a_victim()
    {
        var world = AttackWorld.WithHostileServer();
        var alice = world.AddAlice(TcpOnly);
        world.AddStranger(Victim);
        world.Warm(alice);

        for (int i = 0; i < 1_000; i++)
        {
            var push = Attack.NewCall(world, alice);
            world.Tell(alice, new ServerMessage.SessionBegun(push with { Plan = push.Plan with { Candidates = Victims(20) } }));
            world.Run(0.01);
        }

        // Ten seconds of it, and one second's worth that may go at once.
        Assert.InRange(world.SentTo("alice", Victim), 1, 11 * ConnectsPerSecond);
    }

    [Theory]
    [InlineData("127.0.0.1:8900", CandidateKind.Host)]
    [InlineData("224.0.0.1:8900", CandidateKind.ServerReflexive)]
    [InlineData("192.168.7.7:8900", CandidateKind.Host)] // private, and of a network that alice is not on
    [InlineData("192.168.7.7:8900", CandidateKind.ServerReflexive)]
    [InlineData("192.168.1.50:22", CandidateKind.Host)] // her own network, but a port of the system's services
    [InlineData("[::1]:8900", CandidateKind.Host)]
    public void An_address_that_no_honest_server_hands_out_is_not_connected_to(string address, CandidateKind kind)
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(TcpOnly), world.AddBob(TcpOnly));
        world.Warm(alice, bob);
        CandidateInfo[] invented = [.. new[] { CandidateTransport.TcpPassive, CandidateTransport.TcpSimultaneous, CandidateTransport.TcpActive }.Select(transport => HostileServer.Invented(address, kind, transport))];
        world.Hostile!.ChangePush = (push, _) => push with { Plan = push.Plan with { Candidates = [.. invented, .. push.Plan.Candidates] } };

        var connection = world.Converse(alice, bob);
        world.Run(10);

        world.AssertSentOnlyTo("alice", AttackWorld.BobPublic);
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void A_network_that_the_server_calls_common_is_no_scan_by_TCP_either()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(), world.AddBob());
        world.Warm(alice, bob);
        world.Hostile!.ChangePush = static (push, _) => push with
        {
            Plan = push.Plan with
            {
                Candidates =
                [
                    .. Enumerable.Range(1, 19).Select(static i => HostileServer.Invented($"192.168.1.{i + 20}:9000", CandidateKind.Host, i % 2 == 0 ? CandidateTransport.TcpPassive : CandidateTransport.Udp)),
                    HostileServer.Invented($"{AttackWorld.AlicePublic}:40000"),
                ],
            },
        };
        alice.Connect("bob");
        world.Run(10);

        Assert.InRange(world.SentBy("alice").Keys.Select(static to => to.Host).Count(static host => host.IsPrivate), 1, 2 * RendezvousLimits.MaxPrivateCandidates);
    }

    [Fact]
    public void A_stranger_who_connects_gets_nothing_whatever_it_says()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob, connection) = Converse(world);
        var stranger = new TcpHost(world.Simulation.Internet.AddHost("stranger", "203.0.113.66"));
        var entropy = world.Simulation.CreateEntropy();
        var started = world.Simulation.Now;

        stranger.Connect(1, s_bob, port: 0); // keeps silent
        stranger.Connect(2, s_bob, port: 0); // says nonsense
        stranger.Connect(3, s_bob, port: 0); // asks as one asks a STUN server
        stranger.Connect(4, s_bob, port: 0); // guesses credentials
        world.Run(1);
        Assert.Equal(4, stranger.Opened.Count());
        byte[] noise = new byte[900];
        entropy.Fill(noise);
        stranger.Send(new SocketId(2), noise);
        stranger.Send(new SocketId(3), Question(entropy, null));
        stranger.Send(new SocketId(4), Question(entropy, "aaaa:bbbb"));
        world.Run(UnclaimedPatience + 1);

        Assert.Empty(stranger.Machine.Received);
        Assert.Equal(4, stranger.Machine.Events.Count(static entry => entry.Event is SocketEvent.Failed { Reason: SocketFailure.Closed or SocketFailure.Refused }));
        Assert.All(stranger.Machine.Events.Where(static entry => entry.Event is SocketEvent.Failed), entry => Assert.InRange((entry.At - started).TotalSeconds, 0, UnclaimedPatience + 1));
        world.AssertAlive(alice, connection, bob);
    }

    [Fact]
    public void Strangers_without_number_fill_no_memory_and_keep_nobody_out()
    {
        var world = AttackWorld.WithHonestServer();
        var (alice, bob) = (world.AddAlice(TcpOnly), world.AddPublic("bob", BobAddress, TcpOnly));
        world.Warm(alice, bob);
        long before = ReachableMemory.Of(bob.Machine);
        var strangers = Enumerable.Range(0, 20).Select(i => new TcpHost(world.Simulation.Internet.AddHost($"stranger {i}", $"203.0.113.{100 + i}"))).ToList();
        int socket = 0;
        int most = 0;
        for (int round = 0; round < 50; round++)
        {
            foreach (var stranger in strangers) stranger.Connect(++socket, s_bob, port: 0);
            world.Run(0.05);
            most = Math.Max(most, bob.TcpConnections);
        }

        Assert.InRange(most, 1, 64 + 20);
        Attack.AssertBounded(before, bob);
        var connection = alice.Connect("bob");
        for (int round = 0; round < 100 && alice.PathOf(connection) is not { Kind: PathKind.Tcp }; round++)
        {
            foreach (var stranger in strangers) stranger.Connect(++socket, s_bob, port: 0);
            world.Run(0.05);
        }

        Assert.Equal(PathKind.Tcp, alice.PathOf(connection)?.Kind);
    }

    [Fact]
    public void Who_knows_the_credentials_of_checks_but_holds_no_key_gets_an_answer_and_no_byte_of_the_session()
    {
        // The server knows them, and so does a helper of it.
        var world = AttackWorld.WithHostileServer();
        var carol = world.AddPublic("carol", BobAddress);
        var helper = new TcpHost(world.Simulation.Internet.AddHost("helper", "203.0.113.67"));
        world.Warm(carol);
        var call = Attack.NewCall(world, carol);
        world.Tell(carol, new ServerMessage.SessionBegun(call));
        world.Run(0.05);

        for (int i = 1; i <= 40; i++)
        {
            helper.Connect(i, s_bob, port: 0);
            world.Run(0.1);
            helper.Send(new SocketId(i), InventedCandidatesTests.Check(call.Plan, world.Simulation.CreateEntropy()));
        }

        world.Run(40);
        Assert.All(helper.Machine.Received, static arrival => Assert.Equal(PacketKind.Stun, PacketKinds.Classify(arrival.Bytes)));
        Assert.InRange(helper.Machine.Received.Count, 1, 40 * 2); // an answer and a question on each
        Assert.DoesNotContain(carol.Events, static entry => entry.Event is PeerEvent.Opened);
        Assert.Equal(0, carol.TcpConnections);
    }

    private const double UnclaimedPatience = 5;

    private static PeerMachineOptions TcpOnly(PeerMachineOptions options) => options with { Transports = Transports.Tcp };

    private static System.Collections.Immutable.ImmutableArray<CandidateInfo> Victims(int count) =>
        [.. Enumerable.Range(0, count).Select(static i => HostileServer.Invented($"{Victim}:{9_000 + i}", CandidateKind.ServerReflexive, CandidateTransport.TcpSimultaneous))];

    private static (SimulatedPeer Alice, SimulatedPeer Bob, ConnectionHandle Connection) Converse(AttackWorld world)
    {
        var (alice, bob) = (world.AddAlice(), world.AddPublic("bob", BobAddress));
        world.Warm(alice, bob);
        var connection = world.Converse(alice, bob);
        world.Run(2);
        return (alice, bob, connection);
    }

    private static byte[] Question(EntropySource entropy, string? username)
    {
        Span<byte> buffer = stackalloc byte[256];
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(entropy));
        if (username is not null)
        {
            writer.WriteText(StunAttributeType.Username, username);
            writer.WriteUInt32(StunAttributeType.Priority, 1_000);
            writer.WriteIntegrity("0123456789012345678901"u8);
        }

        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }
}
