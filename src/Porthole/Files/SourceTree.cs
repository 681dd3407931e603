using System.Security.Cryptography;
using System.Text;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>What is to be sent: the manifest, and where each root is on this disk.</summary>
internal sealed class SourceTree
{
    private static readonly EnumerationOptions s_everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false, ReturnSpecialDirectories = false };

    private readonly Action<FileTransferEvent>? _observer;
    private readonly List<string> _rootPaths = [];

    private SourceTree(Action<FileTransferEvent>? observer) => _observer = observer;

    /// <summary>The entries.</summary>
    public Manifest Manifest { get; } = new();

    /// <summary>How much was left out.</summary>
    public int Skipped { get; private set; }

    /// <summary>Walks through everything that the paths name, a folder at a time. Links are left out, and so is what is neither file nor folder, with a line for each.</summary>
    /// <exception cref="FileException">A path is not there or cannot be read, or there is nothing to send, or too much.</exception>
    public static SourceTree Walk(IReadOnlyList<string> paths, Action<FileTransferEvent>? observer, CancellationToken cancellationToken)
    {
        var tree = new SourceTree(observer);
        tree.AddRoots(paths);
        for (int i = 0; i < tree.Manifest.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (tree.Manifest.IsFolder(i)) tree.AddChildren(i);
        }

        return tree;
    }

    /// <summary>The id of what is sent: the same for the same paths, whatever is in them by now.</summary>
    public static TransferId IdOf(IEnumerable<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("porthole-files/1"u8);
        foreach (string path in paths.Select(Full).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(path));
            hash.AppendData([0]);
        }

        return TransferId.Read(hash.GetHashAndReset());
    }

    /// <summary>Where an entry is on this disk.</summary>
    public string PathOf(int index)
    {
        int root = Manifest.RootOf(index);
        return root == index ? _rootPaths[root] : Path.Combine(Path.GetDirectoryName(_rootPaths[root])!, Manifest.PathOf(index, Path.DirectorySeparatorChar));
    }

    private static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private void AddRoots(IReadOnlyList<string> paths)
    {
        var roots = new List<(FileSystemInfo Info, string Path)>();
        foreach (string path in paths)
        {
            string full = Full(path);
            FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
            if (!info.Exists && info.LinkTarget is null) throw new FileException(FileError.NotFound, $"{path} is not there. Check the path.") { Path = path };
            if (info.LinkTarget is not null) throw new FileException(FileError.Link, $"{path} is a link, and links are not sent. Name what it leads to.") { Path = path };
            if (info.Name.Length == 0 || Path.GetDirectoryName(full) is null) throw new FileException(FileError.NameNotAllowed, $"{path} has no name of its own. Name a folder in it.") { Path = path };
            if (info is FileInfo && UnixFiles.IsSpecial(full)) throw new FileException(FileError.SpecialFile, $"{path} is neither a file nor a folder.") { Path = path };
            if (EntryName.CheckRoot(info.Name, windows: false) is not EntryNameFault.None and var fault) throw new FileException(FileError.NameNotAllowed, $"{path} cannot be sent: {NameWords.Of(fault)}.") { Path = path };
            roots.Add((info, full));
        }

        roots.Sort(static (left, right) => string.Compare(left.Info.Name, right.Info.Name, StringComparison.OrdinalIgnoreCase));
        for (int i = 0; i < roots.Count; i++)
        {
            if (i > 0 && roots[i].Info.Name.Equals(roots[i - 1].Info.Name, StringComparison.OrdinalIgnoreCase))
            {
                throw new FileException(FileError.NameNotAllowed, $"{roots[i - 1].Path} and {roots[i].Path} have the same name. Send them one after the other.") { Path = roots[i].Path };
            }

            _rootPaths.Add(roots[i].Path);
            if (!TryAdd(roots[i].Info, -1)) throw new FileException(FileError.Failed, $"{roots[i].Path} cannot be read.") { Path = roots[i].Path };
        }

        if (roots.Count == 0) throw new FileException(FileError.NothingToSend, "There is nothing to send. Name a file or a folder.");
    }

    private void AddChildren(int folder)
    {
        string path = PathOf(folder);
        var children = new List<FileSystemInfo>();
        try
        {
            foreach (var child in new DirectoryInfo(path).EnumerateFileSystemInfos("*", s_everything)) children.Add(child);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "read", path);
        }

        children.Sort(static (left, right) => string.Compare(left.Name, right.Name, StringComparison.OrdinalIgnoreCase) is not 0 and var order
            ? order
            : string.CompareOrdinal(left.Name, right.Name));
        string? before = null;
        foreach (var child in children)
        {
            if ((child.Attributes & FileAttributes.ReparsePoint) != 0)
            {
                Skip(child, FileError.Link, "is a link, and links are not sent");
            }
            else if (child is FileInfo && UnixFiles.IsSpecial(child.FullName))
            {
                Skip(child, FileError.SpecialFile, "is neither a file nor a folder");
            }
            else if (EntryName.Check(child.Name, windows: false) is not EntryNameFault.None and var fault)
            {
                Skip(child, FileError.NameNotAllowed, $"cannot be sent: {NameWords.Of(fault)}");
            }
            else if (child.Name.Equals(before, StringComparison.OrdinalIgnoreCase))
            {
                Skip(child, FileError.NameNotAllowed, $"differs from {before} beside it only in upper and lower case, which not every disk can tell apart; rename it");
            }
            else if (TryAdd(child, folder))
            {
                before = child.Name;
            }
        }
    }

    private bool TryAdd(FileSystemInfo info, int parent)
    {
        int mode = ManifestEntry.NoMode;
        long size, modified;
        try
        {
            if (!OperatingSystem.IsWindows()) mode = (int)info.UnixFileMode & ManifestEntry.ModeMask;
            modified = ManifestEntry.ToModified(info.LastWriteTimeUtc);
            size = info is FileInfo file ? file.Length : 0;
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            Skip(info, FileErrors.ReasonOf(exception), "cannot be read");
            return false;
        }

        var fault = Manifest.Add(new ManifestEntry(info is DirectoryInfo, parent, info.Name, size, modified, mode));
        if (fault is ManifestFault.None) return true;
        string why = ManifestWords.Of(fault, Manifest.NameFault);
        if (fault is ManifestFault.TooMany or ManifestFault.TooManyRoots or ManifestFault.TooManyBytes) throw new FileException(FileError.TooLarge, $"Too much to send at once: {why}. Send it in parts.");
        Skip(info, FileError.NameNotAllowed, $"cannot be sent: {why}");
        return false;
    }

    private void Skip(FileSystemInfo info, FileError reason, string why)
    {
        Skipped++;
        _observer?.Invoke(new FileTransferEvent.Skipped(info.FullName, reason, $"{PlainText.Of(info.FullName)} {why}."));
    }
}
