using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Files;

/// <summary>
/// Frames on a stream: read in place, written one at a time. While nothing else is written, it says once a second that this side is there; while it waits for the other side,
/// it counts how long that has been silent.
/// </summary>
internal sealed class TransferStream : IAsyncDisposable
{
    /// <summary>How often a side that is there says something.</summary>
    private static readonly TimeSpan s_aliveInterval = TimeSpan.FromSeconds(1);

    private readonly Stream _stream;
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private readonly string _other;
    private readonly byte[] _alive;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _stopped;
    private readonly byte[] _buffer = new byte[2 * (FileFrame.HeaderSize + FileLimits.MaxPayload)];
    private readonly bool _speaks;
    private readonly Task _pump;
    private int _begin;
    private int _end;
    private long _waitingSince;
    private volatile bool _hasWritten;
    private volatile bool _isStalled;

    /// <param name="stream">The bytes.</param>
    /// <param name="alive">What this side says when it has nothing to say.</param>
    /// <param name="patience">How long the other side may be silent.</param>
    /// <param name="other">What messages call the other side.</param>
    /// <param name="time">Where time comes from.</param>
    /// <param name="cancellationToken">Ends all reading and writing.</param>
    /// <param name="speaks">Whether it may say that it is there by itself.</param>
    public TransferStream(Stream stream, FileFrameType alive, TimeSpan patience, string other, TimeProvider time, CancellationToken cancellationToken, bool speaks = true)
    {
        (_stream, _alive, _patience, _other, _time) = (stream, FileFrame.Write(alive), patience, other, time);
        _speaks = speaks;
        _stopped = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Token = _stopped.Token;
        _pump = PumpAsync();
    }

    /// <summary>Is cancelled when the transfer is to stop on this stream, for whatever reason.</summary>
    public CancellationToken Token { get; }

    /// <summary>Reads the next frame that says something.</summary>
    /// <returns>Its type and what follows the header, valid until the next read; <see cref="FileFrameType.None"/> at the end of the stream.</returns>
    /// <exception cref="PeerException">The bytes are no frame, the stream ends within one, or the other side was silent for too long.</exception>
    public async ValueTask<(FileFrameType Type, ReadOnlyMemory<byte> Payload)> ReadAsync()
    {
        while (true)
        {
            if (!await FillAsync(FileFrame.HeaderSize).ConfigureAwait(false)) return (FileFrameType.None, default);
            if (!FileFrame.TryReadHeader(_buffer.AsSpan(_begin, FileFrame.HeaderSize), out var type, out int length))
            {
                throw new PeerException(PeerError.ProtocolViolation, $"{_other} does not speak porthole-files/{FileLimits.Version}: a frame of type {_buffer[_begin]} is unknown or too long.");
            }

            if (!await FillAsync(FileFrame.HeaderSize + length).ConfigureAwait(false)) throw Truncated();
            var payload = _buffer.AsMemory(_begin + FileFrame.HeaderSize, length);
            _begin += FileFrame.HeaderSize + length;
            if (type is not (FileFrameType.SenderAlive or FileFrameType.ReceiverAlive)) return (type, payload);
        }
    }

    /// <summary>Reads so many bytes, and no more: what follows is another's to read.</summary>
    /// <returns>How many came before the end of the stream.</returns>
    public async ValueTask<int> ReadExactlyAsync(Memory<byte> bytes)
    {
        int done = 0;
        try
        {
            for (int read = -1; done < bytes.Length && read != 0; done += read)
            {
                Volatile.Write(ref _waitingSince, _time.GetTimestamp());
                read = await _stream.ReadAsync(bytes[done..], Token).ConfigureAwait(false);
            }

            return done;
        }
        catch (OperationCanceledException) when (_isStalled)
        {
            throw Stalled();
        }
        finally
        {
            Volatile.Write(ref _waitingSince, 0);
        }
    }

    /// <summary>Writes whole frames.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> frames)
    {
        try
        {
            await _writing.WaitAsync(Token).ConfigureAwait(false);
            try
            {
                _hasWritten = true;
                await _stream.WriteAsync(frames, Token).ConfigureAwait(false);
                _hasWritten = true;
            }
            finally
            {
                _writing.Release();
            }
        }
        catch (OperationCanceledException) when (_isStalled)
        {
            throw Stalled();
        }
    }

    /// <summary>Stops reading and writing.</summary>
    public void Stop() => _stopped.Cancel();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync().ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        _stopped.Dispose();
        _writing.Dispose();
    }

    /// <summary>Sees to it that so many bytes are in the buffer.</summary>
    /// <returns>False at the end of the stream between two frames.</returns>
    private async ValueTask<bool> FillAsync(int count)
    {
        if (_end - _begin >= count) return true;
        if (_begin > 0 && _buffer.Length - _begin < count)
        {
            _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
            (_begin, _end) = (0, _end - _begin);
        }

        try
        {
            while (_end - _begin < count)
            {
                if (_begin == _end) _begin = _end = 0;
                Volatile.Write(ref _waitingSince, _time.GetTimestamp());
                int read = await _stream.ReadAsync(_buffer.AsMemory(_end), Token).ConfigureAwait(false);
                if (read == 0) return _begin == _end && count <= FileFrame.HeaderSize ? false : throw Truncated();
                _end += read;
            }

            return true;
        }
        catch (OperationCanceledException) when (_isStalled)
        {
            throw Stalled();
        }
        finally
        {
            Volatile.Write(ref _waitingSince, 0);
        }
    }

    /// <summary>Speaks where nothing else is said, and looks whether the other side does.</summary>
    private async Task PumpAsync()
    {
        using var timer = new PeriodicTimer(s_aliveInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(Token).ConfigureAwait(false))
            {
                long since = Volatile.Read(ref _waitingSince);
                if (since != 0 && _time.GetElapsedTime(since) > _patience)
                {
                    _isStalled = true;
                    await _stopped.CancelAsync().ConfigureAwait(false);
                    return;
                }

                if (_speaks && !_hasWritten && await _writing.WaitAsync(0, Token).ConfigureAwait(false))
                {
                    try
                    {
                        await _stream.WriteAsync(_alive, Token).ConfigureAwait(false);
                    }
                    finally
                    {
                        _writing.Release();
                    }
                }

                _hasWritten = false;
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // Who reads or writes next is told by the stream itself.
        }
    }

    private PeerException Truncated() => new(PeerError.Lost, $"{_other} ended the stream in the middle of a transfer.");

    private PeerException Stalled() => new(PeerError.TimedOut, $"{_other} was silent for more than {_patience.TotalSeconds:0.#} s.");
}
