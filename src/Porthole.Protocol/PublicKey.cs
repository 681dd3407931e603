using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Porthole.Protocol;

/// <summary>
/// A P-256 public key in uncompressed form: 04, X, Y (SEC 1 section 2.3.3), 65 bytes. Only the form is checked here; whether the point lies on the
/// curve is found when the key is used.
/// </summary>
public sealed class PublicKey : IEquatable<PublicKey>
{
    /// <summary>The length in bytes.</summary>
    public const int Size = 65;

    private const byte Uncompressed = 0x04;

    private readonly byte[] _bytes;

    private PublicKey(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        PeerId = new PeerId(SHA256.HashData(bytes));
    }

    /// <summary>The id of the peer that holds this key.</summary>
    public PeerId PeerId { get; }

    /// <summary>The 65 bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Reads 65 bytes that begin with 04.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out PublicKey? key)
    {
        key = bytes is [Uncompressed, ..] && bytes.Length == Size ? new PublicKey(bytes) : null;
        return key is not null;
    }

    /// <inheritdoc/>
    public bool Equals(PublicKey? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PublicKey);

    /// <inheritdoc/>
    public override int GetHashCode() => PeerId.GetHashCode();

    /// <summary>The peer id: what a person compares.</summary>
    public override string ToString() => PeerId.ToString();
}
