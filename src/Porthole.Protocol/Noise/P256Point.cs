using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol.Noise;

/// <summary>
/// A public key that lies on the curve, ready for use. Finding that out costs as much as an agreement (the platform multiplies by the order), so it is
/// done once for each key of a handshake.
/// </summary>
internal sealed class P256Point : IDisposable
{
    private readonly ECDiffieHellman _key;

    private P256Point(PublicKey key, ECDiffieHellman imported)
    {
        Key = key;
        _key = imported;
        Handle = imported.PublicKey;
    }

    public PublicKey Key { get; }

    public ECDiffieHellmanPublicKey Handle { get; }

    /// <summary>Takes a point from a file, a person or the network. The form (65 bytes, 04) is what <see cref="PublicKey"/> guarantees; here it is put on the curve.</summary>
    public static bool TryImport(PublicKey key, [NotNullWhen(true)] out P256Point? point)
    {
        var coordinates = key.Bytes[1..];
        try
        {
            point = new P256Point(key, ECDiffieHellman.Create(new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new ECPoint
                {
                    X = coordinates[..P256KeyPair.ScalarSize].ToArray(),
                    Y = coordinates[P256KeyPair.ScalarSize..].ToArray(),
                },
            }));
            return true;
        }
        catch (CryptographicException) // not on the curve, or a coordinate not below the field's prime; the platforms throw private subtypes
        {
            point = null;
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        _key.Dispose();
    }
}
