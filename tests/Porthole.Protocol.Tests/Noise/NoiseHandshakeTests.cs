using Porthole.Protocol.Noise;
using static Porthole.Protocol.Tests.Noise.NoisePair;

namespace Porthole.Protocol.Tests.Noise;

public sealed class NoiseHandshakeTests
{
    public static TheoryData<NoisePattern, bool> All => NoisePair.All;

    [Theory]
    [MemberData(nameof(All))]
    public void Messages_that_do_not_read_leave_the_handshake_usable(NoisePattern pattern, bool hasPsk)
    {
        var pair = new NoisePair(pattern, hasPsk);
        while (!pair.Initiator.IsComplete || !pair.Responder.IsComplete)
        {
            var (writer, reader) = (pair.Writer, pair.Reader);
            byte[] message = Write(writer, "payload"u8);
            Assert.False(Read(reader, []));
            Assert.False(Read(reader, new byte[message.Length]));
            Assert.False(Read(reader, new byte[NoiseHandshake.MaxMessageSize + 1]));
            byte[] forged = [.. message];
            forged[^1] ^= 1;
            if (writer.Pattern == NoisePattern.IK || hasPsk || writer == pair.Responder) Assert.False(Read(reader, forged));
            Assert.False(reader.TryReadMessage(message, new byte[6], out _)); // no room for the payload
            byte[] payload = new byte[7];
            Assert.True(reader.TryReadMessage(message, payload, out int length));
            Assert.Equal("payload"u8, payload.AsSpan(0, length));
        }

        Assert.True(pair.Initiator.HandshakeHash.SequenceEqual(pair.Responder.HandshakeHash));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void No_truncated_or_lengthened_message_is_read(NoisePattern pattern, bool hasPsk)
    {
        var pair = new NoisePair(pattern, hasPsk);
        for (int index = 0; !pair.Initiator.IsComplete || !pair.Responder.IsComplete; index++)
        {
            var (writer, reader) = (pair.Writer, pair.Reader);
            byte[] message = Write(writer);
            for (int length = 0; length < message.Length; length++) Assert.False(Read(reader, message.AsSpan(0, length)));
            bool isSealed = pattern == NoisePattern.IK || hasPsk || index > 0;
            if (isSealed) Assert.False(Read(reader, [.. message, 0])); // in a clear message 1 more bytes are more payload
            Assert.True(Read(reader, message));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_different_prologue_ends_in_a_message_that_does_not_read(NoisePattern pattern, bool hasPsk) =>
        AssertNeverCompletes((entropy, local, remote) => (
            NoiseHandshake.Initiate(pattern, "one"u8, local, pattern == NoisePattern.IK ? remote.PublicKey : null, hasPsk ? Psk : [], entropy),
            NoiseHandshake.Respond(pattern, "two"u8, remote, hasPsk ? Psk : [], entropy)));

    [Theory]
    [InlineData(NoisePattern.IK)]
    [InlineData(NoisePattern.XX)]
    public void A_different_psk_ends_in_a_message_that_does_not_read(NoisePattern pattern) =>
        AssertNeverCompletes((entropy, local, remote) => (
            NoiseHandshake.Initiate(pattern, [], local, pattern == NoisePattern.IK ? remote.PublicKey : null, Psk, entropy),
            NoiseHandshake.Respond(pattern, [], remote, new byte[32], entropy)));

    [Fact]
    public void A_psk_on_one_side_alone_ends_in_a_message_that_does_not_read() =>
        AssertNeverCompletes((entropy, local, remote) => (
            NoiseHandshake.Initiate(NoisePattern.IK, [], local, remote.PublicKey, Psk, entropy),
            NoiseHandshake.Respond(NoisePattern.IK, [], remote, [], entropy)));

    [Fact]
    public void A_message_to_another_key_does_not_read() =>
        AssertNeverCompletes((entropy, local, remote) => (
            NoiseHandshake.Initiate(NoisePattern.IK, [], local, IdentityKey.Generate(entropy).PublicKey, [], entropy),
            NoiseHandshake.Respond(NoisePattern.IK, [], remote, [], entropy)));

    [Fact]
    public void The_responders_key_must_be_anothers_and_on_the_curve()
    {
        var entropy = new TestEntropy(3);
        using var local = IdentityKey.Generate(entropy);
        Assert.True(PublicKey.TryCreate([4, .. new byte[64]], out var offCurve));
        Assert.Throws<ArgumentException>(() => NoiseHandshake.Initiate(NoisePattern.IK, [], local, local.PublicKey, [], entropy));
        Assert.Throws<ArgumentException>(() => NoiseHandshake.Initiate(NoisePattern.IK, [], local, offCurve, [], entropy));
        Assert.Throws<ArgumentException>(() => NoiseHandshake.Initiate(NoisePattern.IK, [], local, null, [], entropy));
        Assert.Throws<ArgumentException>(() => NoiseHandshake.Initiate(NoisePattern.XX, [], local, offCurve, [], entropy));
        Assert.Throws<ArgumentException>(() => NoiseHandshake.Respond(NoisePattern.XX, [], local, new byte[31], entropy));
    }

    [Fact]
    public void Steps_out_of_turn_are_the_callers_mistake()
    {
        var pair = new NoisePair(NoisePattern.IK);
        Assert.Throws<InvalidOperationException>(() => Write(pair.Responder));
        Assert.Throws<InvalidOperationException>(() => Read(pair.Initiator, new byte[100]));
        Assert.Throws<InvalidOperationException>(() => pair.Initiator.Split());
        Assert.Throws<InvalidOperationException>(() => pair.Initiator.HandshakeHash.ToArray());
        pair.Complete();
        pair.Initiator.Split().Dispose();
        Assert.Throws<InvalidOperationException>(() => pair.Initiator.Split());
        Assert.Equal(pair.ResponderKey.PublicKey, pair.Initiator.RemoteStatic);
        Assert.Equal(NoiseHandshake.HashSize, pair.Initiator.HandshakeHash.Length);
    }

    [Fact]
    public void A_disposed_handshake_says_nothing_more()
    {
        var pair = new NoisePair(NoisePattern.IK);
        pair.Initiator.Dispose();
        pair.Responder.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Write(pair.Initiator));
        Assert.Throws<ObjectDisposedException>(() => Read(pair.Responder, new byte[200]));
    }

    [Fact]
    public void Secrets_never_print()
    {
        var pair = new NoisePair(NoisePattern.XX, hasPsk: true);
        pair.Complete();
        using var keys = pair.Initiator.Split();
        Assert.Equal("NoiseTransportKeys(…)", keys.ToString());
        Assert.Equal("NoiseHandshake(XX, initiator, message 4)", pair.Initiator.ToString());
    }

    [Fact]
    public void Disposed_keys_are_zero()
    {
        var pair = new NoisePair(NoisePattern.IK);
        pair.Complete();
        var keys = pair.Initiator.Split();
        Assert.NotEqual(new byte[32], keys.InitiatorToResponder.ToArray());
        keys.Dispose();
        Assert.Equal(new byte[32], keys.InitiatorToResponder.ToArray());
        Assert.Equal(new byte[32], keys.ResponderToInitiator.ToArray());
    }

    private static void AssertNeverCompletes(Func<TestEntropy, IdentityKey, IdentityKey, (NoiseHandshake Initiator, NoiseHandshake Responder)> make)
    {
        var entropy = new TestEntropy(7);
        var (initiator, responder) = make(entropy, IdentityKey.Generate(entropy), IdentityKey.Generate(entropy));
        var (writer, reader) = (initiator, responder);
        int messages = 0;
        while (Read(reader, Write(writer)))
        {
            (writer, reader) = (reader, writer);
            messages++;
        }

        // The first sealed message fails: message 1 of IK, message 2 of XX (or its message 1 when a psk seals it).
        Assert.InRange(messages, 0, 1);
        Assert.False(initiator.IsComplete && responder.IsComplete);
    }
}
