using System.Collections.Immutable;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Transfer;

/// <summary>What <c>porthole send</c> was told.</summary>
/// <param name="Paths">What is sent.</param>
/// <param name="Target">To whom; null where a code says it.</param>
/// <param name="Code">The pairing code; null where there is a target.</param>
/// <param name="IsNewCode">Whether the code was made here, so that it is to be shown.</param>
/// <param name="NamesIdentity">Whether the command line says whose key to use.</param>
/// <param name="Wait">How long to wait for the other side; null for the standard: not at all at first contact, and then for a while.</param>
/// <param name="Json">Whether to write JSON.</param>
internal sealed record SendSettings(ImmutableArray<string> Paths, PeerTarget? Target, PairingCode? Code, bool IsNewCode, bool NamesIdentity, TimeSpan? Wait, bool Json);
