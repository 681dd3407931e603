using Porthole.Diagnostics;
using System.Runtime.CompilerServices;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;
using Porthole.Runtime;

namespace Porthole;

/// <summary>
/// One stream of a connection: two ordered, reliable directions. Reading and writing may go on at the same time; each of them by one caller at a time. A write
/// waits while the peer has no room, so memory stays bounded on both sides.
/// </summary>
public sealed partial class PeerStream : Stream
{
    private readonly IStreamOwner _owner;
    private readonly SessionStream _stream;
    private readonly Wakeup _readable = new();
    private readonly Wakeup _writable = new();
    private int _reading;
    private int _writing;
    private volatile bool _completed;
    private volatile bool _aborted;
    private volatile bool _readsAborted;
    private int _disposed;

    internal PeerStream(IStreamOwner owner, SessionStream stream) => (_owner, _stream) = (owner, stream);

    /// <summary>The stream's number, unique in its connection.</summary>
    public long Id => _stream.Id;

    /// <inheritdoc/>
    public override bool CanRead => _disposed == 0;

    /// <inheritdoc/>
    public override bool CanWrite => _disposed == 0 && !_completed && !_aborted;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <summary>Not supported: a stream has no length.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Length => throw new NotSupportedException();

    /// <summary>Not supported: a stream has no position.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Whose stream it is.</summary>
    internal IStreamOwner Owner => _owner;

    /// <summary>The machine's side of it.</summary>
    internal SessionStream Inner => _stream;

