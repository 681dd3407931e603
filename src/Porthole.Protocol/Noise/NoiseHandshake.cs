using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>
/// One handshake of <c>Noise_{IK,XX}[psk2]_P256_AESGCM_SHA256</c> (Noise revision 34, sections 5 and 7; psk: section 9). A machine: bytes in, bytes
/// out. A message that does not read leaves the handshake as it was, so nobody can end it with a forged packet.
/// </summary>
/// <remarks>
/// P-256 is not among the curves of Noise section 12; here a public key is the 65-byte uncompressed point (so "DHLEN" is 65 where keys are sent) and
/// the DH output is the 32-byte X coordinate.
/// </remarks>
public sealed class NoiseHandshake : IDisposable
{
    /// <summary>The length of a pre-shared key, in bytes (Noise section 9).</summary>
    public const int PskSize = 32;

    /// <summary>The length of the handshake hash, in bytes.</summary>
    public const int HashSize = NoiseSymmetricState.HashSize;

    /// <summary>The length of an authentication tag, in bytes.</summary>
    public const int TagSize = NoiseCipher.TagSize;

    /// <summary>No Noise message is longer, in bytes (Noise section 3).</summary>
    public const int MaxMessageSize = 65_535;

    /// <summary>What a message adds at most to its payload: two keys, one of them sealed, and the payload's own tag.</summary>
    public const int MaxOverhead = (2 * PublicKey.Size) + (2 * TagSize);

    // Noise section 7.5; psk2 (section 9.4) appends "psk" to message 2.
    private static readonly Token[][] s_ik = [[Token.E, Token.ES, Token.S, Token.SS], [Token.E, Token.EE, Token.SE, Token.Psk]];
    private static readonly Token[][] s_xx = [[Token.E], [Token.E, Token.EE, Token.S, Token.ES, Token.Psk], [Token.S, Token.SE]];

    private readonly Token[][] _messages;
    private readonly bool _isInitiator;
    private readonly IdentityKey _local;
    private readonly EntropySource _entropy;
    private readonly byte[]? _psk;
    private NoiseSymmetricState _state = new();
    private NoiseSymmetricState _trial = new();
    private P256KeyPair? _ephemeral;
    private P256Point? _remoteEphemeral;
    private P256Point? _remoteStatic;
    private int _next;
    private bool _isDisposed;

    private NoiseHandshake(
        NoisePattern pattern, bool isInitiator, ReadOnlySpan<byte> prologue, IdentityKey local, P256Point? remote, ReadOnlySpan<byte> psk, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(entropy);
        if (psk.Length is not 0 and not PskSize) throw new ArgumentException($"A pre-shared key has {PskSize} bytes.", nameof(psk));
        Pattern = pattern;
        _isInitiator = isInitiator;
        _local = local;
        _entropy = entropy;
        _psk = psk.IsEmpty ? null : psk.ToArray();
        _messages = pattern switch { NoisePattern.IK => s_ik, NoisePattern.XX => s_xx };
        _remoteStatic = remote;
        _state.Initialize($"Noise_{pattern}{(_psk is null ? "" : "psk2")}_P256_AESGCM_SHA256");
        _state.MixHash(prologue);
        if (pattern == NoisePattern.IK) _state.MixHash((isInitiator ? remote!.Key : local.PublicKey).Bytes); // pre-message "<- s"
    }

    private enum Token { E, S, EE, ES, SE, SS, Psk }

    /// <summary>The pattern.</summary>
    public NoisePattern Pattern { get; }

    /// <summary>Whether all messages were written and read.</summary>
    public bool IsComplete => _next == _messages.Length;

    /// <summary>Whether the next step is <see cref="WriteMessage"/>; else it is <see cref="TryReadMessage"/>. False at the end.</summary>
    public bool IsMyTurn => !IsComplete && (_next % 2 == 0) == _isInitiator;

    /// <summary>The other side's static key: given, or learnt from an authentic message. It is proved only when the handshake is complete.</summary>
    public PublicKey? RemoteStatic => _remoteStatic?.Key;

    /// <summary>The hash over everything said; the same on both sides only if nobody stood between (Noise section 11.2).</summary>
    /// <exception cref="InvalidOperationException">The handshake is not complete.</exception>
    public ReadOnlySpan<byte> HandshakeHash => IsComplete ? _state.Hash : throw new InvalidOperationException("The handshake is not complete.");

