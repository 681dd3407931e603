using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Scenarios.Attacks;

namespace Porthole.Scenarios.Meet;

/// <summary>The server, which sees the public part of every code and brings the two together, is the attacker: without the secret part it is nobody.</summary>
public sealed class HostileMeetTests
{
    private static readonly byte[] s_guess = new byte[32];

    private readonly AttackWorld _world = AttackWorld.WithHostileServer();

    private HostileServer Server => _world.Hostile!;

    [Fact]
    public void A_server_that_takes_the_second_part_itself_has_three_guesses_and_the_code_is_burnt()
    {
        var alice = AddStranger();
        int asked = 0;
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;
            asked++;
            var impostor = IdentityKey.Generate(Server.Entropy);
            var session = SessionId.Create(Server.Entropy);
            var handshake = SessionHandshake.Initiate(session, impostor, PeerPin.None, MeetingDialled.Of(meet.Code), s_guess, Server.Entropy);
            from.Say(new ServerMessage.Waiting(meet.Session));
            from.Say(new ServerMessage.Superseded(meet.Session, session));
            from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, impostor.PublicKey, session, MeetingDialled.Of(meet.Code), new HandshakeOffer(HandshakePattern.XXpsk2, handshake.Outgoing))));
            return true;
        };
        Server.OnRelay = null;

        var handle = MeetWorld.Meet(alice, MeetWorld.Right);
        Assert.True(_world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 120));

        Assert.Equal(PeerError.WrongCode, Attack.Failure(alice, handle));
        Assert.Equal(3, asked);
        Assert.Equal(2, MeetWorld.Events<PeerEvent.CodeMissed>(alice).Count());
        AssertNothingOpened(alice);
    }

    [Fact]
    public void A_server_that_answers_as_the_first_one_has_one_guess()
    {
        var alice = AddStranger();
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;
            var impostor = IdentityKey.Generate(Server.Entropy);
            string dialled = MeetingDialled.Of(meet.Code);
            from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, impostor.PublicKey, meet.Session, dialled, null)));
            var verdict = SessionHandshake.TryRespond(
                meet.Session, impostor, from.Peer, dialled, s_guess, meet.Offer.Message.Span, Server.Entropy, out var handshake);
            Assert.Equal(HandshakeVerdict.Accepted, verdict); // message 1 is not under the code yet, and says nothing
            from.Send(Attack.Relayed(meet.Session, handshake!.Outgoing.Span));
            return true;
        };

        var handle = MeetWorld.Meet(alice, MeetWorld.Right);
        Assert.True(_world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 5));

        Assert.Equal(PeerError.WrongCode, Attack.Failure(alice, handle));
        AssertNothingOpened(alice);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_server_that_leaves_the_code_out_gets_no_session(bool isWaiter)
    {
        var alice = AddStranger();
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;
            var impostor = IdentityKey.Generate(Server.Entropy);
            string dialled = MeetingDialled.Of(meet.Code);
            if (isWaiter)
            {
                var session = SessionId.Create(Server.Entropy);
                var handshake = SessionHandshake.Initiate(session, impostor, PeerPin.None, dialled, default, Server.Entropy);
                from.Say(new ServerMessage.Superseded(meet.Session, session));
                from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, impostor.PublicKey, session, dialled, new HandshakeOffer(HandshakePattern.XX, handshake.Outgoing))));
            }
            else
            {
                from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, impostor.PublicKey, meet.Session, dialled, null)));
                byte[] stripped = meet.Offer.Message.ToArray();
                stripped[PacketHeader.HandshakeSize] &= 0xFD; // "no psk"
                Assert.Equal(HandshakeVerdict.Forged, SessionHandshake.TryRespond(meet.Session, impostor, from.Peer, dialled, default, stripped, Server.Entropy, out _));
            }

            return true;
        };

        var handle = MeetWorld.Meet(alice, MeetWorld.Right);
        Assert.True(_world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 60));

        Assert.Equal(isWaiter ? PeerError.HandshakeFailed : PeerError.TimedOut, Attack.Failure(alice, handle));
        AssertNothingOpened(alice);
    }

    [Fact]
    public void A_server_between_the_two_can_neither_read_nor_take_their_places()
    {
        var (alice, bob) = (AddStranger(), AddStranger(isAlice: false));
        var bridge = new Dictionary<SessionId, SessionHandshake>();
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;

            // Each is told that the server's own key is the other side, and gets the handshake of a go-between.
            var impostor = IdentityKey.Generate(Server.Entropy);
            string dialled = MeetingDialled.Of(meet.Code);
            Assert.Equal("meet/7K2QD", dialled);
            from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, impostor.PublicKey, meet.Session, dialled, null)));
            SessionHandshake.TryRespond(meet.Session, impostor, from.Peer, dialled, s_guess, meet.Offer.Message.Span, Server.Entropy, out var handshake);
            bridge[meet.Session] = handshake!;
            from.Send(Attack.Relayed(meet.Session, handshake!.Outgoing.Span));
            return true;
        };

        MeetWorld.Meet(alice, MeetWorld.Right);
        MeetWorld.Meet(bob, MeetWorld.Right);
        _world.Run(40);

        Assert.Equal(2, bridge.Count);
        Assert.All(bridge.Values, static handshake => Assert.False(handshake.IsConfirmed));
        AssertNothingOpened(alice, bob);
        Assert.Equal(PeerError.WrongCode, alice.Find<PeerEvent.Failed>()!.Error);
        Assert.Equal(PeerError.WrongCode, bob.Find<PeerEvent.Failed>()!.Error);
    }

    [Fact]
    public void A_server_that_swaps_the_key_of_the_other_is_found_out()
    {
        var (alice, bob) = (AddStranger(), AddStranger(isAlice: false));
        var other = IdentityKey.Generate(_world.Simulation.CreateEntropy()).PublicKey;
        HostileConnection? first = null;
        ClientMessage.Meet? waiting = null;
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return message is ClientMessage.Release;
            if (first is null)
            {
                (first, waiting) = (from, meet);
                from.Say(new ServerMessage.Waiting(meet.Session));
                return true;
            }

            if (from == first) return true; // it waits again
            string dialled = MeetingDialled.Of(meet.Code);
            first.Say(new ServerMessage.Superseded(waiting!.Session, meet.Session));
            first.Say(new ServerMessage.SessionBegun(Server.PushFor(first, other, meet.Session, dialled, meet.Offer)));
            from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, first.Key!, meet.Session, dialled, null)));
            return true;
        };

        MeetWorld.Meet(alice, MeetWorld.Right);
        _world.Run(1);
        MeetWorld.Meet(bob, MeetWorld.Right);
        _world.Run(40);

        AssertNothingOpened(alice, bob);
        Assert.NotEmpty(MeetWorld.Events<PeerEvent.CodeMissed>(alice));
    }

    [Fact]
    public void A_push_of_another_meeting_is_a_reason_to_leave()
    {
        var alice = AddStranger();
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;
            from.Say(new ServerMessage.SessionBegun(Server.PushFor(from, IdentityKey.Generate(Server.Entropy).PublicKey, meet.Session, MeetingDialled.Of(null), null)));
            return true;
        };
        MeetWorld.Meet(alice, MeetWorld.Right);
        Assert.True(_world.Until(() => alice.Find<PeerEvent.ServerLost>() is not null, 2));
        Assert.Equal(PeerError.ProtocolViolation, alice.Find<PeerEvent.ServerLost>()!.Error);
    }

    [Fact]
    public void A_server_that_keeps_somebody_waiting_for_ever_does_not()
    {
        var alice = AddStranger();
        Server.OnMessage = (from, message) =>
        {
            if (message is not ClientMessage.Meet meet) return false;
            from.Say(new ServerMessage.Waiting(meet.Session));
            return true;
        };
        var handle = MeetWorld.Meet(alice, null);
        Assert.True(_world.Until(() => alice.Find<PeerEvent.Failed>() is not null, 3_700));
        Assert.Equal(PeerError.TimedOut, Attack.Failure(alice, handle));
    }

    private SimulatedPeer AddStranger(bool isAlice = true)
    {
        var peer = isAlice ? _world.AddAlice(Nameless) : _world.AddBob(Nameless);
        _world.Warm(peer);
        return peer;

        static PeerMachineOptions Nameless(PeerMachineOptions options) => options with { Name = null, Accept = AcceptPolicy.Nobody };
    }

    private static void AssertNothingOpened(params SimulatedPeer[] peers) =>
        Assert.All(peers, static peer => Assert.DoesNotContain(peer.Events, entry => entry.Event is PeerEvent.Opened or PeerEvent.Confirmed));
}
