using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

public sealed class SessionHandshakeTests
{
    public static TheoryData<Knowledge, bool> All => HandshakePair.All;

    [Theory]
    [MemberData(nameof(All))]
    public void Two_peers_agree_on_keys_and_on_who_they_are(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        var bob = pair.Complete();
        Assert.Equal(knowledge == Knowledge.Key ? NoisePattern.IK : NoisePattern.XX, bob.Pattern);
        Assert.Equal(hasPsk, bob.HasPsk);
        Assert.Equal(pair.BobKey.PublicKey, pair.Alice.RemoteKey);
        Assert.Equal(pair.AliceKey.PublicKey, bob.RemoteKey);
        Assert.Equal(32, bob.HandshakeHash.Length);
        Assert.Equal(pair.Alice.HandshakeHash, bob.HandshakeHash);
        Assert.Null(pair.Alice.Failure);
        using var alicesPackets = pair.Alice.TakeProtection();
        using var bobsPackets = bob.TakeProtection();
        PacketPair.AssertPasses(alicesPackets, bobsPackets);
        PacketPair.AssertPasses(bobsPackets, alicesPackets);
        Assert.Throws<InvalidOperationException>(() => bob.TakeProtection());
    }

    [Fact]
    public void With_the_key_pinned_the_responder_waits_for_a_sealed_packet_before_it_says_anything()
    {
        using var pair = new HandshakePair(Knowledge.Key);
        Assert.False(pair.Alice.AreKeysReady);
        var bob = pair.Respond();
        Assert.True(bob.AreKeysReady);
        Assert.False(bob.MaySend);
        Assert.False(bob.IsConfirmed);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
        Assert.True(pair.Alice.AreKeysReady && pair.Alice.MaySend);
        Assert.False(pair.Alice.IsConfirmed);
        Assert.True(pair.Alice.Outgoing.IsEmpty);
        bob.Confirm();
        Assert.True(bob.IsConfirmed && bob.MaySend);
        Assert.True(bob.Outgoing.IsEmpty);
    }

