using System.Collections.Concurrent;
using System.Threading.Channels;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>The files themselves: one task reads and hashes, one writes to the stream, one listens.</summary>
internal sealed partial class SendAttempt
{
    /// <summary>How much one batch of frames holds: one chunk, and small files besides.</summary>
    private const int BatchSize = FileFrame.ChunkHeader + FileLimits.ChunkSize + 64 * 1024;

    /// <summary>Batches between reading and writing: enough that neither waits for a moment of the other.</summary>
    private const int Batches = 4;

    /// <summary>How long to wait for the reason when the receiver has closed the stream.</summary>
    private static readonly TimeSpan s_lastWord = TimeSpan.FromSeconds(2);

    private readonly Channel<Batch> _batches = Channel.CreateBounded<Batch>(Batches);
    private readonly ConcurrentQueue<byte[]> _free = new();
    private byte[] _batch = [];
    private int _batchLength;
    private int _batchPayload;
    private bool[] _isSent = [];
    private bool[] _isSame = [];
    private volatile bool _isDone;

    private readonly record struct Batch(byte[] Bytes, int Length, int Payload);

    private async Task SendAsync()
    {
        var reading = Task.Run(ProduceAsync, CancellationToken.None);
        var writing = WriteBatchesAsync();
        var listening = ListenAsync();
        try
        {
            // Whoever fails first says why; the others only notice that it is over.
            var first = await Task.WhenAny(reading, writing, listening).ConfigureAwait(false);
            while (first.IsCompletedSuccessfully && !listening.IsCompleted)
            {
                first = await Task.WhenAny(new[] { reading, writing, listening }.Where(static task => !task.IsCompletedSuccessfully)).ConfigureAwait(false);
            }

            // A receiver that gives up says why, and closes; the word may come later than the closed door. Silence too is noticed by who listens.
            if (first != listening) await Task.WhenAny(listening, Task.Delay(s_lastWord, options.TimeProvider)).ConfigureAwait(false);
            await (listening.IsFaulted ? listening : first).ConfigureAwait(false);
        }
        finally
        {
            _wire.Stop();
            await Task.WhenAll(reading, writing, listening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        int files = 0;
        long bytes = 0;
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (_manifest.IsFolder(i) || (!_isSame[_manifest.RootOf(i)] && !_hashes.TryGet(i, out _))) continue;
            files++;
            bytes += _manifest.SizeOf(i);
        }

        Delivered = (files, bytes);
    }

    /// <summary>Reads every file in order into batches.</summary>
    private async Task ProduceAsync()
    {
        _batch = new byte[BatchSize];
        using var source = new SourceFile();
        for (int i = 0; i < _manifest.Count; i++)
        {
            if (_manifest.IsFolder(i) || !_isSent[_manifest.RootOf(i)]) continue;
            try
            {
                await ProduceAsync(source, i).ConfigureAwait(false);
            }
            catch (FileException exception)
            {
                _hashes.Clear(i);
                Fail(i, exception);
                await AppendAsync(FileFrame.WriteFileError(FileFrameType.FileFailed, i, exception.Reason, exception.Message)).ConfigureAwait(false);
            }

            source.Close();
        }

        byte[] done = new byte[FileFrame.FileEndSize];
        FileFrame.WriteHash(done, FileFrameType.Done, TreeListing.Hash(_manifest, _hashes, root => _isSent[root]));
        await AppendAsync(done).ConfigureAwait(false);
        _isDone = true;
        await FlushAsync().ConfigureAwait(false);
        _batches.Writer.Complete();
    }

    private async Task ProduceAsync(SourceFile source, int index)
    {
        long size = _manifest.SizeOf(index), offset = _state.KeptOf(index);
        source.Open(tree, index);
        if (offset > 0 && !source.TrySeek(offset)) throw new FileException(FileError.SourceChanged, $"{tree.PathOf(index)} changed while it was sent. Send it again when nobody writes to it.") { Path = tree.PathOf(index) };
        await RoomAsync(FileFrame.FileStartSize).ConfigureAwait(false);
        FileFrame.WriteFileStart(_batch.AsSpan(_batchLength), index, offset);
        _batchLength += FileFrame.FileStartSize;
        while (source.Hash.Offset < size)
        {
            int length = (int)(source.Hash.NextEnd(size) - source.Hash.Offset);
            await WaitForWindowAsync(length).ConfigureAwait(false);
            await RoomAsync(FileFrame.ChunkHeader + length).ConfigureAwait(false);
            source.Read(_batch.AsSpan(_batchLength + FileFrame.ChunkHeader, length));
            FileFrame.WriteHeader(_batch.AsSpan(_batchLength), FileFrameType.Chunk, FileLimits.HashSize + length);
            source.Hash.Write(_batch.AsSpan(_batchLength + FileFrame.HeaderSize, FileLimits.HashSize));
            _batchLength += FileFrame.ChunkHeader + length;
            _batchPayload += length;
            lock (_gate) _state.HandleSent(length);
        }

        source.ThrowIfChanged();
        await RoomAsync(FileFrame.FileEndSize).ConfigureAwait(false);
        var end = _batch.AsMemory(_batchLength, FileFrame.FileEndSize);
        FileFrame.WriteHeader(end.Span, FileFrameType.FileEnd, FileLimits.HashSize);
        var hash = end[FileFrame.HeaderSize..];
        source.Hash.Write(hash.Span);
        _batchLength += FileFrame.FileEndSize;
        _hashes.Set(index, hash.Span);
        if (options.Observer is not null) Tell(new FileTransferEvent.FileCompleted(_manifest.PathOf(index), size, hash.ToArray()));
    }

    /// <summary>Waits until the receiver has caught up far enough.</summary>
    private async ValueTask WaitForWindowAsync(int length)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_state.Room >= length) return;
            }

            await FlushAsync().ConfigureAwait(false);
            await _acknowledged.WaitAsync(_wire.Token).ConfigureAwait(false);
        }
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> frame)
    {
        await RoomAsync(frame.Length).ConfigureAwait(false);
        frame.Span.CopyTo(_batch.AsSpan(_batchLength));
        _batchLength += frame.Length;
    }

    private ValueTask RoomAsync(int length) => BatchSize - _batchLength >= length ? default : FlushAsync();

    private async ValueTask FlushAsync()
    {
        if (_batchLength == 0) return;
        var full = new Batch(_batch, _batchLength, _batchPayload);
        (_batch, _batchLength, _batchPayload) = ([], 0, 0);
        await _batches.Writer.WriteAsync(full, _wire.Token).ConfigureAwait(false);
        _batch = _free.TryDequeue(out byte[]? used) ? used : new byte[BatchSize];
    }

    private async Task WriteBatchesAsync()
    {
        while (await _batches.Reader.WaitToReadAsync(_wire.Token).ConfigureAwait(false))
        {
            while (_batches.Reader.TryRead(out var batch))
            {
                totals.AddSent(batch.Payload);
                await _wire.WriteAsync(batch.Bytes.AsMemory(0, batch.Length)).ConfigureAwait(false);
                _free.Enqueue(batch.Bytes);
            }
        }
    }

    private async Task ListenAsync()
    {
        while (!_state.IsFinished)
        {
            var (type, payload) = await ReadAsync().ConfigureAwait(false);
            switch (type)
            {
                case FileFrameType.Ack when FileFrame.TryReadAck(payload.Span, out long bytes):
                    lock (_gate)
                    {
                        if (!_state.HandleAck(bytes)) throw Violation(type);
                    }

                    _acknowledged.Set();
                    Tell(new FileTransferEvent.Progress(_kept + bytes, _manifest.TotalBytes, path()));
                    break;
                case FileFrameType.FileRefused:
                    TakeRefused(payload);
                    break;
                case FileFrameType.Finished:
                    lock (_gate)
                    {
                        if (!_state.HandleFinished(_isDone)) throw Violation(type);
                    }

                    break;
                default:
                    throw Violation(type);
            }
        }
    }
}
