using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Session;

/// <summary>
/// The handshake of one session: Noise, wrapped in packets that are built once and sent again byte for byte on every path, since sealing another payload
/// under the same ephemeral keys would use a key and nonce twice.
/// </summary>
/// <remarks>
/// IK: message 1 from the initiator, message 2 back, both have keys; the responder is confirmed by the first sealed packet that opens. XX: message 3 carries
/// the initiator's key and confirms it at once. No message carries application data. A packet that is not authentic changes nothing.
/// </remarks>
public sealed class SessionHandshake : IDisposable
{
    /// <summary>No handshake packet is longer, in bytes: header, opening byte and a Noise message without payload.</summary>
    public const int MaxPacketSize = PacketHeader.HandshakeSize + HandshakeOpening.Size + NoiseHandshake.MaxOverhead;

    private readonly NoiseHandshake _noise;
    private readonly PeerPin _pin;
    private PublicKey? _toldKey;
    private byte[] _outgoing = [];
    private byte[] _lastReceived = [];
    private int _messagesDone;
    private NoiseTransportKeys? _keys;
    private bool _areKeysTaken;
    private bool _isDisposed;

    private SessionHandshake(SessionId session, bool isInitiator, HandshakeOpening opening, NoiseHandshake noise, PeerPin pin)
    {
        Session = session;
        IsInitiator = isInitiator;
        Pattern = opening.Pattern;
        HasPsk = opening.HasPsk;
        _noise = noise;
        _pin = pin;
    }

    /// <summary>The session.</summary>
    public SessionId Session { get; }

    /// <summary>Whether this side spoke first.</summary>
    public bool IsInitiator { get; }

    /// <summary>IK or XX.</summary>
    public NoisePattern Pattern { get; }

    /// <summary>Whether a pre-shared key is part of it.</summary>
    public bool HasPsk { get; }

    /// <summary>
    /// The packet to send, and to send again on every path until something newer takes its place or it is empty. The initiator's first packet exists from
    /// the beginning and also travels with the rendezvous request.
    /// </summary>
    public ReadOnlyMemory<byte> Outgoing => _outgoing;

    /// <summary>Whether packets can be opened: all messages were said and read (IK responder: message 2 is written).</summary>
    public bool AreKeysReady => _keys is not null;

    /// <summary>
    /// Whether sealed packets may be sent. The initiator: as soon as there are keys. The responder of IK: once <see cref="IsConfirmed"/>, because message 1
    /// can be a replay.
    /// </summary>
    public bool MaySend => AreKeysReady && (IsInitiator || IsConfirmed);

    /// <summary>
    /// Whether the other side has proved that it is there now, with the keys. Before that nothing is announced, accepted or remembered. Set by
    /// <see cref="Confirm"/>, and at the responder of XX by message 3.
    /// </summary>
    public bool IsConfirmed { get; private set; }

    /// <summary>Why the handshake has ended without success; null while it goes on or after it went well.</summary>
    public HandshakeVerdict? Failure { get; private set; }

    /// <summary>The other side's key, once an authentic message showed it; proved when <see cref="AreKeysReady"/> (initiator) or <see cref="IsConfirmed"/> (responder).</summary>
    public PublicKey? RemoteKey => _noise.RemoteStatic;

    /// <summary>32 bytes that are the same on both sides only if nobody stands between them; what people compare. Empty until <see cref="AreKeysReady"/>.</summary>
    public ReadOnlyMemory<byte> HandshakeHash { get; private set; }

    /// <summary>Begins a session: IK when the pin holds the whole key, else XX. The first packet is ready in <see cref="Outgoing"/>.</summary>
    /// <param name="session">The new session.</param>
    /// <param name="local">Our identity; belongs to the caller.</param>
    /// <param name="pin">What we know of the peer's key.</param>
    /// <param name="dialled">The target as it was dialled and as the responder will be told; at most 255 bytes of UTF-8.</param>
    /// <param name="psk">32 bytes, or empty for none.</param>
    /// <param name="entropy">Gives the ephemeral key.</param>
    /// <exception cref="ArgumentException">The pin is our own or its key not on the curve, the name is too long, or the psk has another length.</exception>
    public static SessionHandshake Initiate(
        SessionId session, IdentityKey local, PeerPin pin, string dialled, ReadOnlySpan<byte> psk, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(local);
        if (!HandshakeOpening.IsDialledValid(dialled)) throw new ArgumentException("The dialled name is too long.", nameof(dialled));
        if (pin.Id == local.PeerId) throw new ArgumentException("A peer has no session with itself.", nameof(pin));
        var opening = new HandshakeOpening(pin.Key is null ? NoisePattern.XX : NoisePattern.IK, !psk.IsEmpty, !pin.Id.IsUnknown);
        byte[] prologue = opening.ToPrologue(session, local.PeerId, pin.Id, dialled);
        var noise = NoiseHandshake.Initiate(opening.Pattern, prologue, local, pin.Key, psk, entropy);
        var handshake = new SessionHandshake(session, isInitiator: true, opening, noise, pin);
        handshake.WriteNext([opening.ToByte()]);
        return handshake;
    }

