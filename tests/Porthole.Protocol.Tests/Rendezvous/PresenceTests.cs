using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class PresenceTests
{
    private static Registration Room(string room) => new() { Presence = PresenceMode.Room, Room = room };

    [Fact]
    public void Peers_in_a_room_see_each_other_come_and_go()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice", registration: Room("garden"));
        var outsider = world.AddRegistered("oscar", registration: Room("cellar"));
        var bob = world.AddRegistered("bob", registration: Room("garden"));
        Assert.Equal((new PeerInfo(bob.Id, "bob"), true), Last(alice));
        bob.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal((new PeerInfo(bob.Id, "bob"), false), Last(alice));
        Assert.Equal(2, alice.Events<RendezvousEvent.Presence>().Count());
        Assert.Empty(outsider.Events<RendezvousEvent.Presence>());
        Assert.Empty(bob.Events<RendezvousEvent.Presence>());
    }

    [Fact]
    public void Several_instances_are_one_peer()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice", registration: Room("garden"));
        var laptop = world.AddRegistered("bob", registration: Room("garden"));
        var desktop = world.AddRegistered("bob", registration: Room("garden"), key: laptop.Key);
        laptop.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(alice.Events<RendezvousEvent.Presence>());
        desktop.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([true, false], alice.Events<RendezvousEvent.Presence>().Select(e => e.Online));
    }

    [Fact]
    public void Known_peers_see_each_other_only_if_both_say_so()
    {
        var world = new RendezvousWorld();
        var alice = world.Add();
        var bob = world.Add();
        var carol = world.Add();
        Start(alice, bob.Id, carol.Id);
        Start(carol);          // does not know alice
        Start(bob, alice.Id);
        Assert.Equal((new PeerInfo(bob.Id, null), true), Last(alice));
        Assert.Single(alice.Events<RendezvousEvent.Presence>());
        Assert.Empty(carol.Events<RendezvousEvent.Presence>());
        Assert.Equal([bob.Id], List(alice));
        Assert.Equal([alice.Id], List(bob));
        Assert.Empty(List(carol));

        void Start(WorldClient client, params PeerId[] known)
        {
            client.Machine.Register(world.Now, new Registration { Presence = PresenceMode.Known, KnownPeers = [.. known] });
            client.Machine.Start(world.Now);
            world.Run(TimeSpan.FromSeconds(1));
        }

        PeerId[] List(WorldClient client)
        {
            client.Do((machine, now) => machine.RequestPeers(now));
            world.Run(TimeSpan.FromSeconds(1));
            return [.. client.Events<RendezvousEvent.PeersListed>().Last().Peers.Select(peer => peer.Peer)];
        }
    }

    [Fact]
    public void Public_presence_announces_every_log_in_to_everyone()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { PublicPresence = true });
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        Assert.Equal((new PeerInfo(bob.Id, "bob"), true), Last(alice));
        bob.Do((machine, now) => machine.RequestPeers(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([new PeerInfo(alice.Id, "alice")], bob.Events<RendezvousEvent.PeersListed>().Single().Peers);
    }

    [Fact]
    public void With_public_presence_a_room_stays_among_those_in_it()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { PublicPresence = true });
        var outsider = world.AddRegistered("oscar");
        var alice = world.AddRegistered("alice", registration: Room("garden"));
        var late = world.AddRegistered("laura");
        var bob = world.AddRegistered("bob", registration: Room("garden"));
        Assert.Equal((new PeerInfo(bob.Id, "bob"), true), Assert.Single(alice.Events<RendezvousEvent.Presence>().Select(e => (e.Peer, e.Online))));
        Assert.Equal((new PeerInfo(late.Id, "laura"), true), Assert.Single(outsider.Events<RendezvousEvent.Presence>().Select(e => (e.Peer, e.Online))));
        bob.Do((machine, now) => machine.RequestPeers(now));
        late.Do((machine, now) => machine.RequestPeers(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([new PeerInfo(alice.Id, "alice")], bob.Events<RendezvousEvent.PeersListed>().Single().Peers);
        Assert.Equal([new PeerInfo(outsider.Id, "oscar")], late.Events<RendezvousEvent.PeersListed>().Single().Peers);
    }

    [Fact]
    public void Without_presence_nobody_is_listed()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        alice.Do((machine, now) => machine.RequestPeers(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(alice.Events<RendezvousEvent.PeersListed>().Single().Peers);
        Assert.Empty(alice.Events<RendezvousEvent.Presence>());
        Assert.NotNull(bob);
    }

    [Fact]
    public void A_long_list_comes_in_parts_and_arrives_whole()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { PublicPresence = true, HellosPerMinute = 1_000, MaxConnectionsPerAddress = 1_000 });
        for (int i = 0; i < 250; i++) new RawClient(world).Greet().Register();
        var alice = world.AddRegistered("alice");
        alice.Do((machine, now) => machine.RequestPeers(now));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(250, Assert.Single(alice.Events<RendezvousEvent.PeersListed>()).Peers.Distinct().Count());
    }

    [Fact]
    public void A_room_is_full_at_its_limit_and_empty_rooms_are_gone()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MaxRoomMembers = 2, MaxRooms = 1 });
        var one = world.AddRegistered("one", registration: Room("garden"));
        world.AddRegistered("two", registration: Room("garden"));
        var three = world.Add();
        three.Machine.Register(world.Now, Room("garden"));
        three.Machine.Start(world.Now);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(RendezvousError.RoomFull, Assert.Single(three.Events<RendezvousEvent.Refused>()).Error);
        three.Do((machine, now) => machine.Register(now, Room("cellar"))); // no second room
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(2, three.Events<RendezvousEvent.Refused>().Count());
        one.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromSeconds(1));
        three.Do((machine, now) => machine.Register(now, Room("garden")));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.True(three.Machine.IsRegistered);
    }

    private static (PeerInfo, bool) Last(WorldClient client) => client.Events<RendezvousEvent.Presence>().Last() is var last ? (last.Peer, last.Online) : default;
}
