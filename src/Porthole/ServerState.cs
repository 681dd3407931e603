using Porthole.Protocol.Peer;

namespace Porthole;

/// <summary>How a node stands with its server.</summary>
/// <param name="IsRegistered">Whether the node is registered and can be called.</param>
/// <param name="Error">Why not; null while it is registered.</param>
/// <param name="Text">One line for a person.</param>
/// <param name="WillRetry">Whether the node goes on trying by itself. Connections on direct paths go on either way.</param>
public sealed record ServerState(bool IsRegistered, PeerError? Error, string Text, bool WillRetry);
