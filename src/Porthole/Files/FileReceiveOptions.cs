using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>What is received, and how.</summary>
public sealed record FileReceiveOptions
{
    /// <summary>Asked before anything is written; null takes everything. Not asked again for the same files when only the connection broke.</summary>
    public Func<FileOffer, CancellationToken, Task<bool>>? Accept { get; init; }

    /// <summary>Whether what is there gives way. A file is replaced whole; in a folder the files that came replace those of the same name, and all others stay.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Told what happens; null for nobody.</summary>
    public Action<FileTransferEvent>? Observer { get; init; }

    /// <summary>The most files and folders of one transfer.</summary>
    public int MaxEntries
    {
        get;
        init => field = value is >= 1 and <= FileLimits.MaxEntries
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"A transfer has 1 to {FileLimits.MaxEntries} files and folders.");
    } = FileLimits.MaxEntries;

    /// <summary>The most bytes of one transfer. Whatever it is, a transfer that the disk has no room for is refused.</summary>
    public long MaxTotalBytes
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A number of bytes is not negative.");
    } = FileLimits.MaxBytes;

    /// <summary>Whether a file counts as received only when the disk has it, so that it survives a power failure. False leaves that to the operating system.</summary>
    public bool FlushToDisk { get; init; } = true;

    /// <summary>How long the sender may be silent before the stream is given up. A sender that is there says something every second.</summary>
    public TimeSpan IdleTimeout
    {
        get;
        init => field = value >= TimeSpan.FromSeconds(2)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A sender says something every second: the time-out is at least 2 s.");
    } = TimeSpan.FromSeconds(60);

    /// <summary>Where time comes from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
