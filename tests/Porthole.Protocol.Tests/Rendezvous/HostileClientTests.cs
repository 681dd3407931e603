using System.Text;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>What a client may try, named for the attack. The server neither throws nor grows, and other peers notice nothing.</summary>
public sealed class HostileClientTests
{
    private readonly RendezvousWorld _world = new();

    [Fact]
    public void Malformed_JSON_under_a_good_seal_ends_the_connection()
    {
        string[] attacks =
        [
            "", "{", "null", "[]", """{"type":"welcome"}""", """{"type":"ping"}""", new string('[', 10_000), """{"type":"allow","list":[""" + new string('1', 5_000),
            """{"type":"hello","version":1,"instance":"0000000000000001","token":null}""",
        ];
        foreach (string attack in attacks)
        {
            var client = new RawClient(_world).Greet().Register();
            client.SayJson(attack);
            Assert.Equal(RendezvousError.ProtocolViolation, client.Refusal);
            Assert.True(client.IsClosed);
        }

        Assert.Equal(0, _world.Host.Server.Connections);
        Assert.Equal(0, _world.Host.Server.PeersOnline);
    }

    [Fact]
    public void A_huge_message_ends_the_connection()
    {
        var client = new RawClient(_world).Greet();
        client.SaySealed(new byte[RendezvousLimits.MaxMessage + 1]);
        Assert.True(client.IsClosed);
        var other = new RawClient(_world).Greet();
        other.Send([(byte)MainMessageKind.Control, .. new byte[64_000]]);
        Assert.True(other.IsClosed);
    }

    [Fact]
    public void Noise_of_every_kind_and_length_before_during_and_after_the_hello_does_no_harm()
    {
        var entropy = new TestEntropy(5);
        for (int round = 0; round < 300; round++)
        {
            byte[] noise = new byte[entropy.NextInt32(0, 400)];
            entropy.Fill(noise);
            if (noise.Length > 1) (noise[0], noise[1]) = ((byte)entropy.NextInt32(0, 6), (byte)entropy.NextInt32(0, 4));
            var client = new RawClient(_world, $"10.0.{round % 250}.1:1");
            if (round % 3 > 0) client.Handshake();
            if (round % 3 > 1) client.Say(new ClientMessage.Hello(1, new InstanceId(1)));
            client.Send(noise);
            client.Hangup();
        }

        Assert.Equal(0, _world.Host.Server.Connections);
    }

    [Fact]
    public void A_replayed_hello_lets_nobody_in_and_puts_nobody_out()
    {
        var bob = new RawClient(_world).Greet(instance: new InstanceId(5)).Register(name: "bob");
        var replayer = new RawClient(_world);
        replayer.Send(bob.FirstMessage);
        Assert.Equal((byte)MainMessageKind.Hello, replayer.Raw[0][0]); // an answer it cannot read
        replayer.Send([(byte)MainMessageKind.Control, .. new byte[40]]);

        Assert.True(replayer.IsClosed);
        Assert.False(bob.IsClosed);
        Assert.Equal(1, _world.Host.Server.PeersOnline);
        Assert.Single(_world.ServerEvents.OfType<RendezvousServerEvent.PeerConnected>());
    }

    [Fact]
    public void A_replayed_control_message_ends_the_connection()
    {
        var alice = new RawClient(_world).Greet();
        alice.Say(new ClientMessage.Ping(1));
        byte[] ping = alice.LastSent;
        Assert.Equal(new ServerMessage.Pong(1), alice.Heard[^1]);
        alice.Send(ping);
        Assert.True(alice.IsClosed);

        var bob = new RawClient(_world).Greet();
        bob.Send(bob.Raw[^1]); // the server's own message, sent back
        Assert.True(bob.IsClosed);
    }

    [Fact]
    public void A_hello_for_another_server_is_told_so_and_no_more()
    {
        var other = IdentityKey.Generate(new TestEntropy(66)).PublicKey;
        var client = new RawClient(_world).Handshake(other);
        Assert.Equal(RendezvousError.WrongServerKey, client.Refusal);
        Assert.True(client.IsClosed);
    }

    [Fact]
    public void Speaking_before_the_hello_is_over_ends_the_connection()
    {
        var early = new RawClient(_world).Handshake();
        early.Say(new ClientMessage.Peers());
        Assert.Equal(RendezvousError.ProtocolViolation, early.Refusal);
        var control = new RawClient(_world);
        control.Send((byte)MainMessageKind.Control, 1, 2, 3);
        Assert.Equal(RendezvousError.ProtocolViolation, control.Refusal);
        var relay = new RawClient(_world);
        relay.Send((byte)MainMessageKind.Relay, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10); // routed nowhere
        Assert.Equal(1, _world.Host.Server.Connections);
    }

