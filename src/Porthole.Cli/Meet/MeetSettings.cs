using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Meet;

/// <summary>What <c>porthole meet</c> was told.</summary>
/// <param name="Code">The pairing code; null for the lobby.</param>
/// <param name="IsNew">Whether the code was made here, so that it is to be shown.</param>
/// <param name="IsEphemeral">Whether the key was made for this meeting alone.</param>
/// <param name="Echo">Whether to send back what the other side types.</param>
/// <param name="WaitDirect">How long to look for a direct path before that is a failure; null to go on over the relay.</param>
/// <param name="Json">Whether to write JSON.</param>
/// <param name="Checks">Whether to show every check.</param>
internal sealed record MeetSettings(PairingCode? Code, bool IsNew, bool IsEphemeral, bool Echo, TimeSpan? WaitDirect, bool Json, bool Checks);
