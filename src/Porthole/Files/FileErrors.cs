using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>Turns what the operating system says into one line for a person.</summary>
internal static class FileErrors
{
    private const int UnixNoSpace = 28, UnixQuota = 122, MacQuota = 69, UnixNameTooLong = 36, MacNameTooLong = 63, UnixReadOnly = 30;
    private const int WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether an exception comes from a file system, and not from a stream to a peer.</summary>
    public static bool IsLocal(Exception exception) =>
        exception is UnauthorizedAccessException or NotSupportedException or ArgumentException or System.Security.SecurityException
        || exception is IOException and not PeerException and not FileException;

    /// <summary>Why it failed, in one word.</summary>
    public static FileError ReasonOf(Exception exception) => exception switch
    {
        FileException file => file.Reason,
        UnauthorizedAccessException or System.Security.SecurityException => FileError.PermissionDenied,
        FileNotFoundException or DirectoryNotFoundException => FileError.NotFound,
        PathTooLongException or NotSupportedException or ArgumentException => FileError.NameNotAllowed,
        IOException { HResult: WindowsDiskFull or WindowsHandleDiskFull } => FileError.DiskFull,
        IOException { HResult: UnixNoSpace or UnixQuota or MacQuota } when !OperatingSystem.IsWindows() => FileError.DiskFull,
        IOException { HResult: UnixNameTooLong or MacNameTooLong } when !OperatingSystem.IsWindows() => FileError.NameNotAllowed,
        IOException { HResult: UnixReadOnly } when !OperatingSystem.IsWindows() => FileError.PermissionDenied,
        _ => FileError.Failed,
    };

    /// <summary>What happened to a file, as an exception with one line.</summary>
    /// <param name="exception">What the operating system said.</param>
    /// <param name="verb">What was tried: "read", "write".</param>
    /// <param name="path">The file.</param>
    public static FileException From(Exception exception, string verb, string path)
    {
        if (exception is FileException already) return already;
        var reason = ReasonOf(exception);
        string text = reason switch
        {
            FileError.PermissionDenied => $"No permission to {verb} {path}.",
            FileError.NotFound => $"{path} is not there (any more).",
            FileError.DiskFull => $"No room on the disk to {verb} {path}. Make room and start again: what has come is kept.",
            FileError.NameNotAllowed => $"The file system cannot hold the name {path}.",
            _ => $"Cannot {verb} {path}: {FirstLine(exception.Message)}",
        };
        return new FileException(reason, text, exception) { Path = path };
    }

    private static string FirstLine(string text) => text.Split('\n', '\r')[0];
}
