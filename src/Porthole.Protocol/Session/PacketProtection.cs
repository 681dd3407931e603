using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Porthole.Protocol.Session;

/// <summary>
/// Seals and opens the packets of one session, in place and without allocation: AES-256-GCM, a key per direction, the nonce is 32 zero bits and the
/// packet number, the header is associated data. Numbers run over all paths and all keys and are never used twice.
/// </summary>
/// <remarks>
/// Key update follows RFC 9001 section 6: either side begins by sealing with its next key; a packet that opens with the next key makes the other
/// side follow. Different from QUIC, the header also says which key the sender has opened last, so an update is known to have arrived without looking
/// into acknowledgements, and only then may the next one begin. The next receive key is always at hand, so a forged packet costs as much as a real
/// one and changes nothing.
/// </remarks>
public sealed class PacketProtection : IDisposable
{
    /// <summary>The length of the header, in bytes.</summary>
    public const int HeaderSize = PacketHeader.Size;

    /// <summary>The length of the authentication tag, in bytes.</summary>
    public const int TagSize = 16;

    /// <summary>What a packet adds to its payload, in bytes.</summary>
    public const int Overhead = HeaderSize + TagSize;

    private const int NonceSize = 12;
    private const int NonceNumberOffset = 4;

    private readonly SessionId _connection;
    private readonly PacketProtectionLimits _limits;
    private readonly PacketKeyChain _sendChain;
    private readonly PacketKeyChain _receiveChain;
    private readonly ReplayWindow _window = new();

    private AesGcm _sendKey;
    private ulong _sealedWithKey;
    private bool _isConfirmed;
    private ulong? _confirmedAbove;

    private AesGcm _receiveKey;
    private AesGcm _nextReceiveKey;
    private AesGcm? _previousReceiveKey;
    private Instant _previousUntil;
    private ulong _lowestOfKey;
    private ulong? _highestOpened;

    private TimeSpan _retention = TimeSpan.FromSeconds(3);

    /// <summary>Makes the protection of one side from the keys of the handshake, which are copied.</summary>
    /// <param name="connection">The session; packets of others do not open.</param>
    /// <param name="sendKey">32 bytes; the key of our direction.</param>
    /// <param name="receiveKey">32 bytes; the key of the other side's direction.</param>
    /// <param name="limits">When keys change; null for the limits of the RFC.</param>
    /// <exception cref="ArgumentException">A key has another length.</exception>
    public PacketProtection(SessionId connection, ReadOnlySpan<byte> sendKey, ReadOnlySpan<byte> receiveKey, PacketProtectionLimits? limits = null)
    {
        _connection = connection;
        _limits = limits ?? PacketProtectionLimits.Default;
        _sendChain = new PacketKeyChain(sendKey);
        _receiveChain = new PacketKeyChain(receiveKey);
        _sendKey = _sendChain.Next();
        _receiveKey = _receiveChain.Next();
        _nextReceiveKey = _receiveChain.Next();
    }

    /// <summary>The number of the next packet to be sealed.</summary>
    public ulong NextPacketNumber { get; private set; }

    /// <summary>How many times our sending key was updated.</summary>
    public ulong SendKeyNumber { get; private set; }

    /// <summary>How many times the other side's key was updated, as far as its packets show.</summary>
    public ulong ReceiveKeyNumber { get; private set; }

    /// <summary>How many packets were not authentic, over all keys.</summary>
    public ulong Forgeries { get; private set; }

    /// <summary>
    /// Whether a packet may be sealed: false when the key has served <see cref="PacketProtectionLimits.PacketLimit"/> packets and the other side never showed
    /// that it knows it. The session is then closed without another packet.
    /// </summary>
    public bool CanSeal => _sealedWithKey < _limits.PacketLimit || CanUpdateKeys;

    /// <summary>Whether nothing is opened any more because <see cref="PacketProtectionLimits.ForgeryLimit"/> is reached. The session is then closed.</summary>
    public bool IsForgeryLimitReached => Forgeries >= _limits.ForgeryLimit;

    /// <summary>Whether an update may begin: the other side has shown that it has our present key (RFC 9001 section 6.1).</summary>
    public bool CanUpdateKeys => _isConfirmed;

    /// <summary>When the previous receive key is to be forgotten; null when there is none. See <see cref="HandleDeadline"/>.</summary>
    public Instant? NextDeadline => _previousReceiveKey is null ? null : _previousUntil;

    /// <summary>Leaves a number out, so that a peer which acknowledges what it never got gives itself away (RFC 9000 section 21.4).</summary>
    public void SkipPacketNumber() => NextPacketNumber++;

