using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Scenarios.Meet;

namespace Porthole.Scenarios.Attacks;

/// <summary>
/// A server that says well-formed things at random, about sessions that live, that ended and that never were, while the program above goes on calling and
/// closing.
/// </summary>
public sealed class RandomServerTests
{
    private const int Steps = 1_500;

    private static readonly RendezvousError[] s_errors = Enum.GetValues<RendezvousError>();

    /// <summary>Two hundred, or a few of them.</summary>
    public static TheoryData<ulong> Seeds { get; } =
        [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 200 : 6).Select(static seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Whatever_a_server_says_in_whatever_order_a_peer_goes_on(ulong seed)
    {
        var world = AttackWorld.WithHostileServer(seed);
        var chance = world.Simulation.CreateEntropy();
        var policy = (AcceptPolicy)chance.NextInt32(0, 4);
        var alice = world.AddAlice(options => options with { Accept = policy, Transports = seed % 5 == 0 ? Transports.None : Transports.All });
        var bob = world.AddBob();
        world.Warm(alice, bob);
        var sessions = new List<SessionId> { new(1), new(2) };
        var pushes = new List<SessionPush>();
        var meetings = new List<ConnectionHandle>();
        world.Hostile!.OnMessage = (_, message) =>
        {
            if (message is ClientMessage.Meet meet) sessions.Add(meet.Session);
            return false;
        };
        world.Hostile.ChangePush = (push, to) =>
        {
            sessions.Add(push.Session);
            if (to.Peer == alice.Machine.Id) pushes.Add(push);
            return push;
        };
        int most = 0;

        for (int step = 0; step < Steps; step++)
        {
            if (chance.NextInt32(0, 40) == 0) Use(alice, chance, meetings);
            else if (world.Hostile.Connections.Any(connection => connection.Peer == alice.Machine.Id)) Say(world, alice, chance, sessions, pushes, step);
            world.Run(chance.NextInt32(0, 30) / 1_000.0);
            if (chance.NextInt32(0, 200) == 0) world.Run(20);
            most = Math.Max(most, alice.Machine.ConnectionCount);
            foreach (var (_, peerEvent) in alice.Events.Skip(alice.Events.Count - 5))
            {
                if (peerEvent is PeerEvent.Opened opened) Assert.InRange(alice.Machine.GetPaths(opened.Connection).Count, 0, 16);
            }
        }

        Assert.InRange(most, 0, 300);
        Assert.All(alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Opened>(), proved => Assert.Equal(bob.Machine.Id, proved.Key.PeerId));
        Assert.InRange(ReachableMemory.Of(alice.Machine), 0, 64 << 20);

        // The server comes to its senses.
        world.Run(240);
        var handles = alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Opened>().Select(static entry => entry.Connection).ToList();
        Assert.Empty(handles.Intersect(meetings));
        alice.Invoke((machine, now) => handles.Concat(meetings).ToList().ForEach(handle => machine.Close(now, handle, 0, "")));
        world.Run(30);
        Assert.Equal(0, alice.Machine.ConnectionCount);
        var connection = alice.Connect("bob");
        Assert.True(world.Until(() => alice.Opened == connection, 30), "a new call goes through");
        world.AssertAlive(alice, connection, bob);
    }

    private static void Use(SimulatedPeer alice, EntropySource chance, List<ConnectionHandle> meetings)
    {
        var handles = alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Opened>().Select(static opened => opened.Connection)
            .Concat(alice.Events.Select(static entry => entry.Event).OfType<PeerEvent.Incoming>().Select(static incoming => incoming.Connection)).ToList();
        var handle = handles.Count == 0 ? default : handles[chance.NextInt32(0, handles.Count)];
        switch (chance.NextInt32(0, 7))
        {
            case 0 or 1:
                alice.Connect("bob");
                break;
            case 2:
                alice.Invoke((machine, now) => machine.Accept(now, handle));
                break;
            case 3:
                alice.Invoke((machine, now) => machine.Refuse(now, handle));
                break;
            case 4:
                alice.Invoke((machine, now) => machine.Close(now, handle, 1, "enough"));
                break;
            case 5 when meetings.Count < 20:
                meetings.Add(MeetWorld.Meet(alice, MeetWorld.Right)); // nobody else has that code: it must never open
                break;
            default:
                alice.Invoke((machine, now) => machine.TryOpenStream(now, handle, out _));
                break;
        }
    }

    private static void Say(AttackWorld world, SimulatedPeer alice, EntropySource chance, List<SessionId> sessions, List<SessionPush> pushes, int step)
    {
        var server = world.Hostile!;
        var to = server.Of(alice.Machine.Id);
        var session = sessions[chance.NextInt32(0, sessions.Count)];
        int generation = chance.NextInt32(0, 5) == 0 ? int.MaxValue - step % 3 : chance.NextInt32(0, 40);
        var candidate = Candidate(chance);
        switch (chance.NextInt32(0, 16))
        {
            case 0:
                world.Tell(alice, new ServerMessage.Superseded(session, sessions[chance.NextInt32(0, sessions.Count)]));
                break;
            case 1:
                world.Tell(alice, chance.NextInt32(0, 2) == 0 ? new ServerMessage.Ringing(session) : new ServerMessage.Waiting(session));
                break;
            case 2:
                world.Tell(alice, new ServerMessage.Candidates(session, generation, [candidate, Candidate(chance)]));
                break;
            case 3 or 4:
                var other = pushes.Count == 0 ? to.Key!.PeerId : pushes[^1].Remote;
                var delay = TimeSpan.FromMilliseconds(chance.NextInt32(0, 100));
                world.Tell(alice, new ServerMessage.Restarted(session, HostileServer.PlanFor(to, other, generation, candidate) with { StartDelay = delay }));
                break;
            case 5 or 6:
                world.Tell(alice, new ServerMessage.Reopened(session, generation));
                break;
            case 7:
                world.Tell(alice, new ServerMessage.Closed(session, (SessionCloseReason)chance.NextInt32(0, 4)));
                break;
            case 8:
                world.Tell(alice, new ServerMessage.Refused(s_errors[chance.NextInt32(0, s_errors.Length)], session));
                break;
            case 9:
                var call = Attack.NewCall(world, alice, candidate.Address.ToString());
                sessions.Add(call.Session);
                pushes.Add(call);
                world.Tell(alice, new ServerMessage.Incoming(call.Session, call.RemoteKey, chance.NextInt32(0, 2) == 0 ? "bob" : null, call.RemoteInstance));
                break;
            case 10:
                var pushed = Attack.NewCall(world, alice, candidate.Address.ToString());
                string dialled = chance.NextInt32(0, 2) == 0 ? pushed.Dialled : MeetingDialled.Of(MeetWorld.Right.PublicPart);
                if (chance.NextInt32(0, 2) == 0) world.Tell(alice, new ServerMessage.Superseded(session, pushed.Session));
                world.Tell(alice, new ServerMessage.SessionBegun(pushed with { RemoteName = chance.NextInt32(0, 2) == 0 ? "bob" : null, Dialled = dialled }));
                break;
            case 11 when pushes.Count > 0:
                world.Tell(alice, new ServerMessage.SessionBegun(pushes[chance.NextInt32(0, pushes.Count)]));
                break;
            case 12 when pushes.Count > 0:
                world.Tell(alice, new ServerMessage.SessionBegun(pushes[chance.NextInt32(0, pushes.Count)] with { Session = session }));
                break;
            case 13:
                byte[] frame = new byte[chance.NextInt32(1, 200)];
                chance.Fill(frame);
                frame[0] = (byte)(0x50 + (frame[0] & 0x0F));
                if (frame.Length > 9) session.WriteTo(frame.AsSpan(1));
                world.Do(_ => to.Send(Attack.Relayed(session, frame)));
                break;
            case 14 when chance.NextInt32(0, 10) == 0:
                world.Do(_ => server.Close(to.Socket));
                break;
            default:
                world.Tell(alice, new ServerMessage.Registered("alice", chance.NextInt32(0, 20)), new ServerMessage.Ping(step));
                break;
        }
    }

    private static CandidateInfo Candidate(EntropySource chance)
    {
        string[] hosts = ["203.0.113.99", "203.0.113.2", "203.0.113.1", "192.168.1.50", "192.168.2.20", "127.0.0.1", "[2001:db8::7]", "10.1.1.1"];
        return HostileServer.Invented($"{hosts[chance.NextInt32(0, hosts.Length)]}:{chance.NextInt32(0, 65_536)}", (CandidateKind)chance.NextInt32(0, 2));
    }
}
