using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>Says what is wrong with a name.</summary>
internal static class NameWords
{
    /// <summary>The end of a sentence.</summary>
    public static string Of(EntryNameFault fault) => fault switch
    {
        EntryNameFault.None => "nothing is wrong with the name",
        EntryNameFault.Empty => "a name is empty",
        EntryNameFault.TooLong => $"a name has more than {FileLimits.MaxName} bytes",
        EntryNameFault.Dots => "a name is '.' or '..'",
        EntryNameFault.Separator => "a name has a slash or a backslash in it",
        EntryNameFault.Control => "a name has a control character in it",
        EntryNameFault.NotText => "a name is no text in UTF-8",
        EntryNameFault.Own => $"a name looks like Porthole's own files ('{EntryName.PartSuffix}')",
        EntryNameFault.Device => "a name is that of a device on Windows",
        EntryNameFault.WindowsCharacter => "a name has a character in it that Windows does not allow",
        EntryNameFault.TrailingDotOrBlank => "a name ends with a dot or a blank, which Windows does not allow",
    };
}
