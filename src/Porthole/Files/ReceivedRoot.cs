namespace Porthole.Files;

/// <summary>A file or folder that is complete and in its place.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="Bytes">Its size; of a folder, of all files in it.</param>
/// <param name="Sha256">The SHA-256 of the file; of a folder, that of its listing (docs/files.md).</param>
/// <param name="WasHere">Whether it was there before, the same.</param>
public sealed record ReceivedRoot(string Path, bool IsFolder, long Bytes, ReadOnlyMemory<byte> Sha256, bool WasHere);
