namespace Porthole.Protocol.Rendezvous;

/// <summary>What a machine needs of a <see cref="PairingCode"/>: the part that the server may see, and the key that was derived from the rest.</summary>
public sealed class PairingKey
{
    private readonly byte[] _key;

    internal PairingKey(string publicPart, byte[] key) => (PublicPart, _key) = (publicPart, key);

    /// <summary>What the server is told.</summary>
    public string PublicPart { get; }

    /// <summary>The pre-shared key of the handshake, 32 bytes.</summary>
    internal ReadOnlySpan<byte> Key => _key;

    /// <summary>The public part; never the key.</summary>
    public override string ToString() => PublicPart;
}
