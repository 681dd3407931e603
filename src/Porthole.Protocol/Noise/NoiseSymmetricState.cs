using System.Security.Cryptography;
using System.Text;

namespace Porthole.Protocol.Noise;

/// <summary>The SymmetricState of Noise section 5.2 together with its CipherState (section 5.1): chaining key, handshake hash, key and counter.</summary>
internal sealed class NoiseSymmetricState
{
    public const int HashSize = SHA256.HashSizeInBytes;

    private readonly byte[] _chainingKey = new byte[HashSize];
    private readonly byte[] _hash = new byte[HashSize];
    private readonly byte[] _key = new byte[NoiseCipher.KeySize];
    private ulong _counter;

    public ReadOnlySpan<byte> Hash => _hash;

    public bool HasKey { get; private set; }

    /// <summary>Begins with the protocol's name, which has at most 32 characters here and is padded with zeros, not hashed.</summary>
    public void Initialize(string protocolName)
    {
        _hash.AsSpan().Clear();
        Encoding.ASCII.GetBytes(protocolName, _hash);
        _hash.CopyTo(_chainingKey, 0);
        HasKey = false;
        _counter = 0;
    }

    public void CopyFrom(NoiseSymmetricState other)
    {
        other._chainingKey.CopyTo(_chainingKey, 0);
        other._hash.CopyTo(_hash, 0);
        other._key.CopyTo(_key, 0);
        _counter = other._counter;
        HasKey = other.HasKey;
    }

    /// <summary>Clears every secret. The hash is no secret and stays.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_chainingKey);
        CryptographicOperations.ZeroMemory(_key);
        HasKey = false;
    }

    public void MixHash(ReadOnlySpan<byte> data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(_hash);
        hash.AppendData(data);
        hash.GetHashAndReset(_hash);
    }

    public void MixKey(ReadOnlySpan<byte> secret)
    {
        Span<byte> output = stackalloc byte[2 * HashSize];
        Derive(secret, output);
        output[..HashSize].CopyTo(_chainingKey);
        SetKey(output[HashSize..]);
        CryptographicOperations.ZeroMemory(output);
    }

    public void MixKeyAndHash(ReadOnlySpan<byte> secret)
    {
        Span<byte> output = stackalloc byte[3 * HashSize];
        Derive(secret, output);
        output[..HashSize].CopyTo(_chainingKey);
        MixHash(output.Slice(HashSize, HashSize));
        SetKey(output[(2 * HashSize)..]);
        CryptographicOperations.ZeroMemory(output);
    }

    /// <summary>Encrypts under the handshake hash, or copies while there is no key yet. Returns the bytes written.</summary>
    public int EncryptAndHash(ReadOnlySpan<byte> plain, Span<byte> output)
    {
        int length = plain.Length + (HasKey ? NoiseCipher.TagSize : 0);
        output = output[..length];
        if (HasKey)
        {
            using var cipher = new AesGcm(_key, NoiseCipher.TagSize);
            NoiseCipher.Encrypt(cipher, _counter++, _hash, plain, output);
        }
        else
        {
            plain.CopyTo(output);
        }

        MixHash(output);
        return length;
    }

    /// <summary>The reverse of <see cref="EncryptAndHash"/>; false when not authentic. The output has room for the plain bytes.</summary>
    public bool TryDecryptAndHash(ReadOnlySpan<byte> data, Span<byte> output)
    {
        if (HasKey)
        {
            using var cipher = new AesGcm(_key, NoiseCipher.TagSize);
            if (!NoiseCipher.TryDecrypt(cipher, _counter, _hash, data, output)) return false;
            _counter++;
        }
        else
        {
            data.CopyTo(output);
        }

        MixHash(data);
        return true;
    }

    public NoiseTransportKeys Split()
    {
        Span<byte> output = stackalloc byte[2 * HashSize];
        Derive(default, output);
        var keys = new NoiseTransportKeys(output[..HashSize].ToArray(), output[HashSize..].ToArray());
        CryptographicOperations.ZeroMemory(output);
        return keys;
    }

    /// <summary>
    /// HKDF of Noise section 4.3, which is RFC 5869 with the chaining key as salt and no info. The extract step is written out because OpenSSL's HKDF
    /// refuses the empty secret that Split has.
    /// </summary>
    private void Derive(ReadOnlySpan<byte> secret, Span<byte> output)
    {
        Span<byte> extracted = stackalloc byte[HashSize];
        HMACSHA256.HashData(_chainingKey, secret, extracted);
        HKDF.Expand(HashAlgorithmName.SHA256, extracted, output, default);
        CryptographicOperations.ZeroMemory(extracted);
    }

    private void SetKey(ReadOnlySpan<byte> key)
    {
        key.CopyTo(_key);
        HasKey = true;
        _counter = 0;
    }
}