    [Fact]
    public void Another_version_is_refused_by_name()
    {
        var client = new RawClient(_world).Greet(version: 2);
        Assert.Equal(RendezvousError.UnsupportedVersion, client.Refusal);
        Assert.True(client.IsClosed);
    }

    [Fact]
    public void Sessions_of_others_cannot_be_touched()
    {
        var bob = _world.AddRegistered("bob");
        var alice = _world.AddRegistered("alice");
        var session = alice.Connect("bob");
        _world.Run(TimeSpan.FromSeconds(1));
        var mallory = new RawClient(_world).Greet().Register();

        mallory.Say(new ClientMessage.Release(session));
        mallory.Say(new ClientMessage.Restart(session, 0));
        mallory.Say(new ClientMessage.Accept(session));
        mallory.Say(new ClientMessage.Refuse(session));
        mallory.Say(new ClientMessage.Candidates(session, 0, [WorldClient.HostAt("10.0.0.1:5000")]));
        mallory.Say(new ClientMessage.Reopen(session, bob.Id, 0));
        mallory.Say(new ClientMessage.Connect(session, bob.Id.ToString(), null, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 }), 0));
        byte[] frame = new byte[20];
        RelayFrame.WriteHeader(frame, session);
        mallory.Send(frame);
        _world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(2, _world.Host.Router.Count);
        Assert.Single(bob.Events<RendezvousEvent.SessionPushed>());
        Assert.Empty(bob.Events<RendezvousEvent.SessionClosed>());
        Assert.Empty(bob.Events<RendezvousEvent.CandidatesReceived>());
        Assert.Empty(bob.Events<RendezvousEvent.Restarted>());
        Assert.Empty(bob.Relayed);
    }

    [Fact]
    public void A_call_cannot_be_answered_by_its_caller()
    {
        var bob = _world.AddRegistered("bob", registration: new Registration { Accept = AcceptPolicy.Ask });
        var mallory = new RawClient(_world).Greet().Register();
        mallory.Say(new ClientMessage.Connect(new SessionId(5), "bob", null, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 }), 0));
        mallory.Say(new ClientMessage.Accept(new SessionId(5)));
        mallory.Say(new ClientMessage.Candidates(new SessionId(5), 0, [WorldClient.HostAt("10.0.0.1:5000")]));
        mallory.Say(new ClientMessage.Restart(new SessionId(5), 0));
        mallory.Say(new ClientMessage.Reopen(new SessionId(5), bob.Id, 0));
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Events<RendezvousEvent.SessionPushed>());
        Assert.Equal(0, _world.Host.Router.Count);
    }

    [Fact]
    public void Requests_before_registering_are_refused_and_change_nothing()
    {
        var bob = _world.AddRegistered("bob");
        var mallory = new RawClient(_world).Greet();
        mallory.Say(new ClientMessage.Connect(new SessionId(5), "bob", null, new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 }), 0));
        Assert.Equal(new ServerMessage.Refused(RendezvousError.NotRegistered, new SessionId(5)), mallory.Heard[^1]);
        mallory.Say(new ClientMessage.Reopen(new SessionId(5), bob.Id, 0));
        mallory.Say(new ClientMessage.Peers());
        Assert.Equal(3, mallory.Heard.OfType<ServerMessage.Refused>().Count());
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(bob.Events<RendezvousEvent.SessionPushed>());
    }

    [Fact]
    public void A_pong_that_was_not_asked_for_does_not_shorten_the_round_trip()
    {
        var mallory = new RawClient(_world).Greet();
        _world.Run(TimeSpan.FromMilliseconds(50));
        mallory.Register();
        for (int i = 0; i < 10; i++) mallory.Say(new ClientMessage.Pong(i)); // one of them is the right one, after 50 ms
        var alice = _world.AddRegistered("alice");
        var session = alice.Connect(mallory.Key.PeerId.ToString());
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, alice.Push(session).Plan.RemoteRtt); // the handshake was without delay: the least counts
        Assert.True(alice.Push(session).Plan.StartDelay == TimeSpan.Zero);
    }

    [Fact]
    public void The_clear_refusal_says_nothing_of_others()
    {
        var client = new RawClient(_world).Handshake(IdentityKey.Generate(new TestEntropy(8)).PublicKey);
        Assert.Equal(2, Assert.Single(client.Raw).Length);
        Assert.DoesNotContain("secret", Encoding.UTF8.GetString(client.Raw[0]), StringComparison.Ordinal);
    }
}
