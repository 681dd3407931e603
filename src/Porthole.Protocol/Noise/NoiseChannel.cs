using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>
/// Sealed messages over a reliable, ordered link after a handshake (Noise section 5.1 and 11.4): one key and one counter per direction, so a message
/// that is lost, repeated or moved does not open. Each direction steps to its next key on its own, by count (Noise section 11.3).
/// </summary>
public sealed class NoiseChannel : IDisposable
{
    /// <summary>What sealing adds, in bytes.</summary>
    public const int Overhead = NoiseCipher.TagSize;

    /// <summary>The longest plain message, in bytes: a Noise message has at most 65 535 (Noise section 3).</summary>
    public const int MaxPlainSize = NoiseHandshake.MaxMessageSize - Overhead;

    /// <summary>Messages under one key: an eighth of the 2^23 that RFC 9001 section 6.6 allows for AES-GCM. Part of the protocol, not a setting.</summary>
    public const int RekeyInterval = 1 << 20;

    private readonly Direction _send;
    private readonly Direction _receive;

    /// <summary>Makes the channel of one side; the keys are copied.</summary>
    /// <param name="keys">From <see cref="NoiseHandshake.Split"/>.</param>
    /// <param name="isInitiator">Whether this side spoke first in the handshake.</param>
    public NoiseChannel(NoiseTransportKeys keys, bool isInitiator)
        : this(keys, isInitiator, RekeyInterval)
    {
    }

    internal NoiseChannel(NoiseTransportKeys keys, bool isInitiator, int rekeyInterval)
    {
        ArgumentNullException.ThrowIfNull(keys);
        _send = new Direction(isInitiator ? keys.InitiatorToResponder : keys.ResponderToInitiator, rekeyInterval);
        _receive = new Direction(isInitiator ? keys.ResponderToInitiator : keys.InitiatorToResponder, rekeyInterval);
    }

    /// <summary>Seals the next message.</summary>
    /// <param name="plain">At most <see cref="MaxPlainSize"/> bytes.</param>
    /// <param name="output">At least <see cref="Overhead"/> bytes more; may begin where <paramref name="plain"/> begins.</param>
    /// <returns>The length of the sealed message, in bytes.</returns>
    /// <exception cref="ArgumentException">The message is too long or the output too small.</exception>
    public int Seal(ReadOnlySpan<byte> plain, Span<byte> output)
    {
        if (plain.Length > MaxPlainSize) throw new ArgumentException("The message is too long for Noise.", nameof(plain));
        if (output.Length < plain.Length + Overhead) throw new ArgumentException("The output is too small.", nameof(output));
        NoiseCipher.Encrypt(_send.Cipher, _send.Counter, default, plain, output);
        _send.Advance();
        return plain.Length + Overhead;
    }

    /// <summary>Opens the next message.</summary>
    /// <param name="sealedMessage">What came in; nothing about it is trusted.</param>
    /// <param name="output">Takes the plain message, <see cref="Overhead"/> bytes shorter; may begin where <paramref name="sealedMessage"/> begins.</param>
    /// <param name="length">The length of the plain message, in bytes.</param>
    /// <returns>
    /// False when it is not the next authentic message or does not fit. The counter stays; but on an ordered link this means tampering, and the caller
    /// closes the link.
    /// </returns>
    public bool TryOpen(ReadOnlySpan<byte> sealedMessage, Span<byte> output, out int length)
    {
        length = 0;
        if (sealedMessage.Length is < Overhead or > NoiseHandshake.MaxMessageSize || output.Length < sealedMessage.Length - Overhead) return false;
        if (!NoiseCipher.TryDecrypt(_receive.Cipher, _receive.Counter, default, sealedMessage, output)) return false;
        _receive.Advance();
        length = sealedMessage.Length - Overhead;
        return true;
    }

    /// <summary>Clears the keys.</summary>
    public void Dispose()
    {
        _send.Dispose();
        _receive.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => $"NoiseChannel({_send.Counter} sealed, {_receive.Counter} opened)";

    private sealed class Direction(ReadOnlySpan<byte> key, int rekeyInterval) : IDisposable
    {
        private readonly byte[] _key = key.ToArray();
        private readonly int _rekeyInterval = rekeyInterval;

        public AesGcm Cipher { get; private set; } = new(key, NoiseCipher.TagSize);

        public ulong Counter { get; private set; }

        public void Advance()
        {
            Counter++; // never back to zero: 2^64 messages do not happen
            if (Counter % (ulong)_rekeyInterval != 0) return;
            NoiseCipher.Rekey(_key);
            Cipher.Dispose();
            Cipher = new AesGcm(_key, NoiseCipher.TagSize);
        }

        public void Dispose()
        {
            CryptographicOperations.ZeroMemory(_key);
            Cipher.Dispose();
        }
    }
}