    /// <summary>Answers the first packet of a session that the server announced. If it is good, message 2 is ready in <see cref="Outgoing"/>.</summary>
    /// <param name="session">The announced session.</param>
    /// <param name="local">Our identity; belongs to the caller.</param>
    /// <param name="initiator">Who calls, as announced; the handshake proves it or ends.</param>
    /// <param name="dialled">What the initiator dialled, as announced.</param>
    /// <param name="psk">32 bytes, or empty for none; must be given exactly if the initiator gave one.</param>
    /// <param name="packet">The initiator's first packet; nothing about it is trusted.</param>
    /// <param name="entropy">Gives the ephemeral key.</param>
    /// <param name="handshake">The handshake; null when the packet was not good.</param>
    /// <returns><see cref="HandshakeVerdict.Accepted"/>, or why not.</returns>
    /// <exception cref="ArgumentException">The psk has another length.</exception>
    public static HandshakeVerdict TryRespond(
        SessionId session,
        IdentityKey local,
        PeerId initiator,
        string dialled,
        ReadOnlySpan<byte> psk,
        ReadOnlySpan<byte> packet,
        EntropySource entropy,
        out SessionHandshake? handshake)
    {
        ArgumentNullException.ThrowIfNull(local);
        handshake = null;
        if (!TryReadMessage(session, packet, out int index, out var message) || index != 1 || message.IsEmpty || !HandshakeOpening.IsDialledValid(dialled))
            return HandshakeVerdict.Malformed;
        if (!HandshakeOpening.TryRead(message[0], out var opening)) return HandshakeVerdict.Malformed;
        if (opening.HasPsk == psk.IsEmpty) return HandshakeVerdict.PskMismatch;
        if (initiator.IsUnknown || initiator == local.PeerId) return HandshakeVerdict.WrongKey;

        byte[] prologue = opening.ToPrologue(session, initiator, local.PeerId, dialled);
        var noise = NoiseHandshake.Respond(opening.Pattern, prologue, local, psk, entropy);
        var candidate = new SessionHandshake(session, isInitiator: false, opening, noise, PeerPin.To(initiator));
        var verdict = candidate.Read(packet, message[HandshakeOpening.Size..]);
        if (verdict == HandshakeVerdict.Accepted) handshake = candidate;
        else candidate.Dispose();
        return verdict;
    }

    /// <summary>The initiator's ephemeral key in a first packet, by which a responder tells one handshake from another; false when it is no first packet.</summary>
    public static bool TryReadEphemeral(ReadOnlySpan<byte> packet, out ReadOnlySpan<byte> ephemeral)
    {
        ephemeral = default;
        const int offset = PacketHeader.HandshakeSize + HandshakeOpening.Size;
        if (packet.Length < offset + PublicKey.Size || !PacketHeader.TryReadHandshake(packet, out _, out int index) || index != 1) return false;
        ephemeral = packet.Slice(offset, PublicKey.Size);
        return true;
    }

    /// <summary>Takes a handshake packet from any path.</summary>
    /// <param name="packet">The packet; nothing about it is trusted.</param>
    /// <returns>
    /// <see cref="HandshakeVerdict.Accepted"/> and <see cref="HandshakeVerdict.Duplicate"/>: send <see cref="Outgoing"/> if it is not empty.
    /// <see cref="HandshakeVerdict.WrongKey"/>: the handshake has ended. Everything else: nothing happened.
    /// </returns>
    public HandshakeVerdict HandlePacket(ReadOnlySpan<byte> packet)
    {
        if (!TryReadMessage(Session, packet, out int index, out var message)) return HandshakeVerdict.Malformed;
        if (Failure is not null || _isDisposed) return HandshakeVerdict.Unexpected;
        if (_lastReceived.AsSpan().SequenceEqual(packet)) return HandshakeVerdict.Duplicate;
        return index == _messagesDone + 1 && !_noise.IsComplete ? Read(packet, message) : HandshakeVerdict.Unexpected;
    }

