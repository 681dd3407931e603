using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>Strangers meet: the first waits, the second completes the pair.</summary>
public sealed class MeetTests
{
    private const string Code = "7K2QD";

    private readonly RendezvousWorld _world = new(new RendezvousServerOptions { Lobby = true });

    [Theory]
    [InlineData(null)]
    [InlineData(Code)]
    public void The_second_completes_the_pair_in_one_push_to_both(string? code)
    {
        var alice = _world.AddRegistered(null);
        var bob = _world.AddRegistered(null);
        var first = alice.Meet(code);
        Run(1);
        Assert.Equal(first, Assert.Single(alice.Events<RendezvousEvent.Waiting>()).Session);

        var start = _world.Now;
        var second = bob.Meet(code);
        Run(1);
        var (atAlice, atBob) = (alice.Push(second), bob.Push(second));
        Assert.Equal((false, true), (atAlice.IsInitiator, atBob.IsInitiator));
        Assert.Equal((bob.Key.PublicKey, alice.Key.PublicKey), (atAlice.RemoteKey, atBob.RemoteKey));
        Assert.Equal(MeetingDialled.Of(code), atAlice.Dialled);
        Assert.Equal(MeetingDialled.Of(code), atBob.Dialled);
        Assert.Equal(HandshakePattern.XXpsk2, atAlice.Offer!.Pattern);
        Assert.Equal(atAlice.Plan.Local, atBob.Plan.Remote);
        Assert.Equal("203.0.113.2:40000", Assert.Single(atAlice.Plan.Candidates).Address.ToString());
        Assert.Equal(_world.Now - TimeSpan.FromMilliseconds(960), bob.At<RendezvousEvent.SessionPushed>());
        Assert.Equal(TimeSpan.FromMilliseconds(40), bob.At<RendezvousEvent.SessionPushed>() - start);
        Assert.Equal(bob.At<RendezvousEvent.SessionPushed>(), alice.At<RendezvousEvent.SessionPushed>());
        Assert.Equal((first, second), (Assert.Single(alice.Events<RendezvousEvent.Superseded>()).Own, alice.Events<RendezvousEvent.Superseded>().Single().By));
        Assert.Empty(bob.Events<RendezvousEvent.Waiting>());

        bob.SendRelay(second, 1, 2, 3);
        Run(1);
        Assert.Single(alice.Relayed);
    }

    [Fact]
    public void A_server_without_a_lobby_says_so_and_matches_codes_all_the_same()
    {
        var world = new RendezvousWorld();
        var alice = world.AddRegistered(null);
        var bob = world.AddRegistered(null);
        var refused = alice.Meet(null);
        alice.Meet(Code);
        var second = bob.Meet(Code);
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal((RendezvousError.NoLobby, refused), Refusal(alice));
        Assert.False(alice.Push(second).IsInitiator);
    }

    [Fact]
    public void Different_codes_and_the_lobby_are_different_meetings()
    {
        var clients = Enumerable.Range(0, 3).Select(_ => _world.AddRegistered(null)).ToArray();
        clients[0].Meet(null);
        clients[1].Meet(Code);
        clients[2].Meet("00000");
        Run(1);
        Assert.All(clients, client => Assert.Single(client.Events<RendezvousEvent.Waiting>()));
        Assert.All(clients, client => Assert.Empty(client.Events<RendezvousEvent.SessionPushed>()));
    }

    [Fact]
    public void A_lobby_pairs_two_by_two()
    {
        var clients = Enumerable.Range(0, 4).Select(_ => _world.AddRegistered(null)).ToArray();
        var sessions = clients.Select(client =>
        {
            var session = client.Meet(null);
            Run(1);
            return session;
        }).ToArray();
        Assert.Equal(clients[0].Id, clients[1].Push(sessions[1]).Remote);
        Assert.Equal(clients[2].Id, clients[3].Push(sessions[3]).Remote);
        Assert.All(clients, client => Assert.Single(client.Events<RendezvousEvent.SessionPushed>()));
    }

    [Fact]
    public void A_peer_never_meets_itself()
    {
        var key = IdentityKey.Generate(new TestEntropy(77));
        var one = _world.AddRegistered(null, key: key);
        var same = _world.AddRegistered(null, key: key);
        one.Meet(Code);
        Run(1);
        var second = same.Meet(Code);
        Run(1);
        Assert.Equal((RendezvousError.ConnectToSelf, second), Refusal(same));
        Assert.Empty(one.Events<RendezvousEvent.SessionPushed>());

        var other = _world.AddRegistered(null);
        Assert.Equal(one.Id, other.Push(Paired(other, Code)).Remote);
    }

    [Fact]
    public void Nobody_waits_for_ever()
    {
        var alice = _world.AddRegistered(null);
        var session = alice.Meet(Code);
        Run(599);
        Assert.Empty(alice.Events<RendezvousEvent.Refused>());
        Run(2);
        Assert.Equal((RendezvousError.NobodyCame, session), Refusal(alice));
        Assert.Equal(0, _world.Host.Server.RememberedCodes);
    }

