using Porthole.Protocol;

namespace Porthole.Identity;

/// <summary>A server that was used before.</summary>
/// <param name="Address">Its host and port, as they were written.</param>
/// <param name="Key">Its key.</param>
/// <param name="FirstSeen">When it was used first.</param>
public sealed record KnownServer(string Address, PublicKey Key, DateTimeOffset FirstSeen);