    /// <summary>Compares the peer's key, as the server announces it, with the pin and with what the peer itself showed. A difference ends the handshake.</summary>
    /// <returns><see cref="HandshakeVerdict.Accepted"/> or <see cref="HandshakeVerdict.WrongKey"/>.</returns>
    public HandshakeVerdict HandleToldKey(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!_pin.Allows(key) || (RemoteKey is { } shown && !shown.Equals(key))) return Fail(HandshakeVerdict.WrongKey);
        _toldKey = key;
        return HandshakeVerdict.Accepted;
    }

    /// <summary>Makes the packet protection and forgets the handshake's keys. Once, when <see cref="AreKeysReady"/>.</summary>
    /// <exception cref="InvalidOperationException">There are no keys, or they were taken, or all was forgotten.</exception>
    public PacketProtection TakeProtection(PacketProtectionLimits? limits = null)
    {
        if (_keys is not { } keys || _areKeysTaken || _isDisposed) throw new InvalidOperationException("There are no keys, or they were taken.");
        _areKeysTaken = true;
        var protection = IsInitiator
            ? new PacketProtection(Session, keys.InitiatorToResponder, keys.ResponderToInitiator, limits)
            : new PacketProtection(Session, keys.ResponderToInitiator, keys.InitiatorToResponder, limits);
        keys.Dispose();
        return protection;
    }

    /// <summary>Says that a sealed packet of the other side has opened: it is there, it has our last message, and nothing of the handshake is sent any more.</summary>
    /// <exception cref="InvalidOperationException">There are no keys yet, so no packet can have opened.</exception>
    public void Confirm()
    {
        if (!AreKeysReady) throw new InvalidOperationException("There are no keys yet.");
        IsConfirmed = true;
        _outgoing = [];
    }

    /// <summary>Forgets all secrets. The identity stays the caller's.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _noise.Dispose();
        _keys?.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => $"SessionHandshake({Session}, {Pattern}{(HasPsk ? "psk2" : "")}, {(IsInitiator ? "initiator" : "responder")})";

    private static bool TryReadMessage(SessionId session, ReadOnlySpan<byte> packet, out int index, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (!PacketHeader.TryReadHandshake(packet, out var connection, out index) || connection != session || packet.Length > MaxPacketSize) return false;
        message = packet[PacketHeader.HandshakeSize..];
        return true;
    }

    private HandshakeVerdict Read(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> message)
    {
        // No handshake message has a payload, so an empty span makes any other message unreadable.
        if (!_noise.TryReadMessage(message, default, out _)) return HandshakeVerdict.Forged;
        _messagesDone++;
        _lastReceived = packet.ToArray();
        if (RemoteKey is { } shown && (!_pin.Allows(shown) || (_toldKey is not null && !_toldKey.Equals(shown)))) return Fail(HandshakeVerdict.WrongKey);
        if (_noise.IsMyTurn) WriteNext(default);
        else _outgoing = [];
        if (_noise.IsComplete) Finish();
        return HandshakeVerdict.Accepted;
    }

    private void WriteNext(ReadOnlySpan<byte> opening)
    {
        Span<byte> packet = stackalloc byte[MaxPacketSize];
        _messagesDone++;
        PacketHeader.WriteHandshake(packet, Session, _messagesDone);
        opening.CopyTo(packet[PacketHeader.HandshakeSize..]);
        int offset = PacketHeader.HandshakeSize + opening.Length;
        int length = offset + _noise.WriteMessage(default, packet[offset..]);
        _outgoing = packet[..length].ToArray();
    }

    private void Finish()
    {
        HandshakeHash = _noise.HandshakeHash.ToArray();
        _keys = _noise.Split();
        // Message 3 of XX answers our fresh ephemeral key under the initiator's own: it cannot be a replay.
        if (!IsInitiator && Pattern == NoisePattern.XX) IsConfirmed = true;
    }

    private HandshakeVerdict Fail(HandshakeVerdict verdict)
    {
        Failure = verdict;
        _outgoing = [];
        Dispose();
        _keys = null;
        return verdict;
    }
}
