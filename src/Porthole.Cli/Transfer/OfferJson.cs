using System.Text.Json;
using Porthole.Files;

namespace Porthole.Cli.Transfer;

/// <summary>An offer as JSON has it.</summary>
internal static class OfferJson
{
    /// <summary>Writes the fields.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="offer">The offer.</param>
    /// <param name="peer">How the sender is called; null at the sender itself.</param>
    public static void Write(Utf8JsonWriter writer, FileOffer offer, string? peer)
    {
        if (peer is not null)
        {
            writer.WriteString("peer", peer);
            writer.WriteString("peerId", offer.Sender.ToString());
        }

        writer.WriteStartArray("roots");
        foreach (string root in offer.Roots) writer.WriteStringValue(root);
        writer.WriteEndArray();
        writer.WriteNumber("files", offer.Files);
        writer.WriteNumber("folders", offer.Folders);
        writer.WriteNumber("bytes", offer.TotalBytes);
        writer.WriteNumber("here", offer.BytesHere);
        writer.WriteBoolean("continued", offer.IsContinued);
    }
}
