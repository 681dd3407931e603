using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class AllowTests
{
    private readonly RendezvousWorld _world = new();
    private readonly WorldClient _alice;
    private readonly WorldClient _bob;

    public AllowTests()
    {
        _alice = _world.AddRegistered("alice");
        _bob = _world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Known });
    }

    [Fact]
    public void A_peer_that_is_allowed_later_is_let_in_from_then_on()
    {
        var early = _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(early, Assert.Single(_alice.Events<RendezvousEvent.Refused>()).Session);

        _bob.Do((machine, now) => machine.Allow(now, [_alice.Id]));
        _world.Run(TimeSpan.FromSeconds(1));
        var late = _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.True(_alice.Push(late).IsInitiator);
        Assert.Equal(_alice.Id, _bob.Push(late).Remote);
    }

    [Fact]
    public void It_is_told_when_the_server_has_the_list()
    {
        var before = _world.Now;
        _bob.Do((machine, now) => machine.Allow(now, [_alice.Id]));
        Assert.Empty(_bob.Events<RendezvousEvent.AllowListTaken>()); // a round trip away
        while (!_bob.Events<RendezvousEvent.AllowListTaken>().Any() && _world.Now - before < TimeSpan.FromSeconds(1)) _world.Run(TimeSpan.FromMilliseconds(1));
        var call = _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.True(_alice.Push(call).IsInitiator);
        Assert.Single(_bob.Events<RendezvousEvent.AllowListTaken>());
    }

    [Fact]
    public void While_the_server_is_away_nothing_is_waited_for()
    {
        _bob.Do((machine, now) => machine.Allow(now, [_alice.Id]));
        _bob.Do((machine, now) => machine.Stop(now));
        Assert.Single(_bob.Events<RendezvousEvent.AllowListTaken>());
        _bob.Do((machine, now) => machine.Allow(now, []));
        Assert.Equal(2, _bob.Events<RendezvousEvent.AllowListTaken>().Count());
    }

    [Fact]
    public void A_connection_that_takes_no_more_is_not_waited_for()
    {
        _bob.Do((machine, now) =>
        {
            for (int i = 0; i < 1_024; i++) machine.RequestPeers(now); // as many messages as may wait
            Assert.True(machine.IsOnline);
            machine.Allow(now, [_alice.Id]);
            Assert.False(machine.IsOnline);
        });
        Assert.Single(_bob.Events<RendezvousEvent.AllowListTaken>());
    }

    [Fact]
    public void Nobody_else_is_let_in_by_it()
    {
        var carol = _world.AddRegistered("carol");
        _bob.Do((machine, now) => machine.Allow(now, [_alice.Id]));
        _world.Run(TimeSpan.FromSeconds(1));
        carol.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(carol.Events<RendezvousEvent.Refused>());
        Assert.Empty(_bob.Events<RendezvousEvent.SessionPushed>());
    }

    [Fact]
    public void A_list_that_is_emptied_lets_nobody_in()
    {
        _bob.Do((machine, now) => machine.Allow(now, [_alice.Id]));
        _bob.Do((machine, now) => machine.Allow(now, []));
        _world.Run(TimeSpan.FromSeconds(1));
        _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(_alice.Events<RendezvousEvent.Refused>());
    }
}
