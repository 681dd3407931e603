using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>A file, or a whole transfer, could not be sent or received. The message is one line for a person: what, why, and what to do. What was verified stays, and a later attempt goes on from there.</summary>
public sealed class FileException : IOException
{
    /// <summary>Creates an exception.</summary>
    /// <param name="reason">Why, in one word.</param>
    /// <param name="message">One line for a person.</param>
    /// <param name="inner">What caused it, if that was an exception.</param>
    public FileException(FileError reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    /// <summary>Why, in one word.</summary>
    public FileError Reason { get; }

    /// <summary>The file or folder that it is about; null for the transfer as a whole.</summary>
    public string? Path { get; init; }

    /// <summary>Whether the other side said so: then it is about its disk, or its rules.</summary>
    public bool IsRemote { get; init; }
}
