using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

/// <summary>What a server, or who stands before it, may try, named for the attack. The client neither throws nor grows, nor believes it.</summary>
public sealed class HostileServerTests
{
    private static readonly SessionId s_session = new(99);
    private static readonly IdentityKey s_peer = IdentityKey.Generate(new TestEntropy(31));

    [Fact]
    public void A_server_with_another_key_than_the_pinned_one_learns_nothing()
    {
        var pinned = IdentityKey.Generate(new TestEntropy(1)).PublicKey;
        var server = new RawServer(options: new RendezvousClientOptions { Server = new Uri("http://s:1"), ServerKey = pinned, Token = "secret" });
        server.Open();
        Assert.Equal((byte)MainMessageKind.Hello, server.Raw.Single()[0]);
        server.Send((byte)MainMessageKind.Refusal, (byte)RendezvousError.WrongServerKey);

        Assert.Equal(pinned, Assert.Single(server.Events.OfType<RendezvousEvent.ServerKeyMismatch>()).Pinned);
        var gone = Assert.Single(server.Events.OfType<RendezvousEvent.Disconnected>());
        Assert.Equal((RendezvousError.WrongServerKey, null), (gone.Reason, gone.RetryAt));
        Assert.Single(server.Raw); // no XX, no token
        Assert.Null(server.Client.NextDeadline);
    }

    [Fact]
    public void An_answer_that_the_pinned_key_did_not_make_is_a_wrong_key()
    {
        var pinned = IdentityKey.Generate(new TestEntropy(1)).PublicKey;
        var server = new RawServer(options: new RendezvousClientOptions { Server = new Uri("http://s:1"), ServerKey = pinned });
        server.Open();
        server.Send([(byte)MainMessageKind.Hello, 0, .. new byte[100]]);
        Assert.Single(server.Events.OfType<RendezvousEvent.ServerKeyMismatch>());
    }

    [Fact]
    public void A_server_that_swaps_its_key_between_two_connections_is_caught()
    {
        var server = new RawServer().Welcome();
        Assert.Equal(server.ServerIdentity.PublicKey, Assert.Single(server.Events.OfType<RendezvousEvent.ServerKeyLearned>()).Key);
        server.Do((client, now) => client.HandleSocketEvent(now, new SocketEvent.Failed(client.Socket!.Value, SocketFailure.Closed, "")));
        server.Do((client, now) => client.HandleSocketEvent(now, new SocketEvent.NetworkChanged([])));
        server.Open();
        Assert.Equal(1, server.Raw[^1][1]); // IK now: no way back to trust
        server.Send([(byte)MainMessageKind.Hello, 0, .. new byte[200]]);
        Assert.Single(server.Events.OfType<RendezvousEvent.ServerKeyMismatch>());
        Assert.False(server.Client.IsOnline);
    }

    [Fact]
    public void What_does_not_open_or_parse_ends_the_connection()
    {
        string[] attacks =
        [
            "", "{}", """{"type":"hello"}""", """{"type":"registered","name":"bad\u001b[2J","usable":0}""", """{"type":"registered","name":null,"usable":21}""",
        ];
        foreach (string attack in attacks)
        {
            var server = new RawServer().Welcome();
            server.SayJson(attack);
            Assert.Equal(RendezvousError.ProtocolViolation, server.Events.OfType<RendezvousEvent.Disconnected>().Single().Reason);
            Assert.False(server.Client.IsOnline);
        }
    }

    [Fact]
    public void Replayed_and_reordered_messages_end_the_connection()
    {
        var server = new RawServer().Welcome();
        byte[] first = server.Seal("""{"type":"ping","stamp":1}"""u8);
        byte[] second = server.Seal("""{"type":"ping","stamp":2}"""u8);
        server.Send(second);
        Assert.False(server.Client.IsOnline);

        server = new RawServer().Welcome();
        first = server.Seal("""{"type":"ping","stamp":1}"""u8);
        server.Send(first);
        Assert.True(server.Client.IsOnline);
        server.Send(first);
        Assert.False(server.Client.IsOnline);
    }

