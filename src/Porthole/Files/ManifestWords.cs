using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>Says what is wrong with an entry.</summary>
internal static class ManifestWords
{
    /// <summary>The end of a sentence.</summary>
    public static string Of(ManifestFault fault, EntryNameFault name) => fault switch
    {
        ManifestFault.None => "nothing is wrong with the list",
        ManifestFault.Malformed => "the list of files is malformed",
        ManifestFault.Name => NameWords.Of(name),
        ManifestFault.Parent => "a file lies in something that is no folder",
        ManifestFault.OrderOrDuplicate => "a name is there twice (upper and lower case being the same), or out of order",
        ManifestFault.TooDeep => $"folders lie more than {FileLimits.MaxDepth} deep",
        ManifestFault.PathTooLong => $"a path has more than {FileLimits.MaxPath} bytes",
        ManifestFault.TooMany => "there are too many files and folders",
        ManifestFault.TooManyRoots => $"there are more than {FileLimits.MaxRoots} files and folders side by side",
        ManifestFault.TooManyBytes => "all names together are too long",
        ManifestFault.Size => "a size is impossible",
        ManifestFault.Mode => "a mode has more than permissions in it",
        ManifestFault.Time => "a time is impossible",
    };

    /// <summary>Which kind of refusal it is.</summary>
    public static FileError ReasonOf(ManifestFault fault) => fault switch
    {
        ManifestFault.TooMany or ManifestFault.TooManyRoots or ManifestFault.TooManyBytes or ManifestFault.Size => FileError.TooLarge,
        _ => FileError.NameNotAllowed,
    };
}
