using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Tests.Noise;

/// <summary>Two sides of one handshake, in memory.</summary>
internal sealed class NoisePair
{
    public static readonly byte[] Psk = [.. Enumerable.Range(100, 32).Select(i => (byte)i)];

    public NoisePair(NoisePattern pattern, bool hasPsk = false, ulong seed = 1)
    {
        var entropy = new TestEntropy(seed);
        InitiatorKey = IdentityKey.Generate(entropy);
        ResponderKey = IdentityKey.Generate(entropy);
        byte[] psk = hasPsk ? Psk : [];
        Initiator = NoiseHandshake.Initiate(pattern, "prologue"u8, InitiatorKey, pattern == NoisePattern.IK ? ResponderKey.PublicKey : null, psk, entropy);
        Responder = NoiseHandshake.Respond(pattern, "prologue"u8, ResponderKey, psk, entropy);
    }

    public static TheoryData<NoisePattern, bool> All { get; } = new()
    {
        { NoisePattern.IK, false }, { NoisePattern.IK, true }, { NoisePattern.XX, false }, { NoisePattern.XX, true },
    };

    public IdentityKey InitiatorKey { get; }
    public IdentityKey ResponderKey { get; }
    public NoiseHandshake Initiator { get; }
    public NoiseHandshake Responder { get; }

    public NoiseHandshake Writer => Initiator.IsMyTurn ? Initiator : Responder;
    public NoiseHandshake Reader => Initiator.IsMyTurn ? Responder : Initiator;

    public static byte[] Write(NoiseHandshake side, ReadOnlySpan<byte> payload = default)
    {
        byte[] buffer = new byte[payload.Length + NoiseHandshake.MaxOverhead];
        return buffer[..side.WriteMessage(payload, buffer)];
    }

    public static bool Read(NoiseHandshake side, ReadOnlySpan<byte> message) => side.TryReadMessage(message, new byte[message.Length], out _);

    /// <summary>Runs to the end and requires that both sides agree.</summary>
    public void Complete()
    {
        while (!Initiator.IsComplete || !Responder.IsComplete)
        {
            var (writer, reader) = (Writer, Reader);
            Assert.True(Read(reader, Write(writer)));
        }

        Assert.True(Initiator.HandshakeHash.SequenceEqual(Responder.HandshakeHash));
    }
}