    [Fact]
    public void Noise_of_every_kind_in_every_state_does_no_harm()
    {
        var entropy = new TestEntropy(17);
        for (int round = 0; round < 200; round++)
        {
            byte[] noise = new byte[entropy.NextInt32(0, 300)];
            entropy.Fill(noise);
            if (noise.Length > 0) noise[0] = (byte)entropy.NextInt32(0, 6);
            var server = new RawServer();
            if (round % 3 > 0) server.Open();
            if (round % 3 > 1)
            {
                server.Answer();
            }

            server.Send(noise);
        }
    }

    [Fact]
    public void Candidates_outside_the_rules_are_left_out()
    {
        var own = new Registration
        {
            Candidates = [WorldClient.HostAt("192.168.1.10:5000"), WorldClient.Claim("203.0.113.9:4000", "192.168.1.10:5000")],
        };
        CandidateInfo[] attack =
        [
            WorldClient.Claim("203.0.113.1:4000", "0.0.0.0:0"), // fine
            WorldClient.HostAt("192.168.1.20:5000"), // fine: our network
            WorldClient.HostAt("192.168.1.20:22"), WorldClient.HostAt("192.168.77.1:5000"), WorldClient.HostAt("10.0.0.1:5000"), WorldClient.HostAt("127.0.0.1:5000"),
            WorldClient.Claim("127.0.0.1:5000", "0.0.0.0:0"), WorldClient.Claim("10.1.2.3:5000", "0.0.0.0:0"), WorldClient.Claim("224.0.0.1:5000", "0.0.0.0:0"),
            WorldClient.Claim("0.0.0.0:5000", "0.0.0.0:0"), WorldClient.Claim("203.0.113.1:0", "0.0.0.0:0"), WorldClient.HostAt("169.254.1.1:5000"),
        ];
        var server = new RawServer(own).Welcome();
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: false, candidates: attack)));
        var plan = Assert.Single(server.Events.OfType<RendezvousEvent.SessionPushed>()).Push.Plan;
        Assert.Equal(["203.0.113.1:4000", "192.168.1.20:5000"], plan.Candidates.Select(candidate => candidate.Address.ToString()));
    }

    [Fact]
    public void A_server_cannot_make_a_client_knock_at_many_doors()
    {
        var server = new RawServer().Welcome();
        CandidateInfo[] victims = [.. Enumerable.Range(1, 20).Select(i => WorldClient.Claim($"203.0.113.{i}:4000", "0.0.0.0:0"))];
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: false, candidates: victims)));
        Assert.Equal(8, server.Events.OfType<RendezvousEvent.SessionPushed>().Single().Push.Plan.Candidates.Length);
        CandidateInfo[] ports = [.. Enumerable.Range(1, 20).Select(port => WorldClient.Claim($"203.0.113.1:{4_001 + port}", "0.0.0.0:0"))];
        for (int i = 0; i < 10; i++) server.Say(new ServerMessage.Candidates(s_session, 0, [.. ports]));
        Assert.Equal(12, server.Events.OfType<RendezvousEvent.CandidatesReceived>().Sum(e => e.Candidates.Length)); // twenty in all
    }

    [Fact]
    public void Candidates_of_another_generation_or_an_unknown_session_are_dropped()
    {
        var server = new RawServer().Welcome();
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: false)));
        var candidate = WorldClient.Claim("203.0.113.1:4000", "0.0.0.0:0");
        server.Say(new ServerMessage.Candidates(s_session, 1, [candidate]));
        server.Say(new ServerMessage.Candidates(new SessionId(1), 0, [candidate]));
        Assert.Empty(server.Events.OfType<RendezvousEvent.CandidatesReceived>());
        Assert.True(server.Client.IsOnline);
    }

    [Fact]
    public void A_stale_or_repeated_restart_is_dropped()
    {
        var server = new RawServer().Welcome();
        var push = server.Push(s_session, s_peer, isInitiator: false);
        server.Say(new ServerMessage.SessionBegun(push));
        server.Say(new ServerMessage.Restarted(s_session, push.Plan with { Generation = 2 }));
        server.Say(new ServerMessage.Restarted(s_session, push.Plan with { Generation = 2 }));
        server.Say(new ServerMessage.Restarted(s_session, push.Plan with { Generation = 1 }));
        server.Say(new ServerMessage.Restarted(new SessionId(1), push.Plan with { Generation = 9 }));
        Assert.Equal(2, Assert.Single(server.Events.OfType<RendezvousEvent.Restarted>()).Plan.Generation);
    }

    [Fact]
    public void A_repeated_push_is_dropped_and_one_nobody_asked_for_is_released()
    {
        var server = new RawServer().Welcome();
        var push = server.Push(s_session, s_peer, isInitiator: false);
        server.Say(new ServerMessage.SessionBegun(push));
        server.Say(new ServerMessage.SessionBegun(push));
        server.Say(new ServerMessage.SessionBegun(server.Push(new SessionId(7), s_peer, isInitiator: true)));
        Assert.Single(server.Events.OfType<RendezvousEvent.SessionPushed>());
    }

    [Theory]
    [InlineData(AcceptPolicy.Nobody)]
    [InlineData(AcceptPolicy.Known)]
    [InlineData(AcceptPolicy.Ask)]
    public void A_server_cannot_push_past_the_peers_own_policy(AcceptPolicy policy)
    {
        var server = new RawServer(new Registration { Accept = policy }).Welcome();
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: false)));
        Assert.Empty(server.Events.OfType<RendezvousEvent.SessionPushed>());
        Assert.Equal(new ClientMessage.Release(s_session), server.Heard[^1]);
    }

    [Fact]
    public void A_server_cannot_connect_a_caller_to_another_id_than_it_dialled()
    {
        var server = new RawServer().Welcome();
        string dialled = IdentityKey.Generate(new TestEntropy(5)).PeerId.ToString();
        server.Do((client, now) => client.Connect(now, s_session, new ConnectTarget(dialled), new HandshakeOffer(HandshakePattern.XX, new byte[] { 1 })));
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, s_peer, isInitiator: true, dialled)));
        Assert.Empty(server.Events.OfType<RendezvousEvent.SessionPushed>());
        Assert.False(server.Client.IsOnline);
    }

    [Fact]
    public void A_server_cannot_give_both_sides_one_role_or_a_peer_its_own_key()
    {
        var server = new RawServer().Welcome();
        var push = server.Push(s_session, s_peer, isInitiator: false);
        server.Say(new ServerMessage.SessionBegun(push with { Plan = push.Plan with { Controlling = !push.Plan.Controlling } }));
        Assert.False(server.Client.IsOnline);

        server = new RawServer().Welcome();
        server.Say(new ServerMessage.SessionBegun(server.Push(s_session, server.ClientIdentity, isInitiator: false)));
        Assert.False(server.Client.IsOnline);
    }

    [Fact]
    public void An_endless_list_of_peers_ends_the_connection()
    {
        var server = new RawServer().Welcome();
        PeerInfo[] part = [.. Enumerable.Repeat(new PeerInfo(s_peer.PeerId, null), 100)];
        for (int i = 0; i < 100; i++) server.Say(new ServerMessage.PeerList([.. part], Last: false));
        Assert.True(server.Client.IsOnline);
        server.Say(new ServerMessage.PeerList([.. part], Last: false));
        Assert.False(server.Client.IsOnline);
    }

    [Fact]
    public void STUN_addresses_inside_the_clients_own_network_are_not_taken_from_a_public_server()
    {
        var server = new RawServer();
        server.Open();
        server.Answer();
        TransportAddress[] stun = [.. new[] { "0.0.0.0:3478", "198.51.100.2:3478", "192.168.1.1:53", "127.0.0.1:1", "224.0.0.1:1" }.Select(TransportAddress.Parse)];
        server.Say(new ServerMessage.Welcome(1, TransportAddress.Parse("203.0.113.9:1"), [.. stun], new StunAccess("u", "p", TimeSpan.FromHours(1))));
        Assert.Equal(["198.51.100.1:3478", "198.51.100.2:3478"], server.Events.OfType<RendezvousEvent.Welcomed>().Single().Stun.Select(address => address.ToString()));
    }

    [Fact]
    public void A_forged_refusal_in_the_clear_does_not_end_a_connection_that_stands()
    {
        var server = new RawServer().Welcome();
        server.Send((byte)MainMessageKind.Refusal, (byte)RendezvousError.WrongServerKey);
        // On an ordered link it means tampering: the link is left, but nothing is believed.
        Assert.Equal(RendezvousError.ProtocolViolation, server.Events.OfType<RendezvousEvent.Disconnected>().Single().Reason);
        Assert.NotNull(server.Events.OfType<RendezvousEvent.Disconnected>().Single().RetryAt);
    }
}