    [Fact]
    public void Who_takes_it_back_or_goes_away_is_not_waiting_any_more()
    {
        var alice = _world.AddRegistered(null);
        var bob = _world.AddRegistered(null);
        var session = alice.Meet(Code);
        Run(1);
        alice.Do((machine, now) => machine.Release(now, session));
        Run(1);
        Assert.Equal(0, _world.Host.Server.RememberedCodes);
        bob.Meet(null);
        bob.Meet(Code);
        Run(1);
        Assert.Equal(2, bob.Events<RendezvousEvent.Waiting>().Count());
        bob.Do((machine, now) => machine.Stop(now));
        Run(1);
        alice.Meet(null);
        alice.Meet(Code);
        Run(1);
        Assert.Equal(3, alice.Events<RendezvousEvent.Waiting>().Count());
    }

    [Fact]
    public void Codes_that_nobody_else_came_with_leave_nothing_behind()
    {
        var (patient, alice) = (_world.AddRegistered(null), _world.AddRegistered(null));
        patient.Meet(Code); // waits all the time
        for (int i = 0; i < 20; i++)
        {
            var session = alice.Meet($"0000{i % 10}");
            Run(1);
            alice.Do((machine, now) => machine.Release(now, session));
            Run(1);
        }

        Assert.Equal((1, 0), (_world.Host.Server.RememberedCodes, _world.Host.Server.CodesToForget));
    }

    [Fact]
    public void A_code_works_once()
    {
        var (alice, bob) = (_world.AddRegistered(null), _world.AddRegistered(null));
        alice.Meet(Code);
        var session = Paired(bob, Code);
        alice.Do((machine, now) => machine.ConfirmMeeting(now, session));
        bob.Do((machine, now) => machine.ConfirmMeeting(now, session));
        Run(1);
        var third = _world.AddRegistered(null);
        third.Meet(Code);
        Run(1);
        Assert.Equal(RendezvousError.CodeUsed, Refusal(third).Error);

        bob.Do((machine, now) => machine.Release(now, session));
        Run(3_601);
        third.Meet(Code);
        Run(1);
        Assert.Single(third.Events<RendezvousEvent.Waiting>()); // forgotten after an hour
    }

    [Fact]
    public void A_third_who_comes_while_two_try_the_code_waits_for_the_outcome()
    {
        var (alice, bob, carol) = (_world.AddRegistered(null), _world.AddRegistered(null), _world.AddRegistered(null));
        alice.Meet(Code);
        var session = Paired(bob, Code);
        carol.Meet(Code);
        Run(1);
        Assert.Single(carol.Events<RendezvousEvent.Waiting>());
        bob.Do((machine, now) => machine.Release(now, session)); // it was the wrong one
        Run(1);
        Assert.Equal(SessionCloseReason.Released, Assert.Single(alice.Events<RendezvousEvent.SessionClosed>()).Reason);

        var again = Paired(alice, Code);
        Assert.False(carol.Push(again).IsInitiator);
        var dave = _world.AddRegistered(null);
        dave.Meet(Code);
        Run(1);
        carol.Do((machine, now) => machine.ConfirmMeeting(now, again));
        Run(1);
        Assert.Equal(RendezvousError.CodeUsed, Refusal(dave).Error);
    }

    [Fact]
    public void Three_wrong_codes_burn_it()
    {
        var alice = _world.AddRegistered(null);
        for (int i = 0; i < 3; i++)
        {
            alice.Meet(Code);
            var mallory = _world.AddRegistered(null);
            var session = Paired(mallory, Code);
            mallory.Do((machine, now) => machine.Release(now, session));
            Run(1);
        }

        alice.Meet(Code);
        Run(1);
        Assert.Equal(RendezvousError.CodeBurnt, Refusal(alice).Error);
        Assert.Equal(3, alice.Events<RendezvousEvent.SessionClosed>().Count());
    }

    [Fact]
    public void Whoever_says_nothing_for_half_a_minute_has_failed_and_so_has_who_went_away()
    {
        var alice = _world.AddRegistered(null);
        for (int i = 0; i < 3; i++)
        {
            alice.Meet(Code);
            var mallory = _world.AddRegistered(null);
            var session = Paired(mallory, Code);
            if (i == 1) mallory.Do((machine, now) => machine.Stop(now));
            Run(31);
            alice.Do((machine, now) => machine.Release(now, session));
        }

        alice.Meet(Code);
        Run(1);
        Assert.Equal(RendezvousError.CodeBurnt, Refusal(alice).Error);
    }

    [Fact]
    public void A_client_waits_at_four_places_and_no_more()
    {
        var alice = _world.AddRegistered(null);
        for (int i = 0; i < 4; i++) alice.Meet($"0000{i}");
        var fifth = alice.Meet("00009");
        Run(1);
        Assert.Equal(4, alice.Events<RendezvousEvent.Waiting>().Count());
        Assert.Equal((RendezvousError.TooManySessions, fifth), Refusal(alice));
    }

