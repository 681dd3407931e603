namespace Porthole.Files;

/// <summary>What was sent.</summary>
/// <param name="Files">How many files are at the receiver, verified.</param>
/// <param name="Bytes">Their sizes together.</param>
/// <param name="Resent">Bytes of files that were sent more than once, over all attempts, also of earlier processes.</param>
/// <param name="Skipped">How many links, special files and files that cannot be named were left out.</param>
/// <param name="Elapsed">How long it took, from the walk through the folders to the receiver's last word.</param>
public sealed record FileSendReport(int Files, long Bytes, long Resent, int Skipped, TimeSpan Elapsed);
