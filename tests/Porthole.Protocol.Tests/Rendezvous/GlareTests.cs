using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Both sides connect at once: one session comes of it, whoever is faster and however the messages cross.</summary>
public sealed class GlareTests
{
    [Theory]
    [InlineData(20, 20, 0)]
    [InlineData(20, 20, 1)]
    [InlineData(20, 20, 39)] // bob's connect leaves just before the push reaches him
    [InlineData(5, 80, 0)]
    [InlineData(80, 5, 0)]
    [InlineData(80, 5, 100)]
    public void Crossing_connects_become_one_session(double aliceOneWay, double bobOneWay, double bobLater)
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice", aliceOneWay);
        var bob = world.AddRegistered("bob", bobOneWay);
        if (aliceOneWay + bobOneWay <= bobLater) bobLater = 0;

        var fromAlice = alice.Connect("bob");
        world.Run(TimeSpan.FromMilliseconds(bobLater));
        var fromBob = bob.Connect("alice");
        world.Run(TimeSpan.FromSeconds(2));

        var atAlice = Assert.Single(alice.Events<RendezvousEvent.SessionPushed>()).Push;
        var atBob = Assert.Single(bob.Events<RendezvousEvent.SessionPushed>()).Push;
        Assert.Equal(atAlice.Session, atBob.Session);
        Assert.Equal(alice.Id < bob.Id, atAlice.Plan.Controlling);
        Assert.NotEqual(atAlice.Plan.Controlling, atBob.Plan.Controlling);
        var (loser, own) = atAlice.IsInitiator ? (bob, fromBob) : (alice, fromAlice);
        Assert.Equal(atAlice.IsInitiator ? fromAlice : fromBob, atAlice.Session);
        var superseded = Assert.Single(loser.Events<RendezvousEvent.Superseded>());
        Assert.Equal((own, atAlice.Session), (superseded.Own, superseded.By));
        Assert.Equal(2, world.Host.Router.Count);
    }

    [Fact]
    public void The_loser_learns_it_before_the_push_or_with_it()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        var session = alice.Connect("bob");
        bob.Connect("alice");
        world.Run(TimeSpan.FromSeconds(1));

        var order = bob.Log.Select(entry => entry.Event).Where(e => e is RendezvousEvent.Superseded or RendezvousEvent.SessionPushed).ToArray();
        Assert.Equal(session, Assert.IsType<RendezvousEvent.Superseded>(order[0]).By);
        Assert.Equal(session, Assert.IsType<RendezvousEvent.SessionPushed>(order[1]).Push.Session);
    }

    [Fact]
    public void A_connect_by_id_and_instance_is_recognised_as_well()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        var session = alice.Connect("bob");
        world.Run(TimeSpan.FromMilliseconds(5));
        var own = SessionId.Create(bob.Entropy);
        var target = new ConnectTarget(alice.Id.ToString(), alice.Machine.Instance);
        bob.Do((machine, now) => machine.Connect(now, own, target, new HandshakeOffer(HandshakePattern.IK, new byte[] { 1 })));
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal((own, session), (bob.Events<RendezvousEvent.Superseded>().Single().Own, bob.Push(session).Session));
        Assert.Single(alice.Events<RendezvousEvent.SessionPushed>());
    }

    [Fact]
    public void Who_has_seen_the_push_and_connects_all_the_same_gets_a_session_of_its_own()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice");
        var bob = world.AddRegistered("bob");
        alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        bob.Connect("alice");
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(2, alice.Events<RendezvousEvent.SessionPushed>().Count());
        Assert.Empty(bob.Events<RendezvousEvent.Superseded>());
        Assert.Equal(4, world.Host.Router.Count);
    }

    [Fact]
    public void Calling_back_while_being_asked_is_an_answer()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice", registration: new Registration { Accept = AcceptPolicy.Ask });
        var bob = world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Ask });
        var fromAlice = alice.Connect("bob");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(bob.Events<RendezvousEvent.Incoming>());

        var fromBob = bob.Connect("alice");
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal((fromBob, fromAlice), (bob.Events<RendezvousEvent.Superseded>().Single().Own, bob.Events<RendezvousEvent.Superseded>().Single().By));
        Assert.True(alice.Push(fromAlice).IsInitiator);
        Assert.False(bob.Push(fromAlice).IsInitiator);
        Assert.Empty(alice.Events<RendezvousEvent.Incoming>());
    }

    [Fact]
    public void Both_asking_at_once_need_no_answer()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered("alice", registration: new Registration { Accept = AcceptPolicy.Ask });
        var bob = world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Ask });
        var fromAlice = alice.Connect("bob");
        bob.Connect("alice");
        world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(fromAlice, Assert.Single(alice.Events<RendezvousEvent.SessionPushed>()).Push.Session);
        Assert.Equal(fromAlice, Assert.Single(bob.Events<RendezvousEvent.SessionPushed>()).Push.Session);
    }
}
