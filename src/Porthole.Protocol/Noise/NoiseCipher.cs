using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>AES-256-GCM as Noise section 12.3 uses it: the nonce is 32 zero bits and the 64-bit counter, big-endian.</summary>
internal static class NoiseCipher
{
    public const int KeySize = 32;
    public const int TagSize = 16;

    /// <summary>The nonce that only <see cref="Rekey"/> uses (Noise section 4.2).</summary>
    public const ulong RekeyNonce = ulong.MaxValue;

    private const int NonceSize = 12;
    private const int CounterOffset = 4;

    public static void Encrypt(AesGcm cipher, ulong counter, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plain, Span<byte> output)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        cipher.Encrypt(nonce, plain, output[..plain.Length], output.Slice(plain.Length, TagSize), associated);
    }

    /// <summary>Opens ciphertext and tag; false when they are not authentic, and then the output is all zeros.</summary>
    public static bool TryDecrypt(AesGcm cipher, ulong counter, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> sealedBytes, Span<byte> output)
    {
        if (sealedBytes.Length < TagSize) return false;
        int length = sealedBytes.Length - TagSize;
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        try
        {
            cipher.Decrypt(nonce, sealedBytes[..length], sealedBytes[length..], output[..length], associated);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    /// <summary>The one-way step to the next key (Noise section 4.2, REKEY).</summary>
    public static void Rekey(Span<byte> key)
    {
        using var cipher = new AesGcm(key, TagSize);
        Span<byte> zeros = stackalloc byte[KeySize];
        zeros.Clear();
        Span<byte> output = stackalloc byte[KeySize + TagSize];
        Encrypt(cipher, RekeyNonce, default, zeros, output);
        output[..KeySize].CopyTo(key);
        CryptographicOperations.ZeroMemory(output);
    }

    private static void WriteNonce(Span<byte> nonce, ulong counter)
    {
        nonce[..CounterOffset].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(nonce[CounterOffset..], counter);
    }
}
