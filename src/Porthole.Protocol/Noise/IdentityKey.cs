using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Noise;

/// <summary>Who we are: a long-lived P-256 key pair, the static key of every Noise handshake. The private half never prints.</summary>
public sealed class IdentityKey : IDisposable
{
    /// <summary>The length of the private key, in bytes.</summary>
    public const int ScalarSize = P256KeyPair.ScalarSize;

    private IdentityKey(P256KeyPair pair) => Pair = pair;

    /// <summary>The public half.</summary>
    public PublicKey PublicKey => Pair.PublicKey;

    /// <summary>The hash of the public half.</summary>
    public PeerId PeerId => Pair.PublicKey.PeerId;

    internal P256KeyPair Pair { get; }

    /// <summary>Draws a new identity, all private keys equally likely.</summary>
    public static IdentityKey Generate(EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        return new IdentityKey(P256KeyPair.Generate(entropy));
    }

    /// <summary>Reads a private key: 32 bytes, big-endian, as <see cref="ExportScalar"/> gave it.</summary>
    /// <returns>False when there are not 32 bytes, or they are 0 or not below the order of P-256.</returns>
    public static bool TryImport(ReadOnlySpan<byte> scalar, [NotNullWhen(true)] out IdentityKey? key)
    {
        key = P256KeyPair.TryImport(scalar, out var pair) ? new IdentityKey(pair) : null;
        return key is not null;
    }

    /// <summary>Whether a public key that came from a file, a person or the network lies on the curve and can be used.</summary>
    public static bool IsUsable(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!P256Point.TryImport(key, out var point)) return false;
        point.Dispose();
        return true;
    }

    /// <summary>The private key: 32 bytes, big-endian. Whoever asks keeps it secret and clears it.</summary>
    public byte[] ExportScalar() => Pair.ExportScalar();

    /// <inheritdoc/>
    public void Dispose() => Pair.Dispose();

    /// <summary>The peer id.</summary>
    public override string ToString() => $"IdentityKey({PeerId})";
}
