namespace Porthole.Protocol.Files;

/// <summary>Why a file, or a whole transfer, could not be sent or received. The numbers are those of the wire.</summary>
public enum FileError
{
    /// <summary>Reading or writing failed for a reason that has no name here.</summary>
    Failed = 0,

    /// <summary>The file or folder is not there, or has vanished.</summary>
    NotFound = 1,

    /// <summary>The operating system denies access.</summary>
    PermissionDenied = 2,

    /// <summary>The disk is full, or has too little room for what was offered.</summary>
    DiskFull = 3,

    /// <summary>The file changed while it was sent.</summary>
    SourceChanged = 4,

    /// <summary>The name, or the path, is one that is not written here.</summary>
    NameNotAllowed = 5,

    /// <summary>Something of that name is there already, and nothing is overwritten.</summary>
    Exists = 6,

    /// <summary>What arrived is not what was hashed.</summary>
    WrongHash = 7,

    /// <summary>More files or bytes than the receiver takes.</summary>
    TooLarge = 8,

    /// <summary>The receiver does not want it.</summary>
    Refused = 9,

    /// <summary>A newer stream of the same transfer has taken over.</summary>
    Superseded = 10,

    /// <summary>There is nothing to send.</summary>
    NothingToSend = 11,

    /// <summary>A link stands where a file or folder is to be written, or is to be sent: links are neither followed nor sent.</summary>
    Link = 12,

    /// <summary>It is neither a file nor a folder: a device, a pipe, a socket.</summary>
    SpecialFile = 13,

    /// <summary>Another program receives the same transfer into the same folder.</summary>
    InUse = 14,
}
