using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class InstanceTests
{
    [Fact]
    public void A_second_log_in_evicts_nobody_and_the_last_active_takes_the_call()
    {
        var world = new RendezvousWorld();
        var laptop = world.AddRegistered("bob");
        var desktop = world.AddRegistered("bob", key: laptop.Key);
        var alice = world.AddRegistered("alice");
        Assert.Equal(3, world.Host.Server.Connections);
        Assert.Equal(2, world.Host.Server.PeersOnline);

        var first = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(desktop.Machine.Instance, alice.Push(first).RemoteInstance);

        laptop.Do((machine, now) => machine.RequestPeers(now)); // somebody sits there
        world.Run(TimeSpan.FromSeconds(1));
        var second = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(laptop.Machine.Instance, alice.Push(second).RemoteInstance);
    }

    [Fact]
    public void An_instance_can_be_named()
    {
        var world = new RendezvousWorld();
        var laptop = world.AddRegistered("bob");
        world.AddRegistered("bob", key: laptop.Key);
        var alice = world.AddRegistered("alice");

        var session = alice.Connect("bob", laptop.Machine.Instance);
        var nowhere = alice.Connect("bob", new InstanceId(1));
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(laptop.Machine.Instance, alice.Push(session).RemoteInstance);
        Assert.Equal(RendezvousError.PeerOffline, alice.Events<RendezvousEvent.Refused>().Single(e => e.Session == nowhere).Error);
    }

    [Fact]
    public void A_name_leads_only_to_instances_that_registered_it()
    {
        var world = new RendezvousWorld();
        var server = world.AddRegistered("bob-server");
        world.AddRegistered("bob", key: server.Key);
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob-server");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(server.Machine.Instance, alice.Push(session).RemoteInstance);
    }

    [Fact]
    public void A_run_that_only_connects_takes_no_calls_from_the_one_that_listens()
    {
        var world = new RendezvousWorld();
        var listener = world.AddRegistered(null);
        world.AddRegistered(null, registration: new Registration { Accept = AcceptPolicy.Nobody }, key: listener.Key);
        var alice = world.AddRegistered("alice");
        var session = alice.Connect(listener.Id.ToString());
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(listener.Machine.Instance, alice.Push(session).RemoteInstance);
    }

    [Fact]
    public void The_same_instance_replaces_its_own_old_connection()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        bob.IsCutOff = true; // the server does not notice
        bob.Machine.HandleSocketEvent(world.Now, new SocketEvent.NetworkChanged([TransportAddress.Parse("192.168.7.7:0")]));
        bob.Drain();
        bob.IsCutOff = false;
        world.Run(TimeSpan.FromSeconds(15)); // the first attempt was lost as well

        Assert.True(bob.Machine.IsRegistered);
        Assert.Equal(1, world.Host.Server.Connections);
        Assert.Contains(world.ServerEvents.OfType<RendezvousServerEvent.PeerDisconnected>(), e => e.Reason == RendezvousError.ReplacedByNewConnection);
    }

    [Fact]
    public void One_identity_has_at_most_sixteen_instances()
    {
        var world = new RendezvousWorld();
        var key = new RawClient(world).Key;
        var clients = Enumerable.Range(0, 17).Select(_ => new RawClient(world, key: key).Greet()).ToArray();
        Assert.All(clients[..16], client => Assert.Null(client.Refusal));
        Assert.Equal(RendezvousError.TooManyConnections, clients[16].Refusal);
        Assert.True(clients[16].IsClosed);
    }
}