    /// <summary>Begins a handshake as the side that speaks first.</summary>
    /// <param name="pattern">IK when <paramref name="remote"/> is known.</param>
    /// <param name="prologue">What both sides must agree about (Noise section 6); copied.</param>
    /// <param name="local">Our static key.</param>
    /// <param name="remote">The responder's static key for IK; null for XX.</param>
    /// <param name="psk">32 bytes, or empty for none; copied.</param>
    /// <param name="entropy">Gives the ephemeral key.</param>
    /// <exception cref="ArgumentException">The psk has another length, or the remote key is missing, superfluous, our own, or not on the curve.</exception>
    public static NoiseHandshake Initiate(
        NoisePattern pattern, ReadOnlySpan<byte> prologue, IdentityKey local, PublicKey? remote, ReadOnlySpan<byte> psk, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(local);
        if (remote is null == (pattern == NoisePattern.IK)) throw new ArgumentException("IK needs the responder's key, XX takes none.", nameof(remote));
        P256Point? point = null;
        if (remote is not null && (remote.Equals(local.PublicKey) || !P256Point.TryImport(remote, out point)))
            throw new ArgumentException("The responder's key is our own or not on the curve.", nameof(remote));
        return new NoiseHandshake(pattern, isInitiator: true, prologue, local, point, psk, entropy);
    }

    /// <summary>Begins a handshake as the side that answers. Parameters as in <see cref="Initiate"/>.</summary>
    /// <exception cref="ArgumentException">The psk has another length.</exception>
    public static NoiseHandshake Respond(
        NoisePattern pattern, ReadOnlySpan<byte> prologue, IdentityKey local, ReadOnlySpan<byte> psk, EntropySource entropy) =>
        new(pattern, isInitiator: false, prologue, local, remote: null, psk, entropy);

