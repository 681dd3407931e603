namespace Porthole.Protocol.Files;

/// <summary>Why an entry is no part of a manifest.</summary>
public enum ManifestFault
{
    /// <summary>Nothing is wrong with it.</summary>
    None,

    /// <summary>The bytes are no entry.</summary>
    Malformed,

    /// <summary>The name is not allowed.</summary>
    Name,

    /// <summary>Its folder is not one, or comes later than it.</summary>
    Parent,

    /// <summary>It stands out of order, or the same name, in whatever case, was there before.</summary>
    OrderOrDuplicate,

    /// <summary>It lies too deep.</summary>
    TooDeep,

    /// <summary>Its path is too long.</summary>
    PathTooLong,

    /// <summary>There are too many entries.</summary>
    TooMany,

    /// <summary>There are too many entries at the top.</summary>
    TooManyRoots,

    /// <summary>All names together are too long.</summary>
    TooManyBytes,

    /// <summary>The size, or all sizes together, are more than can be.</summary>
    Size,

    /// <summary>The mode has more than permissions in it.</summary>
    Mode,

    /// <summary>The time is none.</summary>
    Time,
}
