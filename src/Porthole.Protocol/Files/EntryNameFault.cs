namespace Porthole.Protocol.Files;

/// <summary>Why a name is not one that is written to a disk.</summary>
public enum EntryNameFault
{
    /// <summary>The name is fine.</summary>
    None,

    /// <summary>It has no character.</summary>
    Empty,

    /// <summary>It has more than <see cref="FileLimits.MaxName"/> bytes.</summary>
    TooLong,

    /// <summary>It is "." or "..".</summary>
    Dots,

    /// <summary>It has a slash or a backslash in it.</summary>
    Separator,

    /// <summary>It has a control character in it.</summary>
    Control,

    /// <summary>It is no text: half a surrogate pair, or no UTF-8.</summary>
    NotText,

    /// <summary>It is one that this program gives its own files.</summary>
    Own,

    /// <summary>On Windows: a device goes by that name.</summary>
    Device,

    /// <summary>On Windows: it has one of &lt; &gt; : " | ? * in it.</summary>
    WindowsCharacter,

    /// <summary>On Windows: it ends with a dot or a blank, which would be cut off.</summary>
    TrailingDotOrBlank,
}
