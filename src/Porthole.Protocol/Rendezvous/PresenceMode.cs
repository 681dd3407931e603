namespace Porthole.Protocol.Rendezvous;

/// <summary>Who learns that a peer is online, and whom it sees.</summary>
public enum PresenceMode
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>All peers in the same room.</summary>
    Room,

    /// <summary>Peers that list each other in <see cref="Registration.KnownPeers"/>.</summary>
    Known,
}
