using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Tests.Noise;

/// <summary>Against an independent implementation (Vectors/Noise/generate.py).</summary>
public sealed class NoiseVectorTests
{
    public static TheoryData<int> Vectors { get; } = [.. Enumerable.Range(0, 8)];

    [Fact]
    public void There_are_vectors_for_every_protocol() =>
        Assert.Equal(
            ["Noise_IK_P256_AESGCM_SHA256", "Noise_IKpsk2_P256_AESGCM_SHA256", "Noise_XX_P256_AESGCM_SHA256", "Noise_XXpsk2_P256_AESGCM_SHA256"],
            NoiseVector.All.Select(vector => vector.Protocol).Distinct().Order());

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Both_sides_say_what_the_reference_says(int index)
    {
        var vector = NoiseVector.All[index];
        var pattern = Enum.Parse<NoisePattern>(vector.Pattern);
        using var initiatorKey = Key(vector.InitiatorStatic, vector.InitiatorStaticPublic);
        using var responderKey = Key(vector.ResponderStatic, vector.ResponderStaticPublic);
        byte[] prologue = Convert.FromHexString(vector.Prologue), psk = Convert.FromHexString(vector.Psk);
        using var initiator = NoiseHandshake.Initiate(
            pattern,
            prologue,
            initiatorKey,
            pattern == NoisePattern.IK ? responderKey.PublicKey : null,
            psk,
            new ScriptedEntropy(Convert.FromHexString(vector.InitiatorEphemeral)));
        using var responder = NoiseHandshake.Respond(pattern, prologue, responderKey, psk, new ScriptedEntropy(Convert.FromHexString(vector.ResponderEphemeral)));

        var (writer, reader) = (initiator, responder);
        byte[] buffer = new byte[NoiseHandshake.MaxMessageSize], payload = new byte[NoiseHandshake.MaxMessageSize];
        foreach (var message in vector.Handshake)
        {
            Assert.True(writer.IsMyTurn);
            Assert.False(reader.IsMyTurn);
            int length = writer.WriteMessage(Convert.FromHexString(message.Payload), buffer);
            Assert.Equal(message.Bytes, Convert.ToHexStringLower(buffer.AsSpan(0, length)));
            Assert.True(reader.TryReadMessage(buffer.AsSpan(0, length), payload, out int payloadLength));
            Assert.Equal(message.Payload, Convert.ToHexStringLower(payload.AsSpan(0, payloadLength)));
            (writer, reader) = (reader, writer);
        }

        Assert.True(initiator.IsComplete && responder.IsComplete);
        Assert.Equal(vector.HandshakeHash, Convert.ToHexStringLower(initiator.HandshakeHash));
        Assert.Equal(vector.HandshakeHash, Convert.ToHexStringLower(responder.HandshakeHash));
        Assert.Equal(responderKey.PublicKey, initiator.RemoteStatic);
        Assert.Equal(initiatorKey.PublicKey, responder.RemoteStatic);
        using var initiatorKeys = initiator.Split();
        using var responderKeys = responder.Split();
        foreach (var keys in new[] { initiatorKeys, responderKeys })
        {
            Assert.Equal(vector.InitiatorToResponder, Convert.ToHexStringLower(keys.InitiatorToResponder));
            Assert.Equal(vector.ResponderToInitiator, Convert.ToHexStringLower(keys.ResponderToInitiator));
        }

        using var near = new NoiseChannel(initiatorKeys, isInitiator: true);
        using var far = new NoiseChannel(responderKeys, isInitiator: false);
        foreach (var (message, isFromInitiator) in vector.Transport.Select((message, i) => (message, i % 2 == 0)))
        {
            int length = (isFromInitiator ? near : far).Seal(Convert.FromHexString(message.Payload), buffer);
            Assert.Equal(message.Bytes, Convert.ToHexStringLower(buffer.AsSpan(0, length)));
            Assert.True((isFromInitiator ? far : near).TryOpen(buffer.AsSpan(0, length), payload, out int payloadLength));
            Assert.Equal(message.Payload, Convert.ToHexStringLower(payload.AsSpan(0, payloadLength)));
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void The_next_key_is_what_the_reference_says(int index)
    {
        var vector = NoiseVector.All[index];
        byte[] one = Convert.FromHexString(vector.InitiatorToResponder), other = Convert.FromHexString(vector.ResponderToInitiator);
        NoiseCipher.Rekey(one);
        NoiseCipher.Rekey(other);
        Assert.Equal(vector.InitiatorToResponderRekeyed, Convert.ToHexStringLower(one));
        Assert.Equal(vector.ResponderToInitiatorRekeyed, Convert.ToHexStringLower(other));
    }

    private static IdentityKey Key(string scalar, string expectedPublic)
    {
        Assert.True(IdentityKey.TryImport(Convert.FromHexString(scalar), out var key));
        Assert.Equal(expectedPublic, Convert.ToHexStringLower(key.PublicKey.Bytes));
        return key;
    }
}
