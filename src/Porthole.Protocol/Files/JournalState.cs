namespace Porthole.Protocol.Files;

/// <summary>What a journal says.</summary>
/// <param name="IsAccepted">Whether the offer was taken once.</param>
/// <param name="Digest">The first 16 bytes of the hash of the manifest that was taken, as a number.</param>
/// <param name="Received">The bytes of chunks that ever came.</param>
/// <param name="Length">How far the journal is whole, in bytes: the next record goes there.</param>
public readonly record struct JournalState(bool IsAccepted, UInt128 Digest, long Received, long Length);
