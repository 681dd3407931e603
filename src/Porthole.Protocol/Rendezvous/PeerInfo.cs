namespace Porthole.Protocol.Rendezvous;

/// <summary>A peer that is online, as presence and the peers list show it.</summary>
/// <param name="Peer">Who it is.</param>
/// <param name="Name">The name it registered; null for none.</param>
public sealed record PeerInfo(PeerId Peer, string? Name);
