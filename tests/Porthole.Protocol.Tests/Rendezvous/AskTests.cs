using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class AskTests
{
    private readonly RendezvousWorld _world = new();
    private readonly WorldClient _alice;
    private readonly WorldClient _bob;

    public AskTests()
    {
        _alice = _world.AddRegistered("alice");
        _bob = _world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Ask });
    }

    [Fact]
    public void The_push_follows_the_answer()
    {
        var session = Ring();
        var incoming = Assert.Single(_bob.Events<RendezvousEvent.Incoming>());
        Assert.Equal((session, "alice", _alice.Key.PublicKey), (incoming.Session, incoming.Name, incoming.Key));
        Assert.Equal(session, Assert.Single(_alice.Events<RendezvousEvent.Ringing>()).Session);
        Assert.Empty(_alice.Events<RendezvousEvent.SessionPushed>());
        var accepted = _world.Now;

        _bob.Do((machine, now) => machine.Accept(now, session));
        _world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromMilliseconds(40), _alice.At<RendezvousEvent.SessionPushed>() - accepted);
        Assert.True(_alice.Push(session).IsInitiator);
        Assert.NotNull(_bob.Push(session).Offer);
        Assert.Equal("bob", _bob.Push(session).Dialled);
    }

    [Fact]
    public void A_refusal_reaches_the_caller()
    {
        var session = Ring();
        _bob.Do((machine, now) => machine.Refuse(now, session));
        _world.Run(TimeSpan.FromMinutes(2));

        var refused = Assert.Single(_alice.Events<RendezvousEvent.Refused>());
        Assert.Equal((RendezvousError.RefusedByPeer, session), (refused.Error, refused.Session!.Value));
        Assert.Empty(_bob.Events<RendezvousEvent.SessionClosed>());
    }

    [Fact]
    public void Silence_ends_the_asking_after_a_minute()
    {
        var start = _world.Now;
        var session = Ring();
        _world.Run(TimeSpan.FromMinutes(2));

        Assert.Equal(RendezvousError.NoAnswer, Assert.Single(_alice.Events<RendezvousEvent.Refused>()).Error);
        Assert.Equal(TimeSpan.FromMilliseconds(60_040), _alice.At<RendezvousEvent.Refused>() - start);
        Assert.Equal(SessionCloseReason.NoAnswer, Assert.Single(_bob.Events<RendezvousEvent.SessionClosed>()).Reason);
        _bob.Do((machine, now) => machine.Accept(now, session)); // too late, and nothing happens
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(_bob.Events<RendezvousEvent.SessionPushed>());
    }

    [Fact]
    public void An_answer_that_crosses_the_time_out_is_told_so()
    {
        var session = Ring();
        _world.Run(TimeSpan.FromMilliseconds(60_020 - 1_000 - 10)); // the server gives up in 10 ms, the answer needs 20
        _bob.Do((machine, now) => machine.Accept(now, session));
        _world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(RendezvousError.NoAnswer, Assert.Single(_alice.Events<RendezvousEvent.Refused>()).Error);
        Assert.Single(_bob.Events<RendezvousEvent.SessionClosed>());
        Assert.Empty(_bob.Events<RendezvousEvent.SessionPushed>());
    }

    [Fact]
    public void A_caller_who_hangs_up_stops_the_ringing()
    {
        var session = Ring();
        _alice.Do((machine, now) => machine.Release(now, session));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(SessionCloseReason.Released, Assert.Single(_bob.Events<RendezvousEvent.SessionClosed>()).Reason);
    }

    [Fact]
    public void A_caller_who_vanishes_stops_the_ringing()
    {
        Ring();
        _alice.Do((machine, now) => machine.Stop(now));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Single(_bob.Events<RendezvousEvent.SessionClosed>());
    }

    [Fact]
    public void A_peer_that_vanishes_while_asked_is_offline()
    {
        Ring();
        _bob.Do((machine, now) => machine.Stop(now));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(RendezvousError.PeerOffline, Assert.Single(_alice.Events<RendezvousEvent.Refused>()).Error);
    }

    [Fact]
    public void An_allowed_peer_passes_unasked()
    {
        var carol = _world.AddRegistered("carol", registration: new Registration { Accept = AcceptPolicy.Ask, Allowed = [_alice.Id] });
        var session = _alice.Connect("carol");
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.NotNull(_alice.Push(session));
        Assert.Empty(carol.Events<RendezvousEvent.Incoming>());
    }

    private SessionId Ring()
    {
        var session = _alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        return session;
    }
}
