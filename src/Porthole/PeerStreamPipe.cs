using System.IO.Pipelines;

namespace Porthole;

/// <summary>A stream as two pipes.</summary>
internal sealed class PeerStreamPipe : IDuplexPipe
{
    /// <summary>The code of a direction that was given up because its pipe was completed with an exception, or before its end.</summary>
    public const long GivenUp = 0;

    /// <summary>What a read asks for at least: a segment of a fast path's batch, and room for a request with its headers.</summary>
    private const int BufferSize = 16 * 1024;

    private readonly PeerStream _stream;
    private readonly Func<PeerException, Exception>? _translate;
    private int _open = 2;

    /// <summary>Creates the pipes.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="translate">What a read throws in place of the library's exceptions; null for them.</param>
    public PeerStreamPipe(PeerStream stream, Func<PeerException, Exception>? translate)
    {
        (_stream, _translate) = (stream, translate);
        Input = new Reader(this);
        Output = new Writer(this);
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    private void EndOne()
    {
        if (Interlocked.Decrement(ref _open) == 0) _stream.Dispose();
    }

    /// <summary>Waits without a buffer, so that a stream that says nothing holds no memory.</summary>
    private sealed class Reader(PeerStreamPipe pipe) : PipeReader
    {
        private readonly PipeReader _inner = Create(pipe._stream, new StreamPipeReaderOptions(bufferSize: BufferSize, minimumReadSize: 1024, leaveOpen: true, useZeroByteReads: true));
        private int _completed;

        public override void AdvanceTo(SequencePosition consumed) => _inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => _inner.CancelPendingRead();

        public override bool TryRead(out ReadResult result) => _inner.TryRead(out result);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                return await _inner.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PeerException exception) when (pipe._translate is not null)
            {
                throw pipe._translate(exception);
            }
        }

        public override void Complete(Exception? exception = null)
        {
            if (Interlocked.Exchange(ref _completed, 1) != 0) return;
            _inner.Complete(exception);
            pipe._stream.AbortReads(GivenUp);
            pipe.EndOne();
        }
    }

    /// <summary>For whom exceptions are put into other words, a reader that has gone is what it is with any pipe: a completed flush, and no exception.</summary>
    private sealed class Writer(PeerStreamPipe pipe) : PipeWriter
    {
        private readonly PipeWriter _inner = Create(pipe._stream, new StreamPipeWriterOptions(minimumBufferSize: BufferSize, leaveOpen: true));
        private int _completed;

        public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => _inner.UnflushedBytes;

        public override void Advance(int bytes) => _inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => _inner.CancelPendingFlush();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => TranslateAsync(_inner.FlushAsync(cancellationToken));

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            TranslateAsync(_inner.WriteAsync(source, cancellationToken));

        public override void Complete(Exception? exception = null)
        {
            if (Interlocked.Exchange(ref _completed, 1) != 0) return;
            try
            {
                _inner.Complete(exception); // what was not flushed is written now
                End(exception);
            }
            catch (PeerException) when (pipe._translate is not null)
            {
                // Nobody reads what is left.
            }
            finally
            {
                pipe.EndOne();
            }
        }

        public override async ValueTask CompleteAsync(Exception? exception = null)
        {
            if (Interlocked.Exchange(ref _completed, 1) != 0) return;
            try
            {
                await _inner.CompleteAsync(exception).ConfigureAwait(false);
                End(exception);
            }
            catch (PeerException) when (pipe._translate is not null)
            {
                // Nobody reads what is left.
            }
            finally
            {
                pipe.EndOne();
            }
        }

        private void End(Exception? exception)
        {
            if (exception is null) pipe._stream.CompleteWrites();
            else pipe._stream.AbortWrites(GivenUp);
        }

        private async ValueTask<FlushResult> TranslateAsync(ValueTask<FlushResult> flush)
        {
            try
            {
                return await flush.ConfigureAwait(false);
            }
            catch (PeerException) when (pipe._translate is not null)
            {
                return new FlushResult(isCanceled: false, isCompleted: true);
            }
        }
    }
}
