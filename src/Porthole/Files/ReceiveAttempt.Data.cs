using System.Collections.Immutable;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>The files themselves: verified, then written; at the end the tree as a whole, and then its place.</summary>
internal sealed partial class ReceiveAttempt
{
    /// <summary>Up to so many files each is flushed to the disk on its own; more are flushed all at once, which costs less than a wait for each.</summary>
    private const int MaxSingleFlushes = 64;

    /// <summary>What was verified is acknowledged at the latest after so long, so that progress is seen on slow paths too.</summary>
    private static readonly TimeSpan s_ackPause = TimeSpan.FromMilliseconds(250);

    private readonly HashSet<int> _failedFolders = [];
    private readonly HashSet<int> _failedRoots = [];
    private readonly List<(int Index, FileException Failure)> _late = [];
    private readonly byte[] _ownHash = new byte[FileLimits.HashSize];
    private PrefixHash? _hash;
    private FileStream? _file;
    private bool _isRefused;
    private long _begunWith;
    private long _everReceived;
    private long _lastAck;

    private async Task ReceiveAsync()
    {
        _lastAck = options.TimeProvider.GetTimestamp();
        while (!_state.IsDone)
        {
            var (type, payload) = await ReadAsync().ConfigureAwait(false);
            switch (type)
            {
                case FileFrameType.RootVerdict when FileFrame.TryReadRootVerdict(payload.Span, out int root, out bool same) && _state.HandleRootVerdict(root, same):
                    break;
                case FileFrameType.Begin when FileFrame.TryReadBegin(payload.Span, out long kept, out long toSend) && _state.HandleBegin(kept, toSend):
                    _begunWith = kept;
                    Tell(new FileTransferEvent.Started(kept, _manifest.TotalBytes));
                    await Task.Run(MakeFoldersAsync, _wire.Token).ConfigureAwait(false);
                    break;
                case FileFrameType.FileStart when FileFrame.TryReadFileStart(payload.Span, out int index, out long offset) && _state.HandleFileStart(index, offset):
                    await StartAsync(index, offset).ConfigureAwait(false);
                    break;
                case FileFrameType.Chunk when FileFrame.TryReadChunk(payload, out var hash, out var data) && _state.HandleChunk(data.Length):
                    Write(hash.Span, data.Span);
                    if (_state.IsAckDue || options.TimeProvider.GetElapsedTime(_lastAck) > s_ackPause) await AckAsync().ConfigureAwait(false);
                    break;
                case FileFrameType.FileEnd when payload.Length == FileLimits.HashSize:
                    End(payload.Span);
                    break;
                case FileFrameType.FileFailed when FileFrame.TryReadFileError(payload.Span, out int index, out var reason, out string text) && _state.HandleFileFailed(index):
                    Close();
                    _hashes.Clear(index);
                    Fail(index, new FileException(reason, $"{_other} says: {text}") { Path = _manifest.PathOf(index), IsRemote = true });
                    break;
                case FileFrameType.Done when payload.Length == FileLimits.HashSize && _state.HandleDone():
                    Verify(payload.Span);
                    break;
                default:
                    throw Violation(type);
            }
        }

        await AckAsync().ConfigureAwait(false);
    }

