using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Files;

/// <summary>What a peer wants to send.</summary>
/// <param name="Sender">Who sends, by the key it has proved.</param>
/// <param name="SenderName">The name it goes by; null for none.</param>
/// <param name="Roots">The names of the files and folders at the top.</param>
/// <param name="Files">How many files there are in all.</param>
/// <param name="Folders">How many folders there are in all.</param>
/// <param name="TotalBytes">The sizes of all files together.</param>
/// <param name="BytesHere">What is on the disk of an earlier attempt. It is verified before it is kept.</param>
/// <param name="IsContinued">Whether exactly this was taken before, and the attempt broke off.</param>
public sealed record FileOffer(
    PeerId Sender, string? SenderName, ImmutableArray<string> Roots, int Files, int Folders, long TotalBytes, long BytesHere, bool IsContinued);
