namespace Porthole.TestPeer;

/// <summary>What a test asks for: call a peer, wait for a direct path, and exchange bytes.</summary>
/// <param name="Peer">Whom to call.</param>
/// <param name="Bytes">How many bytes to send each way.</param>
/// <param name="Rate">At most so many bytes in a second, each way; 0 for no limit.</param>
/// <param name="DirectWithinMs">How long to wait for a direct path before the exchange; 0: do not wait.</param>
internal sealed record Command(string Peer, long Bytes, long Rate = 0, int DirectWithinMs = 0);
