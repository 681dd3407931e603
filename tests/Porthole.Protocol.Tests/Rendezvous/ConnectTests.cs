using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class ConnectTests
{
    [Fact]
    public void One_push_reaches_both_after_one_round_trip()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var start = world.Now;

        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromMilliseconds(40), alice.At<RendezvousEvent.SessionPushed>() - start);
        Assert.Equal(TimeSpan.FromMilliseconds(40), bob.At<RendezvousEvent.SessionPushed>() - start);
        var (atAlice, atBob) = (alice.Push(session), bob.Push(session));
        Assert.True(atAlice.IsInitiator);
        Assert.False(atBob.IsInitiator);
        Assert.Equal(bob.Id, atAlice.Remote);
        Assert.Equal(alice.Id, atBob.Remote);
        Assert.Equal("bob", atAlice.RemoteName);
        Assert.Equal("bob", atBob.Dialled);
        Assert.Null(atAlice.Offer);
        Assert.Equal(new byte[] { 0x59, 1, 2, 3 }, atBob.Offer!.Message.ToArray());
        Assert.Equal(atAlice.Plan.Local, atBob.Plan.Remote);
        Assert.Equal(atAlice.Plan.Remote, atBob.Plan.Local);
        Assert.NotEqual(atAlice.Plan.Local, atAlice.Plan.Remote);
        Assert.NotEqual(atAlice.Plan.Controlling, atBob.Plan.Controlling);
        Assert.Equal(alice.Id < bob.Id, atAlice.Plan.Controlling);
        Assert.Equal("203.0.113.1:40000", Assert.Single(atAlice.Plan.Candidates).Address.ToString());
        Assert.Equal("203.0.113.2:40000", Assert.Single(atBob.Plan.Candidates).Address.ToString());
        Assert.Equal(default, atAlice.Plan.Candidates[0].Base);
        Assert.True(atAlice.Plan.Candidates[0].Proof.IsEmpty);
    }

    [Theory]
    [InlineData(20, 20, 0, 0)]
    [InlineData(10, 60, 50, 0)]
    [InlineData(60, 10, 0, 50)]
    [InlineData(5, 300, 100, 0)] // at most 100 ms
    public void Both_start_together(double aliceOneWay, double bobOneWay, double aliceDelay, double bobDelay)
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob", bobOneWay);
        world.Run(TimeSpan.FromSeconds(3));
        var alice = world.AddRegistered("alice", aliceOneWay);

        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));

        var (atAlice, atBob) = (alice.Push(session).Plan, bob.Push(session).Plan);
        Assert.Equal(TimeSpan.FromMilliseconds(aliceDelay), atAlice.StartDelay);
        Assert.Equal(TimeSpan.FromMilliseconds(bobDelay), atBob.StartDelay);
        Assert.Equal(TimeSpan.FromMilliseconds(2 * aliceOneWay), atAlice.LocalRtt);
        Assert.Equal(TimeSpan.FromMilliseconds(2 * bobOneWay), atAlice.RemoteRtt);
        Assert.Equal(TimeSpan.FromMilliseconds(2 * (aliceOneWay + bobOneWay)), atAlice.LocalRtt + atAlice.RemoteRtt);
        if (aliceDelay < 100) Assert.Equal(alice.At<RendezvousEvent.SessionPushed>() + atAlice.StartDelay, bob.At<RendezvousEvent.SessionPushed>() + atBob.StartDelay);
    }

    [Fact]
    public void A_client_that_is_slow_to_begin_is_not_taken_to_be_far_away()
    {
        var world = new RendezvousWorld();
        var slow = new RawClient(world).Handshake();
        world.Run(TimeSpan.FromMilliseconds(300));
        slow.Say(new ClientMessage.Hello(RendezvousLimits.Version, InstanceId.Create(new TestEntropy(1))));
        foreach (int milliseconds in (int[])[200, 40, 60])
        {
            world.Run(TimeSpan.FromMilliseconds(milliseconds));
            slow.Say(new ClientMessage.Pong(slow.Heard.OfType<ServerMessage.Ping>().Last().Stamp));
        }

        Assert.Equal(3, slow.Heard.OfType<ServerMessage.Ping>().Count()); // with the hello four round trips, of which the least counts
        slow.Register(name: "bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromMilliseconds(40), alice.Push(session).Plan.RemoteRtt);
    }

    [Fact]
    public void The_round_trip_is_known_at_once_after_the_hello()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob", 35);
        var alice = world.Add(15);
        alice.Machine.Register(world.Now, new Registration());
        alice.Machine.Start(world.Now);
        var session = alice.Connect("bob"); // leaves with the registration's answer
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromMilliseconds(30), alice.Push(session).Plan.LocalRtt);
        Assert.Equal(TimeSpan.FromMilliseconds(20), alice.Push(session).Plan.StartDelay);
        Assert.NotNull(bob);
    }

    [Fact]
    public void A_peer_is_found_by_its_id()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered(null);
        var alice = world.AddRegistered(null);

        var session = alice.Connect(bob.Id.ToString());
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(bob.Id, alice.Push(session).Remote);
        Assert.Null(alice.Push(session).RemoteName);
    }

    [Fact]
    public void Unknown_offline_refused_and_self_are_different_answers()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        var carol = world.AddRegistered("carol", registration: new Registration { Accept = AcceptPolicy.Known });
        var dave = world.AddRegistered("dave", registration: new Registration { Accept = AcceptPolicy.Nobody });
        bob.Do((machine, now) => machine.Stop(now));
        world.Run(TimeSpan.FromSeconds(1));
        var stranger = IdentityKey.Generate(new TestEntropy(77)).PeerId;

        Expect("nobody", RendezvousError.UnknownPeer);
        Expect(stranger.ToString(), RendezvousError.UnknownPeer);
        Expect("bob", RendezvousError.PeerOffline);
        Expect(bob.Id.ToString(), RendezvousError.PeerOffline);
        Expect("carol", RendezvousError.RefusedByPolicy);
        Expect("dave", RendezvousError.RefusedByPolicy);
        Expect("alice", RendezvousError.ConnectToSelf);
        Expect("no name!", RendezvousError.InvalidName);
        Assert.Empty(carol.Events<RendezvousEvent.SessionPushed>());
        Assert.Empty(dave.Events<RendezvousEvent.SessionPushed>());

        void Expect(string target, RendezvousError error)
        {
            var session = alice.Connect(target);
            world.Run(TimeSpan.FromSeconds(1));
            var refused = alice.Events<RendezvousEvent.Refused>().Last();
            Assert.Equal((error, session), (refused.Error, refused.Session!.Value));
        }
    }

    [Fact]
    public void A_known_peer_is_let_in_and_a_stranger_is_not()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var mallory = world.AddRegistered("mallory");
        var bob = world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Known, Allowed = [alice.Id] });

        var allowed = alice.Connect("bob");
        var refused = mallory.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(allowed, Assert.Single(bob.Events<RendezvousEvent.SessionPushed>()).Push.Session);
        Assert.Equal(RendezvousError.RefusedByPolicy, mallory.Events<RendezvousEvent.Refused>().Single(e => e.Session == refused).Error);
    }

    [Fact]
    public void A_connect_waits_for_the_server_and_is_repeated_after_a_lost_connection()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromMilliseconds(30)); // the push is on its way to alice
        alice.Machine.HandleSocketEvent(world.Now, new SocketEvent.Failed(alice.Machine.Socket!.Value, SocketFailure.Closed, ""));
        world.Hangup(new SocketId(-2));
        world.Run(TimeSpan.FromSeconds(3));

        var push = alice.Push(session);
        var restarted = Assert.Single(bob.Events<RendezvousEvent.Restarted>());
        Assert.True(push.IsInitiator);
        Assert.Equal(1, push.Plan.Generation);
        Assert.Equal(push.Plan.Local, restarted.Plan.Remote);
        Assert.Single(bob.Events<RendezvousEvent.SessionPushed>());
        alice.SendRelay(session, 1, 2, 3);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(bob.Relayed);
    }

    [Fact]
    public void A_connect_that_was_taken_back_is_over_on_both_sides()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var alice = world.AddRegistered("alice");
        var session = alice.Connect("bob");
        alice.Do((machine, now) => machine.Release(now, session));
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Empty(alice.Events<RendezvousEvent.SessionPushed>());
        Assert.Equal(SessionCloseReason.Released, Assert.Single(bob.Events<RendezvousEvent.SessionClosed>()).Reason);
        Assert.Equal(0, world.Host.Router.Count);
    }
}
