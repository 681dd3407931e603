namespace Porthole.TestPeer;

/// <summary>What a test asks for: call a peer, wait for a direct path, and exchange bytes. Or, with nobody to call, to hear the server late from now on.</summary>
/// <param name="Peer">Whom to call.</param>
/// <param name="Bytes">How many bytes to send each way.</param>
/// <param name="Rate">At most so many bytes in a second, each way; 0 for no limit.</param>
/// <param name="DirectWithinMs">How long to wait for a direct path before the exchange; 0: do not wait.</param>
/// <param name="LateMs">By how much what the server says comes late.</param>
internal sealed record Command(string? Peer, long Bytes, long Rate = 0, int DirectWithinMs = 0, int LateMs = 0);
