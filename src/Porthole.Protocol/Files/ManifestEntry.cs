namespace Porthole.Protocol.Files;

/// <summary>One file or folder of a transfer.</summary>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="Parent">The index of the folder that it lies in; -1 at the top.</param>
/// <param name="Name">Its name.</param>
/// <param name="Size">The bytes of a file; 0 of a folder.</param>
/// <param name="Modified">When it was last written, in units of 100 ns since 1970.</param>
/// <param name="Mode">Its permission bits; <see cref="NoMode"/> where the sender's system has none.</param>
public readonly record struct ManifestEntry(bool IsFolder, int Parent, string Name, long Size, long Modified, int Mode)
{
    /// <summary>No permissions are known.</summary>
    public const int NoMode = 0xFFFF;

    /// <summary>The permission bits: never those that give a program somebody else's rights.</summary>
    public const int ModeMask = 0x1FF;

    /// <summary>The earliest time that every system can write: the year 1601.</summary>
    public static readonly long MinModified = new DateTime(1601, 1, 2, 0, 0, 0, DateTimeKind.Utc).Ticks - DateTime.UnixEpoch.Ticks;

    /// <summary>The latest time.</summary>
    public static readonly long MaxModified = DateTime.MaxValue.Ticks - DateTime.UnixEpoch.Ticks;

    /// <summary>When it was last written.</summary>
    public DateTime ModifiedUtc => new(DateTime.UnixEpoch.Ticks + Modified, DateTimeKind.Utc);

    /// <summary>A time as a manifest holds it.</summary>
    public static long ToModified(DateTime utc) => Math.Clamp(utc.Ticks - DateTime.UnixEpoch.Ticks, MinModified, MaxModified);
}
