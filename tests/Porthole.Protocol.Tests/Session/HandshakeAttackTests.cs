using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>What a server, a stranger or a peer may try against a handshake; each test is named for the attack.</summary>
public sealed class HandshakeAttackTests
{
    public static TheoryData<Knowledge, bool> All => HandshakePair.All;

    [Fact]
    public void Server_swaps_the_key_of_a_peer_met_before()
    {
        using var pair = new HandshakePair(Knowledge.Key);
        Assert.Equal(HandshakeVerdict.Forged, pair.Respond(out _, responder: pair.MalloryKey)); // message 1 is sealed to Bob's key
        Assert.Equal(HandshakeVerdict.WrongKey, pair.Alice.HandleToldKey(pair.MalloryKey.PublicKey));
        AssertEnded(pair.Alice);
    }

    [Fact]
    public void Server_swaps_the_key_behind_a_peer_id()
    {
        using var pair = new HandshakePair(Knowledge.Id);
        byte[] answer = AnswerAsMallory(pair);
        Assert.Equal(HandshakeVerdict.WrongKey, pair.Alice.HandlePacket(answer));
        AssertEnded(pair.Alice); // before message 3, so Mallory does not even learn who called
        Assert.Equal(HandshakeVerdict.Unexpected, pair.Alice.HandlePacket(answer));
    }

