namespace Porthole.Protocol.Files;

/// <summary>The sizes and limits of file transfer (docs/files.md). Those that a receiver may want to lower are defaults of its options.</summary>
public static class FileLimits
{
    /// <summary>The version of what is spoken behind the preamble.</summary>
    public const byte Version = 1;

    /// <summary>Bytes of a file in one chunk: large enough that 32 bytes of hash do not count, small enough that little is lost when a connection breaks.</summary>
    public const int ChunkSize = 256 * 1024;

    /// <summary>The most bytes of a frame behind its header: a chunk with its hash, which no other frame comes near.</summary>
    public const int MaxPayload = HashSize + ChunkSize;

    /// <summary>The most bytes of a frame with entries or hashes: what a reader keeps while it looks at them.</summary>
    public const int MaxBatch = 64 * 1024;

    /// <summary>The length of a SHA-256, in bytes.</summary>
    public const int HashSize = 32;

    /// <summary>How far a sender may be ahead of the acknowledgements, in bytes: what is sent again at worst when a receiver is killed, and the most that fills a path.</summary>
    public const long Window = 8 * 1024 * 1024;

    /// <summary>How many bytes a receiver takes at most before it acknowledges them: an eighth of the window, so that the sender never waits for a late word.</summary>
    public const long AckInterval = Window / 8;

    /// <summary>The most files and folders of one transfer, unless the receiver says otherwise.</summary>
    public const int MaxEntries = 1_000_000;

    /// <summary>The most bytes of names of one transfer: with <see cref="MaxEntries"/> it bounds what a manifest takes in memory.</summary>
    public const int MaxNameBytes = 64 * 1024 * 1024;

    /// <summary>The most files and folders side by side at the top of a transfer: each of them is answered for on its own.</summary>
    public const int MaxRoots = 10_000;

    /// <summary>How deep folders may lie in each other; beyond that paths cannot be opened on some systems.</summary>
    public const int MaxDepth = 64;

    /// <summary>The longest name, in bytes of UTF-8: what common file systems hold.</summary>
    public const int MaxName = 255;

    /// <summary>The longest path from the top of a transfer, in bytes of UTF-8 (PATH_MAX of Linux).</summary>
    public const int MaxPath = 4_096;

    /// <summary>The largest file, and the most bytes of a transfer: 2^62 - 1, so that two of them can be added.</summary>
    public const long MaxBytes = (1L << 62) - 1;

    /// <summary>The longest text of a complaint, in bytes of UTF-8: one line.</summary>
    public const int MaxText = 1_024;
}
