namespace Porthole.Protocol.Peer;

/// <summary>The keys that were seen before, as a machine asks for them. Kept in memory by the driver; asking never waits.</summary>
public interface IKnownPeers
{
    /// <summary>The key that holds a name; null when the name was never met.</summary>
    PublicKey? FindByName(string name);

    /// <summary>The key behind an id; null when the id was never met.</summary>
    PublicKey? FindById(PeerId id);
}

/// <summary>Nobody is known.</summary>
public sealed class NoKnownPeers : IKnownPeers
{
    /// <summary>The one instance.</summary>
    public static NoKnownPeers Instance { get; } = new();

    /// <inheritdoc/>
    public PublicKey? FindByName(string name) => null;

    /// <inheritdoc/>
    public PublicKey? FindById(PeerId id) => null;
}
