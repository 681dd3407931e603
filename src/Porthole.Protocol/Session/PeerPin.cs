namespace Porthole.Protocol.Session;

/// <summary>What an initiator knows about the key of the peer it dials, before anyone else had a say.</summary>
public readonly record struct PeerPin
{
    private PeerPin(PublicKey? key, PeerId id)
    {
        Key = key;
        Id = id;
    }

    /// <summary>Nothing: first contact by name.</summary>
    public static PeerPin None => default;

    /// <summary>The whole key; null when it is not known.</summary>
    public PublicKey? Key { get; }

    /// <summary>The id; <see cref="PeerId.Unknown"/> when not even that is known.</summary>
    public PeerId Id { get; }

    /// <summary>The peer was met before: the handshake is IK to this key.</summary>
    public static PeerPin To(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new PeerPin(key, key.PeerId);
    }

    /// <summary>The id was given, but the key never seen: the handshake is XX and ends if the key does not hash to the id.</summary>
    public static PeerPin To(PeerId id) => new(null, id);

    /// <summary>Whether a key may be the peer's.</summary>
    public bool Allows(PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Id.IsUnknown || key.PeerId == Id;
    }
}
