using Porthole.Protocol.Rendezvous;

namespace Porthole;

/// <summary>Another peer came or went.</summary>
/// <param name="Peer">Who.</param>
/// <param name="IsOnline">Whether it is there now.</param>
public sealed record PresenceChange(PeerInfo Peer, bool IsOnline);
