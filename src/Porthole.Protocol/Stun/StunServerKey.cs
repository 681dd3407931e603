using System.Security.Cryptography;

namespace Porthole.Protocol.Stun;

/// <summary>
/// The server's secret, from which everything that it must recognise later is derived: peers' tags, passwords, proofs. All processes and nodes of one
/// server share it; nothing is stored per client.
/// </summary>
public sealed class StunServerKey
{
    /// <summary>The least length of the secret, in bytes: as strong as the hash.</summary>
    public const int MinSecretSize = 32;

    private readonly byte[] _tagKey;
    private readonly byte[] _passwordKey;
    private readonly byte[] _proofKey;

    /// <summary>Derives the keys.</summary>
    /// <param name="secret">At least <see cref="MinSecretSize"/> bytes.</param>
    /// <exception cref="ArgumentException">The secret is too short.</exception>
    public StunServerKey(ReadOnlySpan<byte> secret)
    {
        if (secret.Length < MinSecretSize) throw new ArgumentException($"The secret has at least {MinSecretSize} bytes.", nameof(secret));
        _tagKey = HMACSHA256.HashData(secret, "porthole/1 stun peer tag"u8);
        _passwordKey = HMACSHA256.HashData(secret, "porthole/1 stun password"u8);
        _proofKey = HMACSHA256.HashData(secret, "porthole/1 stun proof"u8);
    }

    internal ReadOnlySpan<byte> PasswordKey => _passwordKey;

    internal ReadOnlySpan<byte> ProofKey => _proofKey;

    /// <summary>Draws a new secret and derives the keys: for a server that need not recognise anything after a restart.</summary>
    public static StunServerKey Create(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        Span<byte> secret = stackalloc byte[MinSecretSize];
        entropy.Fill(secret);
        return new StunServerKey(secret);
    }

    /// <summary>The tag of a peer.</summary>
    public PeerTag TagOf(PeerId peer)
    {
        Span<byte> id = stackalloc byte[PeerId.Size];
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        peer.WriteTo(id);
        HMACSHA256.HashData(_tagKey, id, hash);
        return new PeerTag(hash);
    }

    /// <summary>Says nothing of the secret.</summary>
    public override string ToString() => "StunServerKey(…)";
}