    /// <summary>Writes the next message. Each is written once; whoever must send it again keeps the bytes.</summary>
    /// <param name="payload">Travels in the message: in clear in message 1 of XX without psk, else sealed.</param>
    /// <param name="output">At least payload + <see cref="MaxOverhead"/> bytes.</param>
    /// <returns>The length of the message, in bytes.</returns>
    /// <exception cref="InvalidOperationException">It is not our turn.</exception>
    /// <exception cref="ArgumentException">The output is too small, or the message would be longer than <see cref="MaxMessageSize"/>.</exception>
    public int WriteMessage(ReadOnlySpan<byte> payload, Span<byte> output)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!IsMyTurn) throw new InvalidOperationException("It is not our turn to write.");
        if (payload.Length > MaxMessageSize - MaxOverhead) throw new ArgumentException("The message would be too long.", nameof(payload));
        if (output.Length < payload.Length + MaxOverhead) throw new ArgumentException("The output is too small.", nameof(output));
        int length = 0;
        foreach (var token in _messages[_next])
        {
            switch (token)
            {
                case Token.E:
                    _ephemeral = P256KeyPair.Generate(_entropy);
                    _ephemeral.PublicKey.Bytes.CopyTo(output[length..]);
                    MixEphemeral(_state, _ephemeral.PublicKey);
                    length += PublicKey.Size;
                    break;
                case Token.S:
                    length += _state.EncryptAndHash(_local.PublicKey.Bytes, output[length..]);
                    break;
                default:
                    Mix(_state, token, _remoteEphemeral, _remoteStatic);
                    break;
            }
        }

        length += _state.EncryptAndHash(payload, output[length..]);
        _next++;
        return length;
    }

    /// <summary>Reads the next message.</summary>
    /// <param name="message">What came in; nothing about it is trusted.</param>
    /// <param name="payload">Takes the payload, which is never longer than the message.</param>
    /// <param name="payloadLength">The length of the payload, in bytes.</param>
    /// <returns>False, with the handshake unchanged, when the message is malformed, forged, not for us, or its payload does not fit.</returns>
    /// <exception cref="InvalidOperationException">It is our turn to write, or the handshake is complete.</exception>
    public bool TryReadMessage(ReadOnlySpan<byte> message, Span<byte> payload, out int payloadLength)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (IsComplete || IsMyTurn) throw new InvalidOperationException("No message is expected.");
        _trial.CopyFrom(_state);
        var remoteEphemeral = _remoteEphemeral;
        var remoteStatic = _remoteStatic;
        bool isRead = TryRead(message, payload, ref remoteEphemeral, ref remoteStatic, out payloadLength);
        if (isRead)
        {
            (_state, _trial) = (_trial, _state);
            _remoteEphemeral = remoteEphemeral;
            _remoteStatic = remoteStatic;
            _next++;
        }
        else
        {
            if (remoteEphemeral != _remoteEphemeral) remoteEphemeral?.Dispose();
            if (remoteStatic != _remoteStatic) remoteStatic?.Dispose();
        }

        _trial.Clear();
        return isRead;
    }

    /// <summary>Gives the transport keys, once, and forgets every secret of the handshake.</summary>
    /// <exception cref="InvalidOperationException">The handshake is not complete, or was split before.</exception>
    public NoiseTransportKeys Split()
    {
        if (!IsComplete || _isDisposed) throw new InvalidOperationException("The handshake is not complete, or was split before.");
        var keys = _state.Split();
        Dispose();
        return keys;
    }

    /// <summary>Forgets every secret of the handshake. The identity key belongs to the caller and stays; what is public can still be asked for.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _state.Clear();
        _trial.Clear();
        CryptographicOperations.ZeroMemory(_psk);
        _ephemeral?.Dispose();
        _ephemeral = null;
        _remoteEphemeral?.Dispose();
        _remoteStatic?.Dispose(); // its key stays to be asked for
    }

    /// <inheritdoc/>
    public override string ToString() => $"NoiseHandshake({Pattern}, {(_isInitiator ? "initiator" : "responder")}, message {_next + 1})";

    private bool TryRead(ReadOnlySpan<byte> message, Span<byte> payload, ref P256Point? remoteEphemeral, ref P256Point? remoteStatic, out int payloadLength)
    {
        payloadLength = 0;
        if (message.Length > MaxMessageSize) return false;
        Span<byte> point = stackalloc byte[PublicKey.Size];
        foreach (var token in _messages[_next])
        {
            switch (token)
            {
                case Token.E:
                    if (message.Length < PublicKey.Size || !TryTakePoint(message[..PublicKey.Size], ref remoteEphemeral)) return false;
                    message = message[PublicKey.Size..];
                    MixEphemeral(_trial, remoteEphemeral.Key);
                    break;
                case Token.S:
                    const int size = PublicKey.Size + TagSize; // in both patterns "s" comes after a DH, so it is always sealed
                    if (message.Length < size || !_trial.TryDecryptAndHash(message[..size], point) || !TryTakePoint(point, ref remoteStatic)) return false;
                    message = message[size..];
                    break;
                default:
                    Mix(_trial, token, remoteEphemeral, remoteStatic);
                    break;
            }
        }

        int length = message.Length - (_trial.HasKey ? TagSize : 0);
        if (length < 0 || length > payload.Length || !_trial.TryDecryptAndHash(message, payload)) return false;
        payloadLength = length;
        return true;
    }

    /// <summary>Takes a point from the network: right form, on the curve, and not one of our own, which would be a reflection.</summary>
    private bool TryTakePoint(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] ref P256Point? point)
    {
        if (!PublicKey.TryCreate(bytes, out var key) || key.Equals(_local.PublicKey) || key.Equals(_ephemeral?.PublicKey)) return false;
        if (!P256Point.TryImport(key, out var taken)) return false;
        point = taken;
        return true;
    }

    private void MixEphemeral(NoiseSymmetricState state, PublicKey ephemeral)
    {
        state.MixHash(ephemeral.Bytes);
        if (_psk is not null) state.MixKey(ephemeral.Bytes); // Noise section 9.2
    }

    private void Mix(NoiseSymmetricState state, Token token, P256Point? remoteEphemeral, P256Point? remoteStatic)
    {
        if (token == Token.Psk)
        {
            if (_psk is not null) state.MixKeyAndHash(_psk);
            return;
        }

        // The first letter is the initiator's key, the second the responder's.
        bool localIsEphemeral = token == Token.EE || token == (_isInitiator ? Token.ES : Token.SE);
        bool remoteIsEphemeral = token == Token.EE || token == (_isInitiator ? Token.SE : Token.ES);
        var local = localIsEphemeral ? _ephemeral! : _local.Pair;
        Span<byte> secret = stackalloc byte[P256KeyPair.ScalarSize];
        local.Agree(remoteIsEphemeral ? remoteEphemeral! : remoteStatic!, secret);
        state.MixKey(secret);
        CryptographicOperations.ZeroMemory(secret);
    }
}
