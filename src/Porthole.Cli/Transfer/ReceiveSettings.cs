using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Transfer;

/// <summary>What <c>porthole receive</c> was told.</summary>
/// <param name="Folder">Where to put what comes.</param>
/// <param name="Accept">Whose offers to take, or whether to ask.</param>
/// <param name="Code">The pairing code; null to wait for whoever calls.</param>
/// <param name="NamesIdentity">Whether the command line says whose key to use.</param>
/// <param name="Overwrite">Whether what is there by the same name may be replaced.</param>
/// <param name="Once">Whether to end after the first transfer.</param>
/// <param name="Wait">How long to wait for the other side of a code.</param>
/// <param name="Json">Whether to write JSON.</param>
internal sealed record ReceiveSettings(string Folder, AcceptPolicy Accept, PairingCode? Code, bool NamesIdentity, bool Overwrite, bool Once, TimeSpan Wait, bool Json);
