using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Attacks;

/// <summary>The server, or the other side, asks for openers that nobody needs: to have a peer open sockets without end, or send where it should not.</summary>
public sealed class InventedOpenersTests
{
    private const string Victim = "203.0.113.99";

    /// <summary>A side's rounds, and what one sends by itself: the opening packet, and four whole checks.</summary>
    private const int Rounds = 2, PacketsPerRound = 5;

    [Fact]
    public void Openers_of_every_round_open_a_socket_in_two_and_send_a_few_checks()
    {
        var (world, alice, session, senders) = Begin();
        foreach (var purpose in new[] { CandidatePurpose.Opener, CandidatePurpose.Fresh, CandidatePurpose.Opener })
        {
            for (int round = 1; round <= RendezvousLimits.MaxRounds; round++)
            {
                var many = Enumerable.Range(0, 8).Select(i => HostileServer.Invented($"{Victim}:{10_000 + (100 * round) + i}") with { Purpose = purpose, Round = round });
                world.Tell(alice, new ServerMessage.Candidates(session(), 0, [.. many]));
            }
        }

        world.Run(15);
        Assert.InRange(senders.Count, 1, 1 + Rounds); // the ordinary socket, to the address that was pushed
        Assert.InRange(world.SentTo("alice", Victim), 1, (2 * 50) + (Rounds * PacketsPerRound));
        world.AssertSentOnlyTo("alice", AttackWorld.BobPublic, Victim);
    }

    [Fact]
    public void Openers_toward_what_no_honest_server_hands_out_are_sent_nothing()
    {
        var (world, alice, session, _) = Begin();
        foreach (string address in new[] { "127.0.0.1:8900", "192.168.1.50:8900", "192.168.7.7:8900", "224.0.0.1:8900", "169.254.1.1:8900", "255.255.255.255:8900", "10.0.0.1:9000" })
        {
            foreach (var kind in new[] { CandidateKind.Host, CandidateKind.ServerReflexive })
            {
                for (int round = 1; round <= 2; round++)
                {
                    var invented = HostileServer.Invented(address, kind) with { Purpose = CandidatePurpose.Opener, Round = round };
                    world.Tell(alice, new ServerMessage.Candidates(session(), 0, [invented]));
                }
            }
        }

        world.Run(15);
        world.AssertSentOnlyTo("alice", AttackWorld.BobPublic, Victim);
    }

    [Fact]
    public void Restarts_with_openers_without_end_neither_pile_up_sockets_nor_flood_a_victim()
    {
        var (world, alice, session, senders) = Begin();
        var bob = world.Hostile!.Connections.First(connection => connection.Peer != alice.Machine.Id).Peer;
        var victim = HostileServer.Invented($"{Victim}:9000");
        for (int generation = 1; generation <= 1_200; generation++)
        {
            var plan = HostileServer.PlanFor(world.Hostile.Of(alice.Machine.Id), bob, generation, victim);
            var openers = Enumerable.Range(1, 2).Select(round => victim with { Purpose = CandidatePurpose.Opener, Round = round });
            world.Tell(alice, new ServerMessage.Restarted(session(), plan), new ServerMessage.Candidates(session(), generation, [.. openers]));
            world.Run(0.05);
        }

        // A minute in which a client takes 40 restarts, and 40 at once: each has a socket or two.
        Assert.InRange(senders.Count, 1, 1 + (80 * Rounds));
        Assert.InRange(world.SentTo("alice", Victim), 1, 60 * 200);
    }

    /// <summary>Alice and bob, whose pushes name a victim as the other's address; with the local ports that alice sends to it from.</summary>
    private static (AttackWorld World, SimulatedPeer Alice, Func<SessionId> Session, HashSet<ushort> Senders) Begin()
    {
        var world = AttackWorld.WithHostileServer();
        var (alice, bob) = (world.AddAlice(UdpOnly), world.AddBob(UdpOnly));
        world.Warm(alice, bob);
        var victim = TransportAddress.Parse($"{Victim}:0");
        var senders = new HashSet<ushort>();
        world.Capture = (entry, _) =>
        {
            if (entry.Place == "alice" && entry.Flow.Destination.SameHost(victim)) senders.Add(entry.Flow.Source.Port);
        };
        var session = default(SessionId);
        world.Hostile!.ChangePush = (push, _) =>
        {
            session = push.Session;
            return push with { Plan = push.Plan with { Candidates = [HostileServer.Invented($"{Victim}:9000")] } };
        };
        world.Converse(alice, bob);
        return (world, alice, () => session, senders);

        static PeerMachineOptions UdpOnly(PeerMachineOptions options) => options with { Transports = Transports.Udp };
    }
}
