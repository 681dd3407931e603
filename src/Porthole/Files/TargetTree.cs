using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>
/// Where the entries of a transfer go, below one folder: roots under a name of their own until they are complete. Nothing here follows a link: each step of a path is looked at
/// before something is made, opened or removed behind it.
/// </summary>
internal sealed class TargetTree(string folder, Manifest manifest, string key)
{
    private static readonly EnumerationOptions s_everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false, ReturnSpecialDirectories = false };

    private const UnixFileMode FileMode0600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode0700 = FileMode0600 | UnixFileMode.UserExecute;
    private const UnixFileMode Readable = UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Enterable = Readable | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The folder that everything goes to.</summary>
    public string Folder => folder;

    /// <summary>Where a root goes when it is complete.</summary>
    public string FinalOf(int root) => Path.Combine(folder, manifest[root].Name);

    /// <summary>Where a root is until then.</summary>
    public string PartOf(int root) => Path.Combine(folder, EntryName.PartOf(manifest[root].Name, key));

    /// <summary>Where an entry is, of a root that is complete or not.</summary>
    public string PathOf(int index, bool isFinal)
    {
        int root = manifest.RootOf(index);
        return Path.Combine(folder, manifest.PathOf(index, Path.DirectorySeparatorChar, isFinal ? null : EntryName.PartOf(manifest[root].Name, key)));
    }

    /// <summary>Whether anything goes by a name, be it a link that leads nowhere.</summary>
    public static bool IsThere(string path) => AttributesOf(path) is not null;

    /// <summary>Whether a link goes by a name.</summary>
    public static bool IsLink(string path) => AttributesOf(path) is { } attributes && (attributes & FileAttributes.ReparsePoint) != 0;

    /// <summary>What goes by a name, a link itself and not what it leads to; null for nothing.</summary>
    public static FileAttributes? AttributesOf(string path) => new FileInfo(path).Attributes is var attributes && (int)attributes == -1 ? null : attributes;

    /// <summary>Looks at each folder on the way to an entry.</summary>
    /// <exception cref="FileException">One of them is a link, or no folder.</exception>
    public void CheckWay(int index, bool isFinal)
    {
        for (int parent = manifest.ParentOf(index); parent >= 0; parent = manifest.ParentOf(parent))
        {
            string path = PathOf(parent, isFinal);
            var attributes = AttributesOf(path) ?? FileAttributes.None;
            if ((attributes & FileAttributes.ReparsePoint) != 0) throw LinkAt(path);
            if ((attributes & FileAttributes.Directory) == 0) throw new FileException(FileError.NotFound, $"{path} is not there (any more).") { Path = path };
        }
    }

    /// <summary>Makes a folder, unless it is there.</summary>
    /// <exception cref="FileException">It cannot be made.</exception>
    public void MakeFolder(int index, bool isFinal)
    {
        CheckWay(index, isFinal);
        string path = PathOf(index, isFinal);
        try
        {
            if (IsLink(path)) throw LinkAt(path);
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
            else if (!Directory.Exists(path)) Directory.CreateDirectory(path, FolderMode0700);
            else if (!isFinal) File.SetUnixFileMode(path, FolderMode0700);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", path);
        }
    }

    /// <summary>Opens a file to write it, new or from an offset on.</summary>
    /// <exception cref="FileException">It cannot be written.</exception>
    public FileStream Open(int index, long offset)
    {
        CheckWay(index, isFinal: false);
        string path = PathOf(index, isFinal: false);
        try
        {
            var attributes = AttributesOf(path);
            if (attributes is { } found && (found & FileAttributes.ReparsePoint) != 0) throw LinkAt(path);
            var options = new FileStreamOptions { Mode = offset == 0 ? FileMode.CreateNew : FileMode.Open, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
            if (offset == 0)
            {
                if (attributes is not null)
                {
                    if (OperatingSystem.IsMacOS() && !IsListed(path)) throw new FileException(FileError.NameNotAllowed, $"{path} and another name beside it are one to this disk. Rename one of them.") { Path = path };
                    File.Delete(path);
                }

                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = FileMode0600;
            }
            else
            {
                MakeWritable(path);
            }

            var file = new FileStream(path, options);
            if (offset == 0) return file;
            if (file.Length > offset) file.SetLength(offset);
            file.Position = offset;
            return file;
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", path);
        }
    }

    /// <summary>Opens a file to hash it; null when there is none, or something else.</summary>
    public Microsoft.Win32.SafeHandles.SafeFileHandle? TryOpen(int index, bool isFinal)
    {
        string path = PathOf(index, isFinal);
        try
        {
            CheckWay(index, isFinal);
            if (!File.Exists(path) || IsLink(path) || UnixFiles.IsSpecial(path)) return null;
            if (!isFinal) MakeWritable(path);
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is FileException || FileErrors.IsLocal(exception))
        {
            return null;
        }
    }

    /// <summary>Gives a file or folder the permissions and the time it had.</summary>
    public void Dress(int index, bool isFinal)
    {
        var entry = manifest[index];
        string path = PathOf(index, isFinal);
        try
        {
            if (IsLink(path)) return;
            if (entry.IsFolder) Directory.SetLastWriteTimeUtc(path, entry.ModifiedUtc);
            else File.SetLastWriteTimeUtc(path, entry.ModifiedUtc);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, ModeOf(entry));
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", path);
        }
    }

    /// <summary>As <see cref="Dress(int, bool)"/>, for a file that is open.</summary>
    public void Dress(int index, FileStream file)
    {
        var entry = manifest[index];
        try
        {
            File.SetLastWriteTimeUtc(file.SafeFileHandle, entry.ModifiedUtc);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file.SafeFileHandle, ModeOf(entry));
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", file.Name);
        }
    }

    /// <summary>Removes from what is left of an earlier attempt what the manifest does not have, or has as something else.</summary>
    /// <param name="isWanted">Of which roots.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public void RemoveStrangers(Func<int, bool> isWanted, CancellationToken cancellationToken)
    {
        bool[] isLooked = new bool[manifest.Roots];
        for (int root = 0; root < isLooked.Length; root++)
        {
            string top = PartOf(root);
            if (!isWanted(root) || !IsThere(top)) continue;
            bool isFolder = manifest.IsFolder(root);
            if (IsLink(top) || (isFolder ? File.Exists(top) : Directory.Exists(top))) Remove(top);
            else isLooked[root] = isFolder;
        }

        // One way through the manifest for all roots together: there may be ten thousand of them, and a million entries.
        for (int i = 0; i < manifest.Count;)
        {
            // What lies in one folder stands together in the manifest.
            cancellationToken.ThrowIfCancellationRequested();
            int parent = manifest.ParentOf(i), first = i;
            while (i < manifest.Count && manifest.ParentOf(i) == parent) i++;
            if (parent >= 0 && isLooked[manifest.RootOf(parent)]) RemoveStrangers(parent, first, i);
        }

        for (int i = 0; i < manifest.Count; i++)
        {
            if (manifest.IsFolder(i) && isLooked[manifest.RootOf(i)] && !HasChildren(i)) RemoveStrangers(i, 0, 0);
        }
    }

    /// <summary>Removes a file, a link itself, or a folder with everything in it.</summary>
    public static void Remove(string path)
    {
        try
        {
            if (IsLink(path) || File.Exists(path)) File.Delete(path);
            else if (Directory.Exists(path)) Directory.Delete(path, recursive: true); // does not follow links
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "remove", path);
        }
    }

    private static FileException LinkAt(string path) => new(FileError.Link, $"{path} is a link, and nothing is written behind links. Remove it.") { Path = path };

    private static UnixFileMode ModeOf(in ManifestEntry entry) =>
        entry.Mode != ManifestEntry.NoMode ? (UnixFileMode)entry.Mode : entry.IsFolder ? FolderMode0700 | Enterable : FileMode0600 | Readable;

    /// <summary>Whether what goes by a name has it to the letter: some disks take the two forms of an accented letter for one.</summary>
    private static bool IsListed(string path) => Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(path)!).Any(one => Path.GetFileName(one) == Path.GetFileName(path));

    /// <summary>A file that was complete may be read-only by now.</summary>
    private static void MakeWritable(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & FileMode0600) != FileMode0600) File.SetUnixFileMode(path, FileMode0600);
    }

    private bool HasChildren(int folder)
    {
        // The manifest is ordered by parents: the first entry with this parent or a later one is found by halving.
        int low = folder + 1, high = manifest.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (manifest.ParentOf(middle) < folder) low = middle + 1;
            else high = middle;
        }

        return low < manifest.Count && manifest.ParentOf(low) == folder;
    }

    private void RemoveStrangers(int parent, int first, int end)
    {
        string path = PathOf(parent, isFinal: false);
        if (IsLink(path) || !Directory.Exists(path)) return;
        var strangers = new List<string>();
        foreach (var child in new DirectoryInfo(path).EnumerateFileSystemInfos("*", s_everything))
        {
            bool isLink = (child.Attributes & FileAttributes.ReparsePoint) != 0;
            if (isLink || IndexOf(child.Name, first, end) is not (>= 0 and var index) || manifest.IsFolder(index) != child is DirectoryInfo) strangers.Add(child.FullName);
        }

        if (strangers.Count > 0) MakeFolder(parent, isFinal: false); // what was complete may be read-only by now
        foreach (string stranger in strangers) Remove(stranger);
    }

    /// <summary>Finds a name among those of one folder, which ascend; -1 for none.</summary>
    private int IndexOf(string name, int first, int end)
    {
        while (first < end)
        {
            int middle = first + (end - first) / 2;
            string one = manifest[middle].Name;
            int order = string.Compare(name, one, StringComparison.OrdinalIgnoreCase);
            if (order == 0) return name == one ? middle : -1;
            if (order > 0) first = middle + 1;
            else end = middle;
        }

        return -1;
    }
}
