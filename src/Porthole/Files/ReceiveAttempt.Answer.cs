using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>What is there before the first byte is sent: looked at, answered for, and hashed for the sender to compare.</summary>
internal sealed partial class ReceiveAttempt
{
    private long _bytesHere;
    private bool _isContinued;
    private (int Index, PrefixHash Hash)? _resumable;

    /// <summary>Looks how each root stands, and whether there is room. Nothing is written.</summary>
    /// <exception cref="FileException">There is no room.</exception>
    private void Look()
    {
        _target = new TargetTree(folder, _manifest, _key);
        _roots = new RootState[_manifest.Roots];
        bool[] hasPart = new bool[_roots.Length];
        for (int root = 0; root < _roots.Length; root++)
        {
            hasPart[root] = TargetTree.IsThere(_target.PartOf(root));
            string final = _target.FinalOf(root);
            if (!TargetTree.IsThere(final) || (options.Overwrite && hasPart[root])) continue;
            bool fits = !TargetTree.IsLink(final) && Directory.Exists(final) == _manifest.IsFolder(root);
            _roots[root] = !fits ? RootState.Blocked : options.Overwrite ? RootState.Replaceable : RootState.Existing;
        }

        CompareShapes();
        for (int i = 0; i < _manifest.Count; i++)
        {
            int root = _manifest.RootOf(i);
            if (_manifest.IsFolder(i) || _roots[root] != RootState.Wanted || !hasPart[root]) continue;
            var info = new FileInfo(_target.PathOf(i, isFinal: false));
            if (info.Exists && info.LinkTarget is null) _bytesHere += Math.Min(info.Length, _manifest.SizeOf(i));
        }

        var journal = TransferJournal.Look(folder, _key, sender, Id);
        _isContinued = journal.IsAccepted && journal.Digest == System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(_digest);
        long needed = -_bytesHere;
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (_roots[_manifest.RootOf(i)] is RootState.Wanted or RootState.Replaceable) needed += _manifest.SizeOf(i);
        }

        if (FreeSpace() is { } free && needed > free)
        {
            throw new FileException(FileError.DiskFull, $"No room: {needed} bytes are to come and the disk has {free} left. Make room, or receive elsewhere.");
        }
    }

    /// <summary>What is there of a root can only be the same if every file of it is there with its size.</summary>
    private void CompareShapes()
    {
        for (int i = 0; i < _manifest.Count; i++)
        {
            int root = _manifest.RootOf(i);
            if (_roots[root] is not (RootState.Existing or RootState.Replaceable)) continue;
            string final = _target.PathOf(i, isFinal: true);
            bool fits = !TargetTree.IsLink(final) && (_manifest.IsFolder(i) ? Directory.Exists(final) : new FileInfo(final) is { Exists: true } info && info.Length == _manifest.SizeOf(i));
            if (!fits) _roots[root] = _roots[root] == RootState.Existing ? RootState.Blocked : RootState.Wanted;
        }
    }

    private long? FreeSpace()
    {
        try
        {
            string? at = Path.GetFullPath(folder);
            while (at is not null && !Directory.Exists(at)) at = Path.GetDirectoryName(at);
            return at is null ? null : new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(at)! : at).AvailableFreeSpace;
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            return null; // a file system that does not say; writing tells
        }
    }

    /// <summary>Answers, and sends the hashes of everything that is there.</summary>
    private async Task AnswerAsync()
    {
        await Task.Run(OpenJournal, _wire.Token).ConfigureAwait(false);
        _everReceived = _journal!.State.Received;
        _hashes = new FileHashes(_manifest.Count);
        _state = new ReceivingState(_manifest, _roots);
        await _wire.WriteAsync(FileFrame.WriteAnswer(_everReceived, _roots)).ConfigureAwait(false);
        await Task.Run(SendHashesAsync, _wire.Token).ConfigureAwait(false);
        await _wire.WriteAsync(FileFrame.Write(FileFrameType.HaveEnd)).ConfigureAwait(false);
    }

    private void OpenJournal()
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", folder);
        }

        _journal = TransferJournal.Open(folder, _key, sender, Id);
        _journal.Accept(_digest);
        _target.RemoveStrangers(root => _roots[root] == RootState.Wanted, _wire.Token);
    }

    /// <summary>Hashes what is there, a file at a time, with the hash at the end of each chunk: the sender keeps what is the same up to the first difference.</summary>
    private async Task SendHashesAsync()
    {
        byte[] batch = new byte[FileLimits.MaxBatch], buffer = new byte[FileLimits.ChunkSize], hashes = new byte[FileFrame.MaxHashes * FileLimits.HashSize];
        int filled = 0;
        bool[] isThere = [.. Enumerable.Range(0, _roots.Length).Select(root => _roots[root] is RootState.Existing or RootState.Replaceable
            || (_roots[root] == RootState.Wanted && TargetTree.IsThere(_target.PartOf(root))))];
        for (int i = 0; i < _manifest.Count; i++)
        {
            int root = _manifest.RootOf(i);
            if (_manifest.IsFolder(i) || !isThere[root]) continue;
            using var file = _target.TryOpen(i, isFinal: _roots[root] != RootState.Wanted);
            if (file is null) continue;
            long length = Math.Min(RandomAccess.GetLength(file), _manifest.SizeOf(i));
            if (length == 0) continue;
            var hash = new PrefixHash();
            int count = 0, first = 0;
            while (hash.Offset < length)
            {
                _wire.Token.ThrowIfCancellationRequested();
                if (!TryHash(hash, file, hash.NextEnd(length), buffer)) break;
                hash.Write(hashes.AsSpan(count++ * FileLimits.HashSize, FileLimits.HashSize));
                bool isLast = hash.Offset == length;
                if (!isLast && count < FileFrame.MaxHashes) continue;
                int size = FileFrame.HaveHeader + count * FileLimits.HashSize;
                if (filled + size > batch.Length)
                {
                    await _wire.WriteAsync(batch.AsMemory(0, filled)).ConfigureAwait(false);
                    filled = 0;
                }

                if (first == 0) _state.Offer(i, length);
                FileFrame.WriteHaveHeader(batch.AsSpan(filled), i, length, first, count);
                hashes.AsSpan(0, count * FileLimits.HashSize).CopyTo(batch.AsSpan(filled + FileFrame.HaveHeader));
                filled += size;
                first += count;
                if (isLast && length == _manifest.SizeOf(i)) _hashes.Set(i, hashes.AsSpan((count - 1) * FileLimits.HashSize, FileLimits.HashSize));
                count = 0;
            }

            KeepResumable(i, hash);
        }

        if (filled > 0) await _wire.WriteAsync(batch.AsMemory(0, filled)).ConfigureAwait(false);
    }

    private static bool TryHash(PrefixHash hash, Microsoft.Win32.SafeHandles.SafeFileHandle file, long end, byte[] buffer)
    {
        try
        {
            return hash.ReadTo(file, end, buffer);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            return false;
        }
    }

    /// <summary>Keeps the running hash of the last file that is not complete: it most likely goes on from there, and need not be read again.</summary>
    private void KeepResumable(int index, PrefixHash hash)
    {
        if (hash.Offset < _manifest.SizeOf(index))
        {
            _resumable?.Hash.Dispose();
            _resumable = (index, hash);
        }
        else
        {
            hash.Dispose();
        }
    }
}
