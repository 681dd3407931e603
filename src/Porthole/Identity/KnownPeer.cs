using Porthole.Protocol;

namespace Porthole.Identity;

/// <summary>A peer that was met before.</summary>
/// <param name="Server">The id of the server at which it held its name: names at different servers are different names.</param>
/// <param name="Name">Its name there; null for a peer without one.</param>
/// <param name="Key">Its key.</param>
/// <param name="FirstSeen">When it was met first.</param>
public sealed record KnownPeer(PeerId Server, string? Name, PublicKey Key, DateTimeOffset FirstSeen);
