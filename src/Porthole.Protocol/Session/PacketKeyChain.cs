using System.Security.Cryptography;

namespace Porthole.Protocol.Session;

/// <summary>
/// The keys of one direction, one after the other (as RFC 9001 section 6.1): each secret gives one packet key and the next secret, and is then
/// forgotten, so that a key found later opens nothing older.
/// </summary>
internal sealed class PacketKeyChain : IDisposable
{
    public const int SecretSize = 32;

    private readonly byte[] _secret;

    public PacketKeyChain(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != SecretSize) throw new ArgumentException($"A traffic secret has {SecretSize} bytes.", nameof(secret));
        _secret = secret.ToArray();
    }

    private static ReadOnlySpan<byte> KeyLabel => "porthole/1 packet key"u8;
    private static ReadOnlySpan<byte> NextLabel => "porthole/1 next secret"u8;

    /// <summary>The next key, ready to use.</summary>
    public AesGcm Next()
    {
        Span<byte> key = stackalloc byte[SecretSize];
        Span<byte> next = stackalloc byte[SecretSize];
        HKDF.Expand(HashAlgorithmName.SHA256, _secret, key, KeyLabel);
        HKDF.Expand(HashAlgorithmName.SHA256, _secret, next, NextLabel);
        next.CopyTo(_secret);
        var cipher = new AesGcm(key, PacketProtection.TagSize);
        CryptographicOperations.ZeroMemory(key);
        CryptographicOperations.ZeroMemory(next);
        return cipher;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);
}
