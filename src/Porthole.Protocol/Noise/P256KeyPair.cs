using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>
/// A P-256 key pair and its one operation, the Diffie-Hellman of Noise section 12.1 for this curve: public keys are 65-byte uncompressed points,
/// the shared secret is the 32-byte X coordinate. All use of the platform's elliptic curves goes through here.
/// </summary>
internal sealed class P256KeyPair : IDisposable
{
    /// <summary>The length of a scalar and of a shared secret, in bytes.</summary>
    public const int ScalarSize = 32;

    /// <summary>The order of the group (SEC 2 section 2.4.2); a private key lies between 1 and this minus 1.</summary>
    private static readonly UInt256 s_order = new(
        new UInt128(0xFFFFFFFF_00000000, 0xFFFFFFFF_FFFFFFFF),
        new UInt128(0xBCE6FAAD_A7179E84, 0xF3B9CAC2_FC632551));

    private readonly ECDiffieHellman _key;

    private P256KeyPair(ECDiffieHellman key, PublicKey publicKey)
    {
        _key = key;
        PublicKey = publicKey;
    }

    /// <summary>The public half.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>Draws a private key by rejection sampling, so that every scalar is equally likely.</summary>
    public static P256KeyPair Generate(EntropySource entropy)
    {
        Span<byte> scalar = stackalloc byte[ScalarSize];
        try
        {
            while (true)
            {
                entropy.Fill(scalar);
                if (TryImport(scalar, out var pair)) return pair;
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <summary>Reads a private key: 32 bytes, big-endian, between 1 and the order minus 1.</summary>
    public static bool TryImport(ReadOnlySpan<byte> scalar, [NotNullWhen(true)] out P256KeyPair? pair)
    {
        pair = null;
        if (scalar.Length != ScalarSize || !IsScalar(scalar)) return false;
        byte[] d = scalar.ToArray();
        try
        {
            // The platform computes the public point from the scalar.
            var key = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d });
            pair = new P256KeyPair(key, ExportPoint(key));
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(d);
        }
    }

    /// <summary>Computes the shared secret with a point.</summary>
    /// <param name="point">The other side's public key, which was found to lie on the curve.</param>
    /// <param name="secret">Takes 32 bytes; the caller clears them.</param>
    public void Agree(P256Point point, Span<byte> secret)
    {
        byte[] raw = _key.DeriveRawSecretAgreement(point.Handle);
        raw.CopyTo(secret);
        CryptographicOperations.ZeroMemory(raw);
    }

    /// <summary>The private key: 32 bytes, big-endian. The caller keeps it secret and clears it.</summary>
    public byte[] ExportScalar() => _key.ExportParameters(includePrivateParameters: true).D!;

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    /// <summary>The public key's text; the private half is never printed.</summary>
    public override string ToString() => $"P256KeyPair({PublicKey}, …)";

    private static PublicKey ExportPoint(ECDiffieHellman key)
    {
        var q = key.ExportParameters(includePrivateParameters: false).Q;
        Span<byte> bytes = [0x04, .. q.X!, .. q.Y!];
        return PublicKey.TryCreate(bytes, out var point) ? point : throw new CryptographicException("The platform gave a malformed P-256 point.");
    }

    private static bool IsScalar(ReadOnlySpan<byte> scalar)
    {
        var value = UInt256.Read(scalar);
        return value != default && value < s_order;
    }

    private readonly record struct UInt256(UInt128 High, UInt128 Low)
    {
        public static UInt256 Read(ReadOnlySpan<byte> bytes) => new(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));

        public static bool operator <(UInt256 left, UInt256 right) => left.High < right.High || (left.High == right.High && left.Low < right.Low);

        public static bool operator >(UInt256 left, UInt256 right) => right < left;
    }
}
