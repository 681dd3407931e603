using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Session;

public sealed class HandshakeCarryTests
{
    [Fact]
    public void A_session_is_confirmed_over_the_relay_in_two_one_way_trips()
    {
        var lab = new SessionLab();
        var start = lab.Now;
        lab.AddRelay(); // 20 ms one way
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Established);
        Assert.Equal(20, (lab.Now - start).TotalMilliseconds);
        lab.RunUntil(() => lab.Bob.Session.State == SessionState.Confirmed);
        Assert.Equal(40, (lab.Now - start).TotalMilliseconds);
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Confirmed);
        Assert.Equal(60, (lab.Now - start).TotalMilliseconds);
    }

    [Fact]
    public void A_megabyte_arrives_on_the_relay_and_then_on_a_direct_path()
    {
        var lab = SessionLab.Connected();
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1_000_000);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        lab.MoveTo(lab.AddUdp());
        lab.Bob.Send(lab.Now, 1_000_000);
        lab.RunUntil(() => lab.Alice.Sinks is [{ IsDone: true }]);
        Assert.Equal(1_000_000, lab.Alice.Sinks[0].Position);
    }

    [Fact]
    public void Keys_change_in_the_middle_of_a_transfer_under_loss_and_across_moves()
    {
        var options = new SessionOptions { ProtectionLimits = new PacketProtectionLimits { UpdateAfter = 150, PacketLimit = 3_000 } };
        var lab = SessionLab.Direct(out var direct, options: options, link: link => (link.Rate, link.QueueLimit, link.Loss) = (2_000_000, 100_000, 0.02));
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 4_000_000);
        lab.Bob.Send(lab.Now, 4_000_000);
        lab.RunFor(500);
        lab.Alice.Session.SetActive(lab.Now, lab.Alice.Session.Paths[0].Id);
        lab.RunFor(100);
        lab.Alice.Session.SetActive(lab.Now, direct.AtAlice);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }] && lab.Alice.Sinks is [{ IsDone: true }]);
        Assert.True(lab.Alice.Session.KeyUpdates > 10, $"{lab.Alice.Session.KeyUpdates}");
        Assert.Equal(0, lab.Alice.Session.Statistics.PacketsRefused + lab.Bob.Session.Statistics.PacketsRefused);
    }

    [Fact]
    public void A_key_that_the_peer_never_follows_ends_the_session_at_its_limit_without_another_packet()
    {
        var peer = new RawPeer(new SessionOptions { ProtectionLimits = new PacketProtectionLimits { UpdateAfter = 1, PacketLimit = 20 }, IdleTimeout = TimeSpan.FromHours(1) }) { IsDeaf = true };
        for (int i = 0; i < 100; i++)
        {
            peer.SendFrame(FrameType.Ping);
            peer.RunFor(TimeSpan.FromMilliseconds(20));
        }

        var closed = Assert.IsType<SessionEvent.Closed>(peer.Events[^1]);
        Assert.Equal((SessionCloseCause.Transport, (ulong)TransportError.AeadLimitReached), (closed.Cause, closed.Code));
        Assert.Equal(SessionState.Closed, peer.Victim.State);
    }

    [Fact]
    public void Too_many_forgeries_end_the_session()
    {
        var peer = new RawPeer(new SessionOptions { ProtectionLimits = new PacketProtectionLimits { ForgeryLimit = 10 } });
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(SessionState.Confirmed, peer.Victim.State);
            byte[] packet = peer.Seal([FrameType.Ping]);
            packet[^1] ^= 1;
            Assert.False(peer.Victim.HandlePacket(peer.Now, peer.Path, packet));
        }

        Assert.Equal(SessionState.Closing, peer.Victim.State);
        peer.SendFrame(FrameType.Ping);
        Assert.Equal(TransportError.AeadLimitReached, peer.Error);
    }

    [Fact]
    public void A_peer_with_another_key_than_was_asked_for_ends_the_session_with_nothing_sent_to_it()
    {
        var entropy = new TestEntropy(3);
        var (alice, bob, wanted) = (IdentityKey.Generate(entropy), IdentityKey.Generate(entropy), IdentityKey.Generate(entropy));
        var id = SessionId.Create(entropy);
        var now = Instant.FromMilliseconds(1_000);
        var initiator = SessionHandshake.Initiate(id, alice, PeerPin.None, "bob", default, entropy);
        Assert.Equal(HandshakeVerdict.Accepted, SessionHandshake.TryRespond(id, bob, alice.PeerId, "bob", default, initiator.Outgoing.Span, entropy, out var responder));
        Assert.Equal(HandshakeVerdict.Accepted, initiator.HandleToldKey(wanted.PublicKey)); // the server names one key, another answers
        var session = PeerSession.Initiate(now, SessionOptions.Default, entropy, initiator);
        var path = session.AddPath(now, new SocketId(1), default, PathTraits.Relay, default, trusted: true);
        Assert.True(session.HandlePacket(now, path, responder!.Outgoing.ToArray()));
        Assert.True(session.TryTakeEvent(out var taken));
        Assert.Equal(SessionCloseCause.WrongKey, Assert.IsType<SessionEvent.Closed>(taken).Cause);
        Assert.Equal(SessionState.Closed, session.State);
        var writer = new DatagramBatchWriter(new byte[DatagramBatchWriter.MaxBytes]);
        Assert.False(session.TryWrite(now, ref writer));
        Assert.False(session.TryTakeEvent(out _));
    }

    [Fact]
    public void A_stranger_s_packets_change_nothing()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(500);
        var random = new Random(1);
        var path = lab.Alice.Session.Paths[0].Id;
        long sent = lab.Alice.Session.Statistics.PacketsSent;
        for (int i = 0; i < 2_000; i++)
        {
            byte[] packet = new byte[random.Next(0, 100)];
            random.NextBytes(packet);
            if (packet.Length > 9)
            {
                packet[0] = (byte)(0x50 | random.Next(16));
                lab.Alice.Session.Id.WriteTo(packet.AsSpan(1));
            }

            Assert.False(lab.Inject(lab.Alice, path, packet));
        }

        Assert.Equal(sent, lab.Alice.Session.Statistics.PacketsSent);
        Assert.Equal(SessionState.Confirmed, lab.Alice.Session.State);
        Assert.False(lab.Inject(lab.Alice, new PathId(99), new byte[100]));
    }
}