    [Fact]
    public void Server_announces_another_key_behind_a_peer_id()
    {
        using var pair = new HandshakePair(Knowledge.Id);
        Assert.Equal(HandshakeVerdict.WrongKey, pair.Alice.HandleToldKey(pair.MalloryKey.PublicKey));
        AssertEnded(pair.Alice);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Server_announces_one_key_and_another_answers(bool isToldFirst)
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        if (isToldFirst) Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandleToldKey(pair.BobKey.PublicKey));
        var verdict = pair.Alice.HandlePacket(AnswerAsMallory(pair));
        if (!isToldFirst) verdict = pair.Alice.HandleToldKey(pair.BobKey.PublicKey);
        Assert.Equal(HandshakeVerdict.WrongKey, verdict);
        AssertEnded(pair.Alice);
    }

    [Fact]
    public void Honest_announcement_changes_nothing()
    {
        using var pair = new HandshakePair(Knowledge.Id);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandleToldKey(pair.BobKey.PublicKey));
        pair.Complete();
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandleToldKey(pair.BobKey.PublicKey));
        Assert.Null(pair.Alice.Failure);
    }

    [Fact]
    public void Server_in_the_middle_of_a_first_contact_shows_in_the_handshake_hash()
    {
        // By name alone the server can stand in the middle: it is both "bob" to Alice and "alice" to Bob. People who compare see it.
        using var pair = new HandshakePair(Knowledge.Nothing);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Respond(out var falseBob, responder: pair.MalloryKey));
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(falseBob!.Outgoing.Span));
        Assert.Equal(HandshakeVerdict.Accepted, falseBob.HandlePacket(pair.Alice.Outgoing.Span));

        using var falseAlice = SessionHandshake.Initiate(pair.Session, pair.MalloryKey, PeerPin.To(pair.BobKey.PublicKey), HandshakePair.Dialled, [], pair.Entropy);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Respond(out var bob, packet: falseAlice.Outgoing.ToArray(), initiator: pair.MalloryKey.PeerId));
        Assert.Equal(HandshakeVerdict.Accepted, falseAlice.HandlePacket(bob!.Outgoing.Span));

        Assert.True(pair.Alice.AreKeysReady && bob.AreKeysReady);
        Assert.NotEqual(pair.Alice.HandshakeHash, bob.HandshakeHash);
        Assert.NotEqual(pair.AliceKey.PublicKey, bob.RemoteKey);
    }

    [Theory]
    [InlineData(Knowledge.Key)]
    [InlineData(Knowledge.Nothing)]
    public void Server_in_the_middle_of_a_code_session_without_the_code(Knowledge knowledge)
    {
        using var pair = new HandshakePair(knowledge, hasPsk: true);
        Assert.Equal(HandshakeVerdict.PskMismatch, pair.Respond(out _, psk: []));
        var verdict = pair.Respond(out var guess, psk: new byte[32]);
        if (verdict == HandshakeVerdict.Accepted) verdict = pair.Alice.HandlePacket(guess!.Outgoing.Span);
        Assert.Equal(HandshakeVerdict.Forged, verdict);
        Assert.False(pair.Alice.AreKeysReady);
    }

    [Theory]
    [InlineData(Knowledge.Key)]
    [InlineData(Knowledge.Nothing)]
    public void Server_strips_the_code_from_a_session(Knowledge knowledge)
    {
        using var pair = new HandshakePair(knowledge, hasPsk: true);
        byte[] stripped = [.. pair.Message1];
        stripped[PacketHeader.HandshakeSize] &= 0xFD; // "no psk"
        Assert.Equal(HandshakeVerdict.PskMismatch, pair.Respond(out _, packet: stripped));
        Assert.Equal(HandshakeVerdict.Forged, pair.Respond(out _, packet: stripped, psk: []));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Server_says_that_somebody_else_calls(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        AssertNeverAgree(pair, pair.Respond(out var bob, initiator: pair.MalloryKey.PeerId), bob);
        Assert.Equal(HandshakeVerdict.WrongKey, pair.Respond(out _, initiator: PeerId.Unknown));
        Assert.Equal(HandshakeVerdict.WrongKey, pair.Respond(out _, initiator: pair.BobKey.PeerId));
    }

    [Fact]
    public void Peer_calls_under_anothers_id()
    {
        // Mallory calls, the server helps and announces her as Alice; she even writes Alice's id into the prologue.
        using var pair = new HandshakePair(Knowledge.Nothing);
        foreach (var pattern in new[] { NoisePattern.IK, NoisePattern.XX })
        {
            var opening = new HandshakeOpening(pattern, HasPsk: false, IsResponderKnown: true);
            byte[] prologue = opening.ToPrologue(pair.Session, pair.AliceKey.PeerId, pair.BobKey.PeerId, HandshakePair.Dialled);
            using var mallory = NoiseHandshake.Initiate(
                pattern, prologue, pair.MalloryKey, pattern == NoisePattern.IK ? pair.BobKey.PublicKey : null, [], pair.Entropy);
            var verdict = pair.Respond(out var bob, packet: Packet(pair.Session, 1, mallory, [opening.ToByte()]));
            if (pattern == NoisePattern.XX)
            {
                Assert.Equal(HandshakeVerdict.Accepted, verdict);
                Assert.True(mallory.TryReadMessage(bob!.Outgoing.Span[PacketHeader.HandshakeSize..], default, out _));
                verdict = bob.HandlePacket(Packet(pair.Session, 3, mallory, []));
                AssertEnded(bob);
                Assert.False(bob.IsConfirmed);
            }

            Assert.Equal(HandshakeVerdict.WrongKey, verdict);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Server_says_that_another_name_was_dialled(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        AssertNeverAgree(pair, pair.Respond(out var bob, dialled: "bobby"), bob);
        Assert.Equal(HandshakeVerdict.Malformed, pair.Respond(out _, dialled: new string('b', 256)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Server_says_the_responder_was_known_or_not(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        byte[] changed = [.. pair.Message1];
        changed[PacketHeader.HandshakeSize] ^= 0x04;
        AssertNeverAgree(pair, pair.Respond(out var bob, packet: changed), bob);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Replayed_message_1_announces_nobody(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        pair.Complete();
        var again = pair.Respond(); // the server replays the whole session to Bob
        Assert.False(again.IsConfirmed || again.MaySend);
        AssertUnusable(again, pair); // and nobody has the keys to go on
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Replayed_message_1_in_another_session(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        var other = new SessionId(pair.Session.Value + 1);
        Assert.Equal(HandshakeVerdict.Malformed, pair.Respond(out _, session: other));
        byte[] moved = [.. pair.Message1];
        other.WriteTo(moved.AsSpan(1));
        AssertNeverAgree(pair, pair.Respond(out var bob, packet: moved, session: other), bob);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Second_message_1_with_another_ephemeral_key_does_not_replace_the_first(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        using var second = SessionHandshake.Initiate(pair.Session, pair.AliceKey, PeerPin.To(pair.BobKey.PublicKey), HandshakePair.Dialled, pair.Psk, pair.Entropy);
        var bob = pair.Respond();
        byte[] message2 = bob.Outgoing.ToArray();
        Assert.Equal(HandshakeVerdict.Unexpected, bob.HandlePacket(second.Outgoing.Span));
        Assert.Equal(message2, bob.Outgoing);
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(message2));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Reflected_packets(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        Assert.Equal(HandshakeVerdict.Unexpected, pair.Alice.HandlePacket(pair.Message1));
        byte[] relabelled = [.. pair.Message1];
        relabelled[0]++; // as message 2
        Assert.Equal(HandshakeVerdict.Forged, pair.Alice.HandlePacket(relabelled)); // begins with her own ephemeral key
        Assert.Equal(HandshakeVerdict.Forged, pair.Alice.HandlePacket([.. relabelled.AsSpan(0, 9), .. relabelled.AsSpan(10)]));
        var bob = pair.Respond();
        byte[] message2 = bob.Outgoing.ToArray();
        byte[] asMessage3 = [.. message2];
        asMessage3[0]++;
        Assert.NotEqual(HandshakeVerdict.Accepted, bob.HandlePacket(message2));
        Assert.NotEqual(HandshakeVerdict.Accepted, bob.HandlePacket(asMessage3));
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(message2));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Reordered_packets(Knowledge knowledge, bool hasPsk)
    {
        using var model = new HandshakePair(knowledge, hasPsk);
        var modelBob = model.Respond();
        byte[] message2 = modelBob.Outgoing.ToArray();
        model.Alice.HandlePacket(message2);
        byte[] message3 = model.Alice.Outgoing.ToArray();

        using var pair = new HandshakePair(knowledge, hasPsk); // the same seed: the same messages
        if (message3.Length > 0) Assert.Equal(HandshakeVerdict.Unexpected, pair.Alice.HandlePacket(message3));
        Assert.Equal(HandshakeVerdict.Malformed, pair.Respond(out _, packet: message2));
        var bob = pair.Respond();
        Assert.Equal(HandshakeVerdict.Unexpected, bob.HandlePacket(message2));
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
        if (message3.Length > 0) Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(message3));
        Assert.Equal(pair.Alice.HandshakeHash, bob.HandshakeHash);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Handshake_packets_of_one_session_sent_into_another(Knowledge knowledge, bool hasPsk)
    {
        using var one = new HandshakePair(knowledge, hasPsk, seed: 1);
        using var two = new HandshakePair(knowledge, hasPsk, seed: 2);
        var bobOne = one.Respond();
        var bobTwo = two.Respond();
        Assert.Equal(HandshakeVerdict.Malformed, one.Alice.HandlePacket(bobTwo.Outgoing.Span));
        byte[] moved = bobTwo.Outgoing.ToArray();
        one.Session.WriteTo(moved.AsSpan(1));
        Assert.Equal(HandshakeVerdict.Forged, one.Alice.HandlePacket(moved));
        Assert.Equal(HandshakeVerdict.Accepted, one.Alice.HandlePacket(bobOne.Outgoing.Span));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_truncation_and_a_byte_too_many(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        foreach (byte[] broken in Resized(pair.Message1)) Assert.NotEqual(HandshakeVerdict.Accepted, pair.Respond(out _, packet: broken));
        var bob = pair.Respond();
        foreach (byte[] broken in Resized(bob.Outgoing.ToArray())) Assert.NotEqual(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(broken));
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
        if (pair.Alice.Outgoing.IsEmpty) return;
        foreach (byte[] broken in Resized(pair.Alice.Outgoing.ToArray())) Assert.NotEqual(HandshakeVerdict.Accepted, bob.HandlePacket(broken));
        Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(pair.Alice.Outgoing.Span));

        static IEnumerable<byte[]> Resized(byte[] packet) => [.. Enumerable.Range(0, packet.Length).Select(length => packet[..length]), [.. packet, 0]];
    }

    [Theory]
    [InlineData(Knowledge.Key, false)]
    [InlineData(Knowledge.Key, true)]
    [InlineData(Knowledge.Id, false)]
    [InlineData(Knowledge.Nothing, true)]
    public void Every_flipped_bit_of_every_packet(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        foreach (byte[] forged in Flipped(pair.Message1)) AssertNeverAgree(pair, pair.Respond(out var victim, packet: forged), victim);
        var bob = pair.Respond();
        foreach (byte[] forged in Flipped(bob.Outgoing.ToArray())) Assert.NotEqual(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(forged));
        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
        if (pair.Alice.Outgoing.IsEmpty) return;
        foreach (byte[] forged in Flipped(pair.Alice.Outgoing.ToArray())) Assert.NotEqual(HandshakeVerdict.Accepted, bob.HandlePacket(forged));
        Assert.Equal(HandshakeVerdict.Accepted, bob.HandlePacket(pair.Alice.Outgoing.Span));

        static IEnumerable<byte[]> Flipped(byte[] packet)
        {
            for (int bit = 0; bit < packet.Length * 8; bit++)
            {
                byte[] forged = [.. packet];
                forged[bit / 8] ^= (byte)(1 << (bit % 8));
                yield return forged;
            }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Random_bytes_in_place_of_every_packet(Knowledge knowledge, bool hasPsk)
    {
        using var pair = new HandshakePair(knowledge, hasPsk);
        var bob = pair.Respond();
        var random = new Random(6);
        for (int i = 0; i < 500; i++)
        {
            byte[] bytes = new byte[random.Next(SessionHandshake.MaxPacketSize + 10)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0) pair.Message1.AsSpan(0, Math.Min(10, bytes.Length)).CopyTo(bytes);
            if (bytes.Length > 0 && random.Next(2) == 0) bytes[0] = (byte)(0x58 + random.Next(5));
            Assert.NotEqual(HandshakeVerdict.Accepted, pair.Respond(out _, packet: bytes));
            Assert.NotEqual(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bytes));
            Assert.NotEqual(HandshakeVerdict.Accepted, bob.HandlePacket(bytes));
        }

        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob.Outgoing.Span));
    }

    [Fact]
    public void Forged_points()
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        byte[] bob = pair.BobKey.PublicKey.Bytes.ToArray(), good = pair.Message1[10..];
        byte[] offCurve = [.. good];
        offCurve[^1] ^= 1;
        byte[] compressed = [(byte)(2 + (good[^1] & 1)), .. good.AsSpan(1)];
        byte[] beyondPrime = [4, .. Enumerable.Repeat((byte)0xFF, 64)];
        foreach (byte[] point in new[] { offCurve, compressed, beyondPrime, [4, .. new byte[64]], new byte[65], bob, [], [0], good[..33], good[..64] })
            Assert.Equal(HandshakeVerdict.Forged, pair.Respond(out _, packet: [.. pair.Message1.AsSpan(0, 10), .. point]));

        // To the initiator: its own ephemeral and static key, and a point off the curve.
        byte[] message2 = pair.Respond().Outgoing.ToArray();
        foreach (byte[] point in new[] { good, pair.AliceKey.PublicKey.Bytes.ToArray(), offCurve })
        {
            byte[] forged = [.. message2];
            point.CopyTo(forged, PacketHeader.HandshakeSize);
            Assert.Equal(HandshakeVerdict.Forged, pair.Alice.HandlePacket(forged));
        }

        Assert.Equal(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(message2));
    }

    [Fact]
    public void Peer_sends_our_own_static_key_as_its_own()
    {
        using var pair = new HandshakePair(Knowledge.Nothing);
        var opening = new HandshakeOpening(NoisePattern.XX, HasPsk: false, IsResponderKnown: false);
        byte[] prologue = opening.ToPrologue(pair.Session, pair.AliceKey.PeerId, PeerId.Unknown, HandshakePair.Dialled);
        using var stolen = Copy(pair.AliceKey); // even with the private key at hand, a session with oneself is refused
        using var mallory = NoiseHandshake.Respond(NoisePattern.XX, prologue, stolen, [], pair.Entropy);
        Assert.True(mallory.TryReadMessage(pair.Message1.AsSpan(10), default, out _));
        Assert.Equal(HandshakeVerdict.Forged, pair.Alice.HandlePacket(Packet(pair.Session, 2, mallory, [])));
        Assert.False(pair.Alice.AreKeysReady);
    }

    [Theory]
    [InlineData(NoisePattern.IK, HandshakeVerdict.Malformed)] // already longer than any handshake packet
    [InlineData(NoisePattern.XX, HandshakeVerdict.Forged)]
    public void Payload_hidden_in_message_1(NoisePattern pattern, HandshakeVerdict expected)
    {
        using var pair = new HandshakePair(Knowledge.Key);
        var opening = new HandshakeOpening(pattern, HasPsk: false, IsResponderKnown: true);
        byte[] prologue = opening.ToPrologue(pair.Session, pair.AliceKey.PeerId, pair.BobKey.PeerId, HandshakePair.Dialled);
        using var alice = NoiseHandshake.Initiate(pattern, prologue, pair.AliceKey, pattern == NoisePattern.IK ? pair.BobKey.PublicKey : null, [], pair.Entropy);
        Assert.Equal(expected, pair.Respond(out _, packet: Packet(pair.Session, 1, alice, [opening.ToByte()], payload: [1])));
    }

    private static byte[] Packet(SessionId session, int index, NoiseHandshake noise, ReadOnlySpan<byte> opening, ReadOnlySpan<byte> payload = default)
    {
        byte[] packet = new byte[SessionHandshake.MaxPacketSize + 100];
        PacketHeader.WriteHandshake(packet, session, index);
        opening.CopyTo(packet.AsSpan(PacketHeader.HandshakeSize));
        int offset = PacketHeader.HandshakeSize + opening.Length;
        return packet[..(offset + noise.WriteMessage(payload, packet.AsSpan(offset)))];
    }

    /// <summary>Mallory answers Alice's XX as well as anyone can who does not hold Bob's key.</summary>
    private static byte[] AnswerAsMallory(HandshakePair pair)
    {
        Assert.True(HandshakeOpening.TryRead(pair.Message1[PacketHeader.HandshakeSize], out var opening));
        byte[] prologue = opening.ToPrologue(pair.Session, pair.AliceKey.PeerId, pair.BobKey.PeerId, HandshakePair.Dialled);
        using var mallory = NoiseHandshake.Respond(NoisePattern.XX, prologue, pair.MalloryKey, [], pair.Entropy);
        Assert.True(mallory.TryReadMessage(pair.Message1.AsSpan(PacketHeader.HandshakeSize + HandshakeOpening.Size), default, out _));
        return Packet(pair.Session, 2, mallory, []);
    }

    private static IdentityKey Copy(IdentityKey key)
    {
        Assert.True(IdentityKey.TryImport(key.ExportScalar(), out var copy));
        return copy;
    }

    private static void AssertEnded(SessionHandshake handshake)
    {
        Assert.Equal(HandshakeVerdict.WrongKey, handshake.Failure);
        Assert.True(handshake.Outgoing.IsEmpty);
        Assert.False(handshake.AreKeysReady || handshake.MaySend || handshake.IsConfirmed);
    }

    /// <summary>Whatever was changed, Bob refuses it or Alice refuses his answer; and Alice can still go on with the real one.</summary>
    private static void AssertNeverAgree(HandshakePair pair, HandshakeVerdict verdict, SessionHandshake? bob)
    {
        if (verdict != HandshakeVerdict.Accepted) return;
        Assert.NotEqual(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(bob!.Outgoing.Span));
        byte[] moved = bob.Outgoing.ToArray();
        pair.Session.WriteTo(moved.AsSpan(1));
        Assert.NotEqual(HandshakeVerdict.Accepted, pair.Alice.HandlePacket(moved));
        Assert.False(pair.Alice.AreKeysReady || bob.IsConfirmed || bob.MaySend);
        Assert.Null(pair.Alice.Failure);
    }

    private static void AssertUnusable(SessionHandshake replayed, HandshakePair pair)
    {
        if (!replayed.AreKeysReady) return;
        using var packets = replayed.TakeProtection();
        using var alice = pair.Alice.TakeProtection();
        Assert.False(PacketPair.Open(packets, PacketPair.Seal(alice, [])));
    }
}
