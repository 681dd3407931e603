namespace Porthole.Files;

/// <summary>How files are sent.</summary>
public sealed record FileSendOptions
{
    /// <summary>Told what happens; null for nobody.</summary>
    public Action<FileTransferEvent>? Observer { get; init; }

    /// <summary>How long the receiver may be silent before the connection counts as broken. A receiver that is there says something every second, also while it asks, hashes or writes.</summary>
    public TimeSpan StallTimeout
    {
        get;
        init => field = value >= TimeSpan.FromSeconds(2)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A receiver says something every second: the time-out is at least 2 s.");
    } = TimeSpan.FromSeconds(5);

    /// <summary>Where time comes from.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