    private async Task MakeFoldersAsync()
    {
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (!_manifest.IsFolder(i) || !_state.IsSent(_manifest.RootOf(i)) || IsInFailedFolder(i)) continue;
            try
            {
                _target.MakeFolder(i, isFinal: false);
            }
            catch (FileException exception) when (exception.Reason != FileError.DiskFull)
            {
                _failedFolders.Add(i);
                Fail(i, exception);
                await TellRefusedAsync(i, exception).ConfigureAwait(false);
            }
        }
    }

    private ValueTask TellRefusedAsync(int index, FileException failure) =>
        _wire.WriteAsync(FileFrame.WriteFileError(FileFrameType.FileRefused, index, failure.Reason, WithoutPlace(failure.Message)));

    private async ValueTask StartAsync(int index, long offset)
    {
        _isRefused = IsInFailedFolder(index);
        if (_isRefused) return;
        try
        {
            if (offset == _manifest.SizeOf(index) && offset > 0) return; // complete already: looked at when it ends
            _file = _target.Open(index, offset);
            _hash = new PrefixHash();
            if (offset == 0) return;
            if (_resumable is var (known, hash) && known == index && hash.Offset == offset)
            {
                _hash.Dispose();
                (_hash, _resumable) = (hash, null);
            }
            else if (!_hash.ReadTo(_file.SafeFileHandle, offset, new byte[FileLimits.ChunkSize]))
            {
                throw new FileException(FileError.Failed, $"{_file.Name} was changed while it was received. Start again.") { Path = _file.Name };
            }
        }
        catch (Exception exception) when (FileErrors.ReasonOf(exception) != FileError.DiskFull && (exception is FileException || FileErrors.IsLocal(exception)))
        {
            Close();
            _isRefused = true;
            var failure = FileErrors.From(exception, "write", _target.PathOf(index, isFinal: false));
            Fail(index, failure);
            await TellRefusedAsync(index, failure).ConfigureAwait(false);
        }
    }

    private void Write(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> data)
    {
        if (!_isRefused)
        {
            _hash!.Append(data);
            _hash.Write(_ownHash);
            if (!hash.SequenceEqual(_ownHash)) throw WrongHash(_manifest.PathOf(_state.File));
            try
            {
                _file!.Write(data);
            }
            catch (Exception exception) when (FileErrors.IsLocal(exception))
            {
                throw FileErrors.From(exception, "write", _file!.Name);
            }
        }

        _state.HandleWritten(data.Length);
    }

    private void End(ReadOnlySpan<byte> hash)
    {
        int index = _state.File;
        if (!_state.HandleFileEnd()) throw Violation(FileFrameType.FileEnd);
        if (!_isRefused)
        {
            if (_file is null) EndKept(index, hash);
            else EndWritten(index, hash);
        }

        _hashes.Set(index, hash);
        Close();
        if (!_isRefused && options.Observer is not null) Tell(new FileTransferEvent.FileCompleted(_manifest.PathOf(index), _manifest.SizeOf(index), hash.ToArray()));
        _isRefused = false;
    }

    private void EndWritten(int index, ReadOnlySpan<byte> hash)
    {
        _hash!.Write(_ownHash);
        if (!hash.SequenceEqual(_ownHash)) throw WrongHash(_manifest.PathOf(index));
        _target.Dress(index, _file!);
        if (options.FlushToDisk && _manifest.Files <= MaxSingleFlushes) Flush(_file!.SafeFileHandle, _file.Name);
    }

    /// <summary>A file of which everything was here: its hash is that of the comparison.</summary>
    private void EndKept(int index, ReadOnlySpan<byte> hash)
    {
        if (!_hashes.TryGet(index, out var own) || !hash.SequenceEqual(own)) throw WrongHash(_manifest.PathOf(index));
        string kept = _target.PathOf(index, isFinal: false);
        if (new FileInfo(kept).Length != _manifest.SizeOf(index)) _target.Open(index, _manifest.SizeOf(index)).Dispose(); // cuts off what is too much
        _target.CheckWay(index, isFinal: false);
        _target.Dress(index, isFinal: false);
    }

    private async ValueTask AckAsync()
    {
        long before = _state.Acknowledged;
        long received = _state.TakeAck();
        _lastAck = options.TimeProvider.GetTimestamp();
        _journal!.Receive(_everReceived + received);
        await _wire.WriteAsync(FileFrame.WriteAck(received)).ConfigureAwait(false);
        if (received > before || _state.IsDone) Tell(new FileTransferEvent.Progress(_begunWith + received, _manifest.TotalBytes, path()));
    }

    private void Verify(ReadOnlySpan<byte> hash)
    {
        if (!TreeListing.Hash(_manifest, _hashes, _state.IsSent).AsSpan().SequenceEqual(hash)) throw WrongHash("the tree as a whole");
    }

    /// <summary>Gives everything that is complete its place.</summary>
    /// <exception cref="FileException">Not everything is complete.</exception>
    private ImmutableArray<ReceivedRoot> Finish()
    {
        var done = ImmutableArray.CreateBuilder<ReceivedRoot>();
        byte[]?[] folderHashes = new byte[_roots.Length][];
        TreeListing.Hash(_manifest, _hashes, root => _state.IsSent(root) || _state.IsSame(root), folderHashes);
        DressFolders();
        if (options.FlushToDisk && _manifest.Files > MaxSingleFlushes) FlushAll();
        long[] bytes = new long[_roots.Length];
        for (int i = 0; i < _manifest.Count; i++) bytes[_manifest.RootOf(i)] += _manifest.SizeOf(i);
        bool[] isMerged = Merge();
        for (int root = 0; root < _roots.Length; root++)
        {
            bool same = _state.IsSame(root);
            if (!same && !_state.IsSent(root))
            {
                Fail(root, new FileException(FileError.Exists, $"{_target.FinalOf(root)} is there already and is not the same. Use --overwrite, or another folder.") { Path = _target.FinalOf(root) });
                continue;
            }

            if (_failedRoots.Contains(root)) continue;
            try
            {
                if (!same && !isMerged[root]) Publish(root);
            }
            catch (Exception exception) when (exception is FileException || FileErrors.IsLocal(exception))
            {
                FailLate(root, FileErrors.From(exception, "write", _target.FinalOf(root)));
                continue;
            }

            var hash = folderHashes[root] ?? (_hashes.TryGet(root, out var own) ? own.ToArray() : System.Security.Cryptography.SHA256.HashData([]));
            done.Add(new ReceivedRoot(_target.FinalOf(root), _manifest.IsFolder(root), bytes[root], hash, same));
        }

        if (Failures.IsNone || !Enumerable.Range(0, _roots.Length).Any(root => TargetTree.IsThere(_target.PartOf(root)))) _journal!.Delete(); // what was refused whole leaves nothing to go on with
        return done.ToImmutable();
    }

    private void Publish(int root)
    {
        string part = _target.PartOf(root), final = _target.FinalOf(root);
        if (options.Overwrite && !_manifest.IsFolder(root) && TargetTree.IsThere(final))
        {
            ThrowUnlessFile(final);
            File.Move(part, final, overwrite: true); // a link that comes right now would be replaced, and not what it leads to
            return;
        }

        try
        {
            UnixFiles.Publish(part, final, _manifest.IsFolder(root));
        }
        catch (IOException exception) when (exception is not FileException && TargetTree.IsThere(final))
        {
            throw new FileException(FileError.Exists, $"{final} has come into being meanwhile. What came is kept: remove one of the two and start again.", exception) { Path = final };
        }
    }

    /// <summary>Moves the files of folders into those that are there, in one way through the manifest for all of them.</summary>
    /// <returns>Which roots that are.</returns>
    private bool[] Merge()
    {
        bool[] isMerged = [.. Enumerable.Range(0, _roots.Length).Select(root =>
            options.Overwrite && _manifest.IsFolder(root) && _state.IsSent(root) && !_failedRoots.Contains(root) && TargetTree.IsThere(_target.FinalOf(root)))];
        for (int i = 0; i < _manifest.Count; i++) InMerged(i, Merge);
        for (int i = _manifest.Count - 1; i >= 0; i--)
        {
            if (_manifest.IsFolder(i)) InMerged(i, folder => _target.Dress(folder, isFinal: true));
        }

        for (int root = 0; root < _roots.Length; root++) InMerged(root, part => TargetTree.Remove(_target.PartOf(part)));
        return isMerged;

        void InMerged(int index, Action<int> action)
        {
            int root = _manifest.RootOf(index);
            if (!isMerged[root] || _failedRoots.Contains(root)) return;
            try
            {
                action(index);
            }
            catch (Exception exception) when (exception is FileException || FileErrors.IsLocal(exception))
            {
                FailLate(root, FileErrors.From(exception, "write", _target.FinalOf(root)));
            }
        }
    }

    private void Merge(int index)
    {
        if (_manifest.IsFolder(index))
        {
            _target.MakeFolder(index, isFinal: true);
            _target.MakeFolder(index, isFinal: false); // it has its permissions already, and nothing can be moved out of a read-only folder
            return;
        }

        string final = _target.PathOf(index, isFinal: true), part = _target.PathOf(index, isFinal: false);
        _target.CheckWay(index, isFinal: true);
        ThrowUnlessFile(final);
        if (File.Exists(part)) File.Move(part, final, overwrite: true);
    }

    /// <summary>A file gives way to a file, and nothing else does.</summary>
    private static void ThrowUnlessFile(string final)
    {
        if (TargetTree.IsLink(final) || Directory.Exists(final)) throw new FileException(FileError.Exists, $"{final} is a folder or a link, and a file does not replace it.") { Path = final };
    }

    /// <summary>Folders get their permissions and times last, from the deepest up: writing into one would change its time, or be forbidden.</summary>
    private void DressFolders()
    {
        for (int i = _manifest.Count - 1; i >= 0; i--)
        {
            int root = _manifest.RootOf(i);
            if (!_manifest.IsFolder(i) || !_state.IsSent(root) || _failedRoots.Contains(root)) continue;
            try
            {
                _target.CheckWay(i, isFinal: false);
                _target.Dress(i, isFinal: false);
            }
            catch (FileException exception)
            {
                FailLate(i, exception);
            }
        }
    }

    private void FlushAll()
    {
        if (UnixFiles.FlushFileSystem(_journal!.Handle)) return;
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (_manifest.IsFolder(i) || !_state.IsSent(_manifest.RootOf(i))) continue;
            using var file = _target.TryOpen(i, isFinal: false);
            if (file is not null) Flush(file, _target.PathOf(i, isFinal: false));
        }
    }

    private static void Flush(Microsoft.Win32.SafeHandles.SafeFileHandle file, string name)
    {
        try
        {
            RandomAccess.FlushToDisk(file);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", name);
        }
    }

    private bool IsInFailedFolder(int index)
    {
        if (_failedFolders.Count == 0) return false;
        for (int parent = _manifest.ParentOf(index); parent >= 0; parent = _manifest.ParentOf(parent))
        {
            if (_failedFolders.Contains(parent)) return true;
        }

        return false;
    }

    private void Fail(int index, FileException exception)
    {
        _failedRoots.Add(_manifest.RootOf(index));
        Failures.Add(exception);
        Tell(new FileTransferEvent.Skipped(_manifest.PathOf(index), exception.Reason, exception.Message));
    }

    /// <summary>What failed when everything was sent: the sender is told before the last word.</summary>
    private void FailLate(int index, FileException exception)
    {
        _late.Add((index, exception));
        Fail(index, exception);
    }

    private async Task TellLateAsync()
    {
        foreach (var (index, failure) in _late) await TellRefusedAsync(index, failure).ConfigureAwait(false);
    }

    /// <summary>Writes down what came, so that the count is right however the stream ended.</summary>
    private void CloseJournal()
    {
        _resumable?.Hash.Dispose();
        if (_journal is null) return;
        try
        {
            if (_state is not null && _journal.IsOpen) _journal.Receive(_everReceived + _state.Received);
        }
        catch (FileException)
        {
            // A full disk has ended the transfer already.
        }

        _journal.Dispose();
    }

    private void Close()
    {
        _file?.Dispose();
        _hash?.Dispose();
        (_file, _hash) = (null, null);
    }

    private FileException WrongHash(string what) =>
        new(FileError.WrongHash, $"{PlainText.Of(what)} did not arrive as {_other} hashed it. Nothing of it was kept; start again, and suspect memory or disk if it happens twice.");
}
