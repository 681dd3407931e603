using Porthole.Protocol;

namespace Porthole.Cli.Transfer;

/// <summary>Who was met by a code, so that the same command goes on with the transfer when the code itself is long burnt.</summary>
/// <param name="Side">Which side this one was.</param>
/// <param name="Code">The code's public part.</param>
/// <param name="Peer">The other side's key.</param>
/// <param name="Self">This side's id.</param>
/// <param name="Key">This side's private key, made for this code alone; null where the command named an identity, which has its own file.</param>
/// <param name="Until">When the entry is forgotten.</param>
internal sealed record Pairing(TransferSide Side, string Code, PublicKey Peer, PeerId Self, byte[]? Key, DateTimeOffset Until);
