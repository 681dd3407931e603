using Porthole.Protocol.Files;

namespace Porthole.Tests.Files;

/// <summary>Frames by hand, for sides that do not keep to the protocol.</summary>
internal static class Wire
{
    /// <summary>Writes a whole manifest and its end.</summary>
    public static async Task OfferAsync(Stream stream, Manifest manifest)
    {
        byte[] frame = new byte[FileFrame.HeaderSize + FileLimits.MaxBatch];
        for (int next = 0; next < manifest.Count;)
        {
            next = manifest.Encode(next, frame.AsSpan(FileFrame.HeaderSize), out int written);
            FileFrame.WriteHeader(frame, FileFrameType.Entries, written);
            await stream.WriteAsync(frame.AsMemory(0, FileFrame.HeaderSize + written));
        }

        await stream.WriteAsync(FileFrame.WriteEntriesEnd(manifest.Count, manifest.TotalBytes, manifest.Digest()));
    }
}
