using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>One mapping of a NAT, for people and tests.</summary>
/// <param name="Internal">The endpoint inside.</param>
/// <param name="External">The endpoint that the outside sees.</param>
/// <param name="Remote">The remote that the mapping is for: an endpoint, an IP address with port 0, or default when it is for all.</param>
/// <param name="Expires">When it ends if nothing refreshes it.</param>
public readonly record struct NatMappingInfo(TransportAddress Internal, TransportAddress External, TransportAddress Remote, Instant Expires);
