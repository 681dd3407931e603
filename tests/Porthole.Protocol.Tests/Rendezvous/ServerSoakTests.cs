using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Any sequence of well-formed messages, sensible or not, leaves the server whole: nothing throws, nothing stays behind.</summary>
public sealed class ServerSoakTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_sequence_of_messages_leaves_nothing_behind(ulong seed)
    {
        var options = new RendezvousServerOptions
        {
            ConnectsPerMinute = 100_000,
            ConnectsPerMinuteInAll = 100_000,
            CallsPerMinute = 100_000,
            HellosPerMinute = 100_000,
            MessageBurst = 1_000_000,
            NewNamesPerHour = 100_000,
            RestartsPerMinute = 100_000,
            MeetsPerMinute = 100_000,
            MeetTimeout = TimeSpan.FromMinutes(1),
            CodeMemory = TimeSpan.FromMinutes(1),
            Lobby = seed % 2 == 0,
            MaxSessions = 6,
            MaxRoomMembers = 4,
            PublicPresence = seed % 2 == 0,
        };
        var world = new RendezvousWorld(options);
        var entropy = new TestEntropy(seed);
        RawClient[] clients = new RawClient[8];
        var identities = Enumerable.Range(0, 5).Select(_ => IdentityKey.Generate(entropy)).ToArray();
        IdentityKey[] keys = [.. identities, .. identities[..3]]; // some are there twice
        for (int i = 0; i < clients.Length; i++) clients[i] = new RawClient(world, key: keys[i], seed: seed * 100).Greet().Register();
        for (int step = 0; step < 4_000; step++)
        {
            int index = Pick(clients.Length);
            if (Pick(40) == 0)
            {
                clients[index].Hangup();
                clients[index] = new RawClient(world, key: keys[index], seed: seed * 100).Greet();
            }

            clients[index].Say(Draw());
            if (Pick(50) == 0) world.Run(TimeSpan.FromSeconds(Pick(30)));
            for (int i = 0; i < clients.Length; i++)
            {
                if (clients[i].IsClosed) clients[i] = new RawClient(world, key: keys[i], seed: seed * 100).Greet().Register();
            }
        }

        Assert.Equal(0, world.Host.Router.Count % 2);
        Assert.InRange(world.Host.Router.Count, 0, 2 * clients.Length * options.MaxSessions);
        foreach (var client in clients) client.Hangup();
        world.Run(TimeSpan.FromMinutes(2));
        Assert.Equal((0, 0, 0), (world.Host.Server.Connections, world.Host.Server.PeersOnline, world.Host.Router.Count));
        Assert.Null(world.Host.NextDeadline);
        int added = world.ServerEvents.OfType<RendezvousServerEvent.RouteAdded>().Count();
        Assert.Equal(0, world.Host.Server.RememberedCodes);
        Assert.Equal(added, world.ServerEvents.OfType<RendezvousServerEvent.RouteRemoved>().Count());
        Assert.InRange(added, 50, int.MaxValue);

        int Pick(int below) => entropy.NextInt32(0, below);
        SessionId Session() => new((ulong)Pick(12) + 1);
        CandidateInfo[] Candidates() => [.. Enumerable.Range(0, Pick(4)).Select(i => WorldClient.HostAt($"10.0.{Pick(2)}.{i + 1}:5000"))];
        string Target() => Pick(5) switch { 0 => "nobody", 1 => "name-1", 2 => "name-2", _ => keys[Pick(clients.Length)].PeerId.ToString() };
        ClientMessage Draw() => Pick(17) switch
        {
            0 => new ClientMessage.Register(
                Pick(2) == 0 ? null : $"name-{Pick(4)}", (AcceptPolicy)Pick(4), PresenceMode.Room, $"room-{Pick(3)}", [.. Candidates()], NatFacts.Unknown),
            1 => new ClientMessage.Register(null, (AcceptPolicy)Pick(4), Pick(2) == 0 ? PresenceMode.Known : PresenceMode.None, null, [], NatFacts.Unknown),
            2 => new ClientMessage.Allow([keys[Pick(clients.Length)].PeerId]),
            3 => new ClientMessage.Know([keys[Pick(clients.Length)].PeerId, keys[Pick(clients.Length)].PeerId]),
            4 or 5 => new ClientMessage.Connect(Session(), Target(), null, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 }), Pick(2) * 1_000_000),
            6 => new ClientMessage.Accept(Session()),
            7 => new ClientMessage.Refuse(Session()),
            8 => new ClientMessage.Candidates(Session(), Pick(3), [.. Candidates()]),
            9 => new ClientMessage.Restart(Session(), Pick(3)),
            10 or 11 => new ClientMessage.Reopen(Session(), keys[Pick(clients.Length)].PeerId, Pick(3)),
            12 => new ClientMessage.Release(Session()),
            13 or 14 => new ClientMessage.Meet(Session(), Pick(3) == 0 ? null : $"CDE0{Pick(10)}", new HandshakeOffer(HandshakePattern.XXpsk2, new byte[] { 1 })),
            15 => new ClientMessage.Met(Session()),
            _ => Pick(2) == 0 ? new ClientMessage.Peers() : new ClientMessage.Update([.. Candidates()], NatFacts.Unknown),
        };
    }
}