    /// <summary>Reads what has arrived, or waits for the first byte. With an empty buffer it waits until there is something to read, or the end.</summary>
    /// <returns>How many bytes were read; 0 at the end of the peer's direction.</returns>
    /// <exception cref="PeerException">The peer gave the stream up, the connection ended before the stream did, or reading was given up here.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // a read that waits leaves no garbage
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Enter(ref _reading, "read");
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (true)
            {
                ObjectDisposedException.ThrowIf(_disposed != 0, this);
                if (_aborted || _readsAborted) throw Aborted();
                if (_stream.TryRead(buffer.Span, out int read))
                {
                    TellMachine();
                    PeerMetrics.StreamBytes(_owner, read, isSent: false);
                    return read;
                }

                if (buffer.IsEmpty && _stream.Readable > 0) return 0;
                if (_stream.EndOfStream)
                {
                    TellMachine();
                    return 0;
                }

                if (_stream.ResetCode is { } code) throw AbortedByPeer(code, "gave the stream up");
                if (_stream.IsSessionClosed && _stream.Readable == 0) throw await _owner.EndAsync(cancellationToken).ConfigureAwait(false);
                await _readable.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    /// <summary>Reads which protocol the peer wants to speak on a stream that it opened with <see cref="PeerConnection.OpenStreamAsync(string, CancellationToken)"/>.</summary>
    /// <returns>The protocol's name; null when the stream does not begin with one, and is of no use any more.</returns>
    /// <exception cref="PeerException">The peer gave the stream up, or the connection ended before the stream did.</exception>
    public async ValueTask<string?> ReadProtocolAsync(CancellationToken cancellationToken = default)
    {
        byte[] bytes = new byte[StreamPreamble.MaxSize];
        if (await ReadAtLeastAsync(bytes.AsMemory(0, 1), 1, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) == 0) return null;
        var name = bytes.AsMemory(1, StreamPreamble.LengthFrom(bytes[0]));
        if (await ReadAtLeastAsync(name, name.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < name.Length) return null;
        return StreamPreamble.TryRead(name.Span, out string? protocol) ? protocol : null;
    }

    /// <summary>Writes all bytes; returns when the stream has taken them, which is before the peer has them.</summary>
    /// <exception cref="InvalidOperationException">The writes were completed.</exception>
    /// <exception cref="PeerException">The peer wants no more of this stream, or the connection ended.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Enter(ref _writing, "write");
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            do
            {
                ObjectDisposedException.ThrowIf(_disposed != 0, this);
                if (_completed) throw new InvalidOperationException("The writes of this stream are complete.");
                if (_aborted) throw Aborted();
                if (_stream.TryWrite(buffer.Span, out int written))
                {
                    PeerMetrics.StreamBytes(_owner, written, isSent: true); // before they can leave: whoever has them finds them counted
                    TellMachine();
                    buffer = buffer[written..];
                    continue;
                }

                if (_stream.StopCode is { } code) throw AbortedByPeer(code, "wants no more of the stream");
                if (_stream.IsSessionClosed) throw await _owner.EndAsync(cancellationToken).ConfigureAwait(false);
                if (!buffer.IsEmpty) await _writable.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            while (!buffer.IsEmpty);
        }
        finally
        {
            Volatile.Write(ref _writing, 0);
        }
    }

    /// <summary>Ends this end's direction behind what was written; the peer reads it to the end. The other direction stays open. A second call does nothing.</summary>
    public void CompleteWrites()
    {
        if (_completed || _aborted) return;
        _completed = true;
        _stream.CompleteWrites();
        TellMachine();
        _writable.Set();
    }

    /// <summary>Gives up both directions at once; what was not delivered is lost.</summary>
    /// <param name="code">The program's reason, 0 to 2^62 - 1, which the peer sees.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is out of this range; nothing was given up.</exception>
    public void Abort(long code)
    {
        ThrowIfNoCode(code);
        if (_aborted) return;
        _aborted = true;
        _stream.Abort(code);
        TellMachine();
        Wake();
    }

    /// <summary>Gives up this end's direction: what was not delivered is lost. The other direction stays open. Without effect after <see cref="Abort"/>.</summary>
    /// <param name="code">The program's reason, 0 to 2^62 - 1, which the peer sees.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is out of this range; nothing was given up.</exception>
    public void AbortWrites(long code)
    {
        ThrowIfNoCode(code);
        if (_aborted) return;
        _completed = true;
        _stream.AbortWrites(code);
        TellMachine();
        _writable.Set();
    }

    /// <summary>
    /// Wants no more of the peer's direction: what has arrived and was not read is dropped, and a read, also one that waits, throws. This end's direction stays open. Without effect after the end of the
    /// peer's direction.
    /// </summary>
    /// <param name="code">The program's reason, 0 to 2^62 - 1, which the peer sees.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is out of this range; nothing was given up.</exception>
    public void AbortReads(long code)
    {
        ThrowIfNoCode(code);
        if (_aborted || _stream.EndOfStream || _stream.ResetCode is not null) return;
        _readsAborted = true; // the machine may have nothing more to say about the direction: whoever reads must not wait for it
        _stream.AbortReads(code);
        TellMachine();
        _readable.Set();
    }

    /// <summary>Does nothing: what was written is on its way.</summary>
    public override void Flush()
    {
    }

    /// <summary>Does nothing: what was written is on its way.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Completes the writes, and wants no more of what the peer still sends. What was written is delivered all the same, as long as the connection lives.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            CompleteWrites();
            if (!_stream.EndOfStream && _stream.ResetCode is null && !_aborted) _stream.AbortReads(0);
            TellMachine();
            Wake();
        }

        base.Dispose(disposing);
    }

    /// <summary>There is something to read, or will never be again.</summary>
    internal void HandleReadable()
    {
        _readable.Set();
        LookWhetherBroken();
    }

    /// <summary>There is room to write, or will never be again.</summary>
    internal void HandleWritable()
    {
        _writable.Set();
        LookWhetherBroken();
    }

    /// <summary>Whatever waits looks again.</summary>
    internal void Wake()
    {
        _readable.Set();
        _writable.Set();
        LookWhetherBroken();
    }

    private static void Enter(ref int flag, string what)
    {
        if (Interlocked.Exchange(ref flag, 1) != 0) throw new InvalidOperationException($"A {what} is under way on this stream already.");
    }

    private static void ThrowIfNoCode(long code)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(code);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, PeerConnection.MaxCode);
    }

    private static PeerException Aborted() => new(PeerError.Closed, "The stream was given up here.");

    private PeerException AbortedByPeer(long code, string what) =>
        new(PeerError.StreamAborted, $"{_owner.RemoteLabel} {what} (code {code}).") { Code = code };

    private void TellMachine()
    {
        if (_stream.TryClaimActivity()) _owner.PostActivity(this);
    }
}
