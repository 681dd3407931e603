using Porthole.Protocol.Peer;

namespace Porthole;

/// <summary>How a connection ended.</summary>
/// <param name="Error">Why, in one word: <see cref="PeerError.ClosedByPeer"/> and <see cref="PeerError.Closed"/> are the orderly ends.</param>
/// <param name="Code">The code that was given with it, 0 to <see cref="PeerConnection.MaxCode"/>.</param>
/// <param name="Text">The reason that was given with it, or one line for a person.</param>
public sealed record ConnectionEnd(PeerError Error, long Code, string Text);
