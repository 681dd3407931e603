using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Porthole.Protocol.Stun;

/// <summary>
/// Hands out short-term credentials (RFC 8489 section 9.1) and recognises them without keeping any: the user name carries expiry and peer, the password is a
/// MAC of the user name under the server's key. Wall-clock time comes in as data.
/// </summary>
/// <param name="key">The server's key.</param>
public sealed class StunCredentialIssuer(StunServerKey key)
{
    /// <summary>
    /// How long a credential is good unless said otherwise: longer than a working day's connection to the server, short enough that a stolen
    /// one dies; it opens nothing but answers with proofs for the same peer.
    /// </summary>
    public static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);

    /// <summary>Expiry in seconds since 1970 (good until 2106), then the tag.</summary>
    private const int UsernameSize = sizeof(uint) + PeerTag.Size;

    /// <summary>20 bytes in base64url, without padding.</summary>
    private const int UsernameLength = 27;

    /// <summary>192 bits of the MAC: 32 characters of base64url.</summary>
    private const int PasswordSize = 24;

    /// <summary>The length of a password, in characters and bytes.</summary>
    public const int PasswordLength = PasswordSize / 3 * 4;

    private readonly StunServerKey _key = key ?? throw new ArgumentNullException(nameof(key));

    /// <summary>Makes a credential for a peer.</summary>
    /// <param name="peer">The peer that proved its identity in the hello.</param>
    /// <param name="now">Wall-clock time.</param>
    /// <param name="lifetime">How long it is good; null for <see cref="DefaultLifetime"/>.</param>
    public ShortTermCredential Issue(PeerId peer, DateTimeOffset now, TimeSpan? lifetime = null)
    {
        Span<byte> content = stackalloc byte[UsernameSize];
        BinaryPrimitives.WriteUInt32BigEndian(content, (uint)(now + (lifetime ?? DefaultLifetime)).ToUnixTimeSeconds());
        _key.TagOf(peer).WriteTo(content[sizeof(uint)..]);
        Span<byte> username = stackalloc byte[UsernameLength];
        Base64Url.EncodeToUtf8(content, username);
        Span<byte> password = stackalloc byte[PasswordLength];
        WritePassword(username, password);
        return new ShortTermCredential(Encoding.ASCII.GetString(username), Encoding.ASCII.GetString(password));
    }

    /// <summary>Recomputes the password that belongs to a user name. That the client knows it is shown by the message's integrity, not here.</summary>
    /// <param name="username">The value of USERNAME.</param>
    /// <param name="now">Wall-clock time.</param>
    /// <param name="password">Receives <see cref="PasswordLength"/> bytes: the key of the message's integrity.</param>
    /// <param name="peer">The peer that the credential was issued to, if the integrity is right.</param>
    /// <returns>False when the user name is none of ours or has expired.</returns>
    public bool TryGetPassword(ReadOnlySpan<byte> username, DateTimeOffset now, Span<byte> password, out PeerTag peer)
    {
        peer = default;
        if (username.Length != UsernameLength) return false;
        Span<byte> content = stackalloc byte[UsernameSize + 1];
        if (Base64Url.DecodeFromUtf8(username, content, out _, out int written) != System.Buffers.OperationStatus.Done || written != UsernameSize) return false;
        if (BinaryPrimitives.ReadUInt32BigEndian(content) <= now.ToUnixTimeSeconds()) return false;
        peer = new PeerTag(content[sizeof(uint)..]);
        WritePassword(username, password);
        return true;
    }

    private void WritePassword(ReadOnlySpan<byte> username, Span<byte> password)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key.PasswordKey, username, mac);
        Base64Url.EncodeToUtf8(mac[..PasswordSize], password);
    }
}