    [Fact]
    public void Without_it_message_3_confirms_the_initiator()
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        var bob = pair.Respond();
        Assert.False(bob.AreKeysReady);
        Assert.Null(bob.RemoteKey);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
        Assert.True(pair.Alice.AreKeysReady && pair.Alice.MaySend);
        Assert.False(pair.Alice.Outgoing.IsEmpty);
        Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(pair.Alice.Outgoing.Span));
        Assert.True(bob.AreKeysReady && bob.IsConfirmed && bob.MaySend);
        Assert.True(bob.Outgoing.IsEmpty);
        Assert.False(pair.Alice.Outgoing.IsEmpty); // until a sealed packet of the responder says that it arrived
        pair.Alice.Confirm();
        Assert.True(pair.Alice.Outgoing.IsEmpty);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_packet_that_comes_twice_is_answered_with_the_same_bytes(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        var bob = pair.Respond();
        byte[] message2 = bob.Outgoing.ToArray();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(HandshakeVerdict.Duplicate, bob.HandlePacket(pair.Message1));
            Assert.Equal(message2, bob.Outgoing);
        }

        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(message2));
        byte[] message3 = pair.Alice.Outgoing.ToArray();
        Assert.Equal(HandshakeVerdict.Duplicate, pair.Alice.HandlePacket(message2));
        Assert.Equal(message3, pair.Alice.Outgoing);
        if (message3.Length == 0) return;
        Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(message3));
        Assert.Equal(HandshakeVerdict.Duplicate, bob.HandlePacket(message3));
        Assert.Equal(HandshakeVerdict.Unexpected, bob.HandlePacket(pair.Message1));
        Assert.True(bob.Outgoing.IsEmpty);
    }

    [Theory]
    [InlineData(Knowledge.Key, false, 9 + 1 + 65 + 81 + 16)]
    [InlineData(Knowledge.Nothing, false, 9 + 1 + 65)]
    [InlineData(Knowledge.Nothing, true, 9 + 1 + 65 + 16)]
    public void The_first_packet_has_a_known_length(Knowledge knowledge, bool hasPsk, int length)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        Assert.Equal(length, pair.Message1.Length);
        Assert.InRange(length, 0, SessionHandshake.MaxPacketSize);
        Assert.True(SessionHandshake.TryReadEphemeral(pair.Message1, out var ephemeral));
        Assert.Equal(pair.Message1.AsSpan(10, 65), ephemeral);
        Assert.False(SessionHandshake.TryReadEphemeral(pair.Message1.AsSpan(0, 74), out _));
    }

    [Fact]
    public void No_handshake_packet_is_longer_than_announced()
    {
        foreach (var (knowledge, hasPsk) in HandshakePair.All.Select(row => row.Data))
        {
            using var pair = new HandshakePair(knowledge, hasPsk);
            var bob = pair.Respond();
            Assert.InRange(bob.Outgoing.Length, 1, SessionHandshake.MaxPacketSize);
            pair.Alice.HandlePacket(bob.Outgoing.Span);
            Assert.InRange(pair.Alice.Outgoing.Length, 0, SessionHandshake.MaxPacketSize);
        }
    }

    [Fact]
    public void A_peer_has_no_session_with_itself_and_names_have_an_end()
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        SessionHandshake Dial(PeerPin pin, string name) => SessionHandshake.Initiate(pair.Session, pair.AliceKey, pin, name, [], pair.Entropy);
        Assert.Throws<ArgumentException>(() => Dial(PeerPin.To(pair.AliceKey.PublicKey), "alice"));
        Assert.Throws<ArgumentException>(() => Dial(PeerPin.To(pair.AliceKey.PeerId), "alice"));
        Assert.Throws<ArgumentException>(() => Dial(PeerPin.None, new string('x', 256)));
        Dial(PeerPin.None, new string('x', 255)).Dispose();
        Dial(PeerPin.None, "").Dispose();
    }

    [Fact]
    public void A_handshake_that_was_given_up_ignores_late_packets()
    {
        using var pair = new HandshakePair(Knowledge.Key);
        var bob = pair.Respond();
        pair.Alice.Dispose();
        Assert.Equal(HandshakeVerdict.Unexpected, pair.Alice.HandlePacket(bob.Outgoing.Span));
        bob.Dispose();
        Assert.Equal(HandshakeVerdict.Unexpected, bob.HandlePacket(pair.Message1));
        Assert.Throws<InvalidOperationException>(() => bob.TakeProtection());
    }

    [Fact]
    public void The_prologue_is_what_the_design_says()
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        var (alice, bob) = (pair.AliceKey.PeerId, pair.BobKey.PeerId);
        byte[] ids = new byte[64];
        alice.WriteTo(ids);
        bob.WriteTo(ids.AsSpan(32));
        byte[] session = [1, 2, 3, 4, 5, 6, 7, 8];
        Assert.Equal(
            [.. "porthole/1"u8, 1, 0, .. session, .. ids, 3, .. "bob"u8],
            new HandshakeOpening(NoisePattern.IK, HasPsk: false, IsResponderKnown: true).ToPrologue(SessionId.Read(session), alice, bob, "bob"));
        Assert.Equal(
            [.. "porthole/1"u8, 2, 1, .. session, .. ids[..32], .. new byte[32], 3, .. "bob"u8],
            new HandshakeOpening(NoisePattern.XX, HasPsk: true, IsResponderKnown: false).ToPrologue(SessionId.Read(session), alice, bob, "bob"));
    }

    [Fact]
    public void The_opening_byte_has_one_meaning_per_value()
    {
        int valid = 0;
        for (int value = 0; value < 256; value++)
        {
            if (!HandshakeOpening.TryRead((byte)value, out var opening)) continue;
            Assert.Equal(value, opening.ToByte());
            valid++;
        }

        Assert.Equal(6, valid); // IK to nobody has no meaning
    }
}