    [Fact]
    public void Meetings_of_one_source_are_limited_and_so_are_codes_in_all()
    {
        var world = new RendezvousWorld(new RendezvousServerOptions { MeetsPerMinute = 3, MaxCodes = 2, MaxWaitingPerConnection = 10 });
        var alice = world.AddRegistered(null);
        for (int i = 0; i < 4; i++) alice.Meet($"0000{i}");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([RendezvousError.ServerFull, RendezvousError.RateLimited], alice.Events<RendezvousEvent.Refused>().Select(refused => refused.Error));
        world.Run(TimeSpan.FromMinutes(1));
        alice.Meet("00000");
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(RendezvousError.ConnectToSelf, alice.Events<RendezvousEvent.Refused>().Last().Error);
    }

    [Fact]
    public void A_number_that_is_in_use_is_refused()
    {
        var (alice, bob) = (_world.AddRegistered(null), _world.AddRegistered("bob"));
        var session = alice.Meet(Code);
        Run(1);
        bob.Do((machine, now) => machine.Meet(now, session, Code, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 })));
        Run(1);
        Assert.Equal((RendezvousError.SessionInUse, session), Refusal(bob));

        var call = alice.Connect("bob");
        Run(1);
        bob.Do((machine, now) => machine.Meet(now, call, null, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 })));
        Run(1);
        Assert.Equal(RendezvousError.SessionInUse, bob.Events<RendezvousEvent.Refused>().Last().Error);
    }

    [Fact]
    public void A_call_is_not_taken_for_the_other_half_of_a_meeting()
    {
        var (alice, bob) = (_world.AddRegistered("alice"), _world.AddRegistered("bob"));
        alice.Meet(null);
        Run(1);
        var meeting = bob.Meet(null);
        _world.Run(TimeSpan.FromMilliseconds(25)); // the push is on its way to alice
        var call = alice.Connect("bob");
        Run(1);
        Assert.False(alice.Push(meeting).IsInitiator);
        Assert.True(alice.Push(call).IsInitiator);
        Assert.Equal(2, bob.Events<RendezvousEvent.SessionPushed>().Count());
    }

    [Fact]
    public void Who_waits_when_the_server_restarts_waits_again()
    {
        var alice = _world.AddRegistered(null);
        alice.Meet(Code);
        Run(1);
        _world.KillServer();
        Run(1);
        _world.StartServer();
        Run(10);
        Assert.Equal(2, alice.Events<RendezvousEvent.Waiting>().Count());
        var bob = _world.AddRegistered(null);
        Assert.False(alice.Push(Paired(bob, Code)).IsInitiator);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_push_that_is_lost_with_its_connection_is_sent_again(bool isWaiterLost)
    {
        var (alice, bob) = (_world.AddRegistered(null), _world.AddRegistered(null));
        alice.Meet(Code);
        Run(1);
        var session = bob.Meet(Code);
        _world.Run(TimeSpan.FromMilliseconds(25)); // the server has pushed, nothing has arrived
        var (lost, other) = isWaiterLost ? (alice, bob) : (bob, alice);
        var socket = lost.AcceptedSocket;
        lost.Do((machine, now) => machine.HandleSocketEvent(now, new SocketEvent.Failed(machine.Socket!.Value, SocketFailure.Closed, "")));
        _world.Hangup(socket);
        Run(10);

        Assert.Equal(!isWaiterLost, lost.Push(session).IsInitiator);
        Assert.Equal(isWaiterLost, lost.Push(session).Offer is not null);
        Assert.Equal(1, lost.Push(session).Plan.Generation);
        Assert.Equal(lost.Push(session).Plan.Local, Assert.Single(other.Events<RendezvousEvent.Restarted>()).Plan.Remote);
        Assert.Equal(1, Assert.Single(other.Events<RendezvousEvent.Reopened>()).Generation); // the relay is back
        lost.SendRelay(session, 1);
        Run(1);
        Assert.Single(other.Relayed);
    }

    [Fact]
    public void A_client_believes_no_more_than_it_asked_for()
    {
        var server = new RawServer(new Registration { Accept = AcceptPolicy.Nobody }).Welcome();
        var own = new SessionId(5);
        server.Do((client, now) => client.Meet(now, own, Code, new HandshakeOffer(HandshakePattern.XXpsk2, new byte[] { 1 })));
        server.Say(new ServerMessage.Waiting(new SessionId(6)));
        server.Say(new ServerMessage.Superseded(new SessionId(6), new SessionId(7)));
        Assert.DoesNotContain(server.Events, e => e is RendezvousEvent.Waiting or RendezvousEvent.Superseded);
        Assert.True(server.Client.IsOnline);
        server.Say(new ServerMessage.Waiting(own));
        Assert.Single(server.Events.OfType<RendezvousEvent.Waiting>());
    }

    private SessionId Paired(WorldClient client, string? code)
    {
        var session = client.Meet(code);
        Run(1);
        Assert.True(client.Push(session).IsInitiator);
        return session;
    }

    private static (RendezvousError Error, SessionId? Session) Refusal(WorldClient client)
    {
        var refused = Assert.Single(client.Events<RendezvousEvent.Refused>());
        return (refused.Error, refused.Session);
    }

    private void Run(double seconds) => _world.Run(TimeSpan.FromSeconds(seconds));
}
