using Microsoft.Win32.SafeHandles;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>A file that is read to be sent, with its running hash; one at a time.</summary>
internal sealed class SourceFile : IDisposable
{
    private readonly byte[] _buffer = new byte[FileLimits.ChunkSize];
    private SafeFileHandle? _handle;
    private string _path = string.Empty;
    private int _index = -1;
    private long _size;
    private long _modified;

    /// <summary>The hash of the file as far as it was read.</summary>
    public PrefixHash Hash { get; } = new();

    /// <summary>Opens a file, unless it is open.</summary>
    /// <exception cref="FileException">It cannot be opened, or is not what the manifest says any more.</exception>
    public void Open(SourceTree tree, int index)
    {
        if (_index == index) return;
        Close();
        string path = tree.PathOf(index);
        var entry = tree.Manifest[index];
        try
        {
            // What was an ordinary file may be a link or a pipe by now, which opening would follow or wait for.
            if (TargetTree.IsLink(path)) throw new FileException(FileError.Link, $"{path} has become a link: it is not sent.") { Path = path };
            if (UnixFiles.IsSpecial(path)) throw new FileException(FileError.SpecialFile, $"{path} is no ordinary file any more: it is not sent.") { Path = path };
            _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "read", path);
        }

        (_path, _index, _size, _modified) = (path, index, entry.Size, entry.Modified);
        ThrowIfChanged();
    }

    /// <summary>As <see cref="Open"/>, for a file that need not be readable yet.</summary>
    public bool TryOpen(SourceTree tree, int index)
    {
        try
        {
            Open(tree, index);
            return true;
        }
        catch (FileException)
        {
            return false;
        }
    }

    /// <summary>Reads the file up to an offset without sending it.</summary>
    /// <returns>False when it ends before, or cannot be read.</returns>
    public bool TryHashTo(long offset)
    {
        try
        {
            return Hash.ReadTo(_handle!, offset, _buffer);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            return false;
        }
    }

    /// <summary>Sees to it that the hash stands at an offset.</summary>
    public bool TrySeek(long offset)
    {
        if (Hash.Offset > offset) Hash.Reset();
        return TryHashTo(offset);
    }

    /// <summary>Reads the next piece, whole, and hashes it.</summary>
    /// <exception cref="FileException">It cannot be read, or the file has become shorter.</exception>
    public void Read(Span<byte> destination)
    {
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int read = RandomAccess.Read(_handle!, destination[done..], Hash.Offset + done);
                if (read == 0) throw Changed();
                done += read;
            }
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "read", _path);
        }

        Hash.Append(destination);
    }

    /// <summary>Looks whether the file is still the one of the manifest.</summary>
    /// <exception cref="FileException">It is not.</exception>
    public void ThrowIfChanged()
    {
        try
        {
            if (RandomAccess.GetLength(_handle!) == _size && ManifestEntry.ToModified(File.GetLastWriteTimeUtc(_handle!)) == _modified) return;
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "read", _path);
        }

        throw Changed();
    }

    /// <summary>Closes the file.</summary>
    public void Close()
    {
        _handle?.Dispose();
        (_handle, _index) = (null, -1);
        Hash.Reset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        Hash.Dispose();
    }

    private FileException Changed() => new(FileError.SourceChanged, $"{_path} changed while it was sent. Send it again when nobody writes to it.") { Path = _path };
}