    /// <summary>Seals a packet in place.</summary>
    /// <param name="packet">The payload stands at <see cref="HeaderSize"/>; before it the header is written, after it the tag.</param>
    /// <param name="payloadLength">The length of the payload, in bytes.</param>
    /// <param name="packetNumber">The number the packet got.</param>
    /// <returns>The length of the packet: payload + <see cref="Overhead"/>.</returns>
    /// <exception cref="InvalidOperationException"><see cref="CanSeal"/> is false.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The span is too small.</exception>
    public int Seal(Span<byte> packet, int payloadLength, out ulong packetNumber)
    {
        int length = payloadLength + Overhead;
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(packet.Length, length, nameof(packet));
        if (_sealedWithKey >= _limits.UpdateAfter) TryUpdateKeys();
        if (_sealedWithKey >= _limits.PacketLimit) throw new InvalidOperationException("The key has served its number of packets.");

        packetNumber = NextPacketNumber;
        new PacketHeader(_connection, packetNumber, IsOdd(SendKeyNumber), IsOdd(ReceiveKeyNumber)).WriteTo(packet);
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, packetNumber);
        var payload = packet.Slice(HeaderSize, payloadLength);
        _sendKey.Encrypt(nonce, payload, payload, packet.Slice(HeaderSize + payloadLength, TagSize), packet[..HeaderSize]);
        NextPacketNumber++;
        _sealedWithKey++;
        return length;
    }

    /// <summary>Opens a packet in place.</summary>
    /// <param name="now">The moment, for the retention of old keys.</param>
    /// <param name="packet">What came in; nothing about it is trusted. When it does not open its bytes are lost.</param>
    /// <param name="packetNumber">The packet's number.</param>
    /// <param name="payload">The opened payload, inside <paramref name="packet"/>.</param>
    /// <returns>False when the packet is malformed, of another session, seen before, too old, or not authentic. Nothing but the count of forgeries changes then.</returns>
    public bool TryOpen(Instant now, Span<byte> packet, out ulong packetNumber, out Span<byte> payload)
    {
        packetNumber = 0;
        payload = default;
        if (packet.Length < Overhead || !PacketHeader.TryRead(packet, out var header) || header.Connection != _connection) return false;
        if (IsForgeryLimitReached || !_window.IsNew(header.PacketNumber)) return false;

        // Numbers only grow with keys, so a packet of the other phase below the present key's numbers is of the previous key, and above of the next.
        bool isCurrent = header.KeyPhase == IsOdd(ReceiveKeyNumber);
        bool isNext = !isCurrent && header.PacketNumber >= _lowestOfKey;
        var key = isCurrent ? _receiveKey : isNext ? _nextReceiveKey : now < _previousUntil ? _previousReceiveKey : null;
        if (key is null) return false;

        var opened = packet[HeaderSize..^TagSize];
        if (!TryDecrypt(key, header.PacketNumber, packet, opened))
        {
            Forgeries++;
            return false;
        }

        _window.TryAdd(header.PacketNumber);
        if (isNext) FollowUpdate(now, header.PacketNumber);
        else if (isCurrent) _lowestOfKey = Math.Min(_lowestOfKey, header.PacketNumber);
        NoteConfirmation(header);
        packetNumber = header.PacketNumber;
        payload = opened;
        return true;
    }

    /// <summary>Begins a key update: the next packet is sealed with the next key. Happens by itself after <see cref="PacketProtectionLimits.UpdateAfter"/> packets.</summary>
    /// <returns>False, and nothing changes, while <see cref="CanUpdateKeys"/> is false.</returns>
    public bool TryUpdateKeys()
    {
        if (!CanUpdateKeys) return false;
        AdvanceSendKey();
        return true;
    }

    /// <summary>Sets for how long the previous receive key opens packets that were delayed: three times the probe time-out (RFC 9001 section 6.5).</summary>
    public void SetRetention(TimeSpan threePto) => _retention = threePto;

    /// <summary>Forgets the previous receive key when its time has come.</summary>
    public void HandleDeadline(Instant now)
    {
        if (now < _previousUntil) return;
        _previousReceiveKey?.Dispose();
        _previousReceiveKey = null;
    }

    /// <summary>Forgets all keys.</summary>
    public void Dispose()
    {
        _sendChain.Dispose();
        _receiveChain.Dispose();
        _sendKey.Dispose();
        _receiveKey.Dispose();
        _nextReceiveKey.Dispose();
        _previousReceiveKey?.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => $"PacketProtection({_connection}, {NextPacketNumber} sealed, keys {SendKeyNumber} and {ReceiveKeyNumber})";

    private static bool IsOdd(ulong number) => (number & 1) != 0;

    private static void WriteNonce(Span<byte> nonce, ulong packetNumber)
    {
        nonce[..NonceNumberOffset].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(nonce[NonceNumberOffset..], packetNumber);
    }

    private static bool TryDecrypt(AesGcm key, ulong packetNumber, ReadOnlySpan<byte> packet, Span<byte> payload)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, packetNumber);
        try
        {
            key.Decrypt(nonce, payload, packet[^TagSize..], payload, packet[..HeaderSize]);
            return true;
        }
        catch (AuthenticationTagMismatchException) // the platform has no other way to say it
        {
            return false;
        }
    }

    private void FollowUpdate(Instant now, ulong packetNumber)
    {
        _previousReceiveKey?.Dispose();
        _previousReceiveKey = _receiveKey;
        _previousUntil = now + _retention;
        _receiveKey = _nextReceiveKey;
        _nextReceiveKey = _receiveChain.Next();
        _lowestOfKey = packetNumber;
        ReceiveKeyNumber++;
        if (SendKeyNumber < ReceiveKeyNumber)
        {
            _highestOpened = Math.Max(_highestOpened ?? 0, packetNumber);
            AdvanceSendKey();
        }
    }

    private void AdvanceSendKey()
    {
        _sendKey.Dispose();
        _sendKey = _sendChain.Next();
        SendKeyNumber++;
        _sealedWithKey = 0;
        _isConfirmed = false;
        _confirmedAbove = _highestOpened;
    }

    /// <summary>
    /// The other side has our present key when it says so in a packet newer than all that were opened before the key changed; an older one may speak of
    /// the key two updates ago, which has the same bit.
    /// </summary>
    private void NoteConfirmation(PacketHeader header)
    {
        bool isNewer = _confirmedAbove is not { } floor || header.PacketNumber > floor;
        if (isNewer && header.OpenedPhase == IsOdd(SendKeyNumber)) _isConfirmed = true;
        if (_highestOpened is not { } highest || header.PacketNumber > highest) _highestOpened = header.PacketNumber;
    }
}
