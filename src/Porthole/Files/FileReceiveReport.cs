using System.Collections.Immutable;

namespace Porthole.Files;

/// <summary>What was received.</summary>
/// <param name="Roots">The files and folders at the top, in the order of their names.</param>
/// <param name="Bytes">Their sizes together.</param>
/// <param name="Elapsed">How long it took, from the offer to the last file in its place.</param>
public sealed record FileReceiveReport(ImmutableArray<ReceivedRoot> Roots, long Bytes, TimeSpan Elapsed);
