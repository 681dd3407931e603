namespace Porthole.Protocol.Session;

/// <summary>
/// The sending part of a stream (RFC 9000 section 3.1). Bytes stay in the buffer until they are acknowledged, so that any range can be cut anew for packets of any
/// size. All members belong to the machine but for the few that are named for the application.
/// </summary>
internal sealed class SendStream
{
    private const long NoCode = -1;

    /// <summary>The buffer follows the congestion window, from this size up.</summary>
    private const int InitialCapacity = 256 << 10;

    private readonly StreamBuffer _buffer;
    private readonly RangeSet _acknowledged = new();
    private readonly RangeSet _lost = new();
    private long _next;
    private long _limit = SessionLimits.InitialMaxStreamData;
    private long _blockedAt = -1;
    private bool _finSent;
    private bool _finLost;
    private bool _finAcknowledged;

    // Between the threads.
    private bool _finished;
    private int _writerWaits;
    private long _abortCode = NoCode;
    private long _stopCode = NoCode;

    public SendStream(int maxCapacity) => _buffer = new StreamBuffer(InitialCapacity, maxCapacity);

    public SendState State { get; private set; }

    /// <summary>The code of the reset that was sent or asked for.</summary>
    public long ResetCode { get; private set; }

    /// <summary>How many bytes were sent, each counted once: the final size of a reset stream.</summary>
    public long Sent => _next;

    /// <summary>Whether nothing more will ever be sent.</summary>
    public bool IsFinal => State is SendState.DataReceived or SendState.ResetReceived;

    /// <summary>Whether bytes were lost and wait to be sent again: they come first, and need no credit.</summary>
    public bool HasLost => State <= SendState.DataSent && (_lost.Count > 0 || _finLost);

    /// <summary>Whether there is something to cut for a packet, if the connection has credit for new bytes.</summary>
    public bool HasWork => HasLost || State == SendState.Send && (Fresh > 0 || FinIsDue);

    /// <summary>Bytes written but never sent that the stream's limit allows.</summary>
    public long Fresh => State == SendState.Send ? Math.Min(_buffer.End, _limit) - _next : 0;

    /// <summary>Whether bytes wait for a higher limit.</summary>
    public bool IsBlocked => State == SendState.Send && _next == _limit && _buffer.End > _limit;

    // The end may only be sent behind the last byte; it is read first, for the writer publishes it last.
    private bool FinIsDue => Volatile.Read(ref _finished) && !_finSent && _next == _buffer.End;

    /// <summary>The largest offset that the peer allows.</summary>
    public long Limit => _limit;

    /// <summary>Application: appends bytes.</summary>
    public int Append(ReadOnlySpan<byte> source)
    {
        if (Volatile.Read(ref _finished)) throw new InvalidOperationException("The writes of this stream are complete.");
        int count = _buffer.Append(source);
        if (count == source.Length) return count;
        Interlocked.Exchange(ref _writerWaits, 1);
        return count + _buffer.Append(source[count..]); // room may have come before the flag was seen
    }

    /// <summary>Application: how much fits now.</summary>
    public long Room => _buffer.Room;

    /// <summary>Application: no byte will follow.</summary>
    public void Finish() => Volatile.Write(ref _finished, true);

    /// <summary>Application: gives the stream up.</summary>
    public void Abort(long code) => Interlocked.CompareExchange(ref _abortCode, code, NoCode);

    /// <summary>Application: whether <see cref="Finish"/> or <see cref="Abort"/> was called.</summary>
    public bool IsFinished => Volatile.Read(ref _finished) || Volatile.Read(ref _abortCode) != NoCode;

    /// <summary>Application: the peer's wish that nothing more be sent (STOP_SENDING), if there was one.</summary>
    public long? StopCode => Volatile.Read(ref _stopCode) is var code && code == NoCode ? null : code;

    /// <summary>Takes the application's wish to give up.</summary>
    /// <returns>True when RESET_STREAM must be sent.</returns>
    public bool TakeAbort() => Volatile.Read(ref _abortCode) is var code && code != NoCode && TryReset(code);

    /// <summary>Takes STOP_SENDING (RFC 9000 section 3.5).</summary>
    /// <returns>True when RESET_STREAM must be sent in answer.</returns>
    public bool Stop(long code)
    {
        if (IsFinal || State == SendState.ResetSent) return false;
        Volatile.Write(ref _stopCode, code);
        return TryReset(code);
    }

    /// <summary>Takes MAX_STREAM_DATA (RFC 9000 section 19.10); a lower limit than before is ignored.</summary>
    public void RaiseLimit(long limit) => _limit = Math.Max(_limit, limit);

    /// <summary>Whether STREAM_DATA_BLOCKED is due: once for each limit.</summary>
    public bool TakeBlocked()
    {
        if (!IsBlocked || _blockedAt == _limit) return false;
        _blockedAt = _limit;
        return true;
    }

    /// <summary>Lets the application write further ahead: twice the window keeps the path full while acknowledgements are under way.</summary>
    public void Fit(long congestionWindow) => _buffer.Capacity = 2 * congestionWindow;

    /// <summary>Finds what to send next, lost bytes first.</summary>
    /// <param name="credit">How many new bytes the connection's limit allows.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many bytes may be sent from there.</param>
    /// <param name="fin">Whether the stream ends behind them.</param>
    /// <returns>False when nothing can be sent.</returns>
    public bool TryPeek(long credit, out long offset, out long length, out bool fin)
    {
        (offset, length, fin) = (_next, 0, false);
        if (HasLost)
        {
            if (_lost.Count > 0) (offset, length) = (_lost[0].Start, _lost[0].End - _lost[0].Start);
            fin = _finSent && offset + length == _next && !_finAcknowledged;
            return true;
        }

        if (State != SendState.Send) return false;
        bool finished = Volatile.Read(ref _finished);
        length = Math.Min(Fresh, credit);
        fin = finished && !_finSent && _next + length == _buffer.End;
        return length > 0 || fin;
    }

    /// <summary>Takes what was peeked into a packet.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="destination">Where the bytes go; its length says how many.</param>
    /// <param name="fin">Whether the frame ends the stream.</param>
    /// <returns>How many of the bytes were sent for the first time.</returns>
    public int Cut(long offset, Span<byte> destination, bool fin)
    {
        _buffer.CopyTo(offset, destination);
        long end = offset + destination.Length;
        if (fin) (_finSent, _finLost) = (true, false);
        if (offset < _next || end == offset && State == SendState.DataSent)
        {
            _lost.Remove(offset, end);
            return 0;
        }

        _next = end;
        if (fin) State = SendState.DataSent;
        return destination.Length;
    }

    /// <summary>Takes the acknowledgement of a STREAM frame.</summary>
    /// <returns>True when the application waits for room and there is some now, or when the stream is over.</returns>
    public bool HandleAcknowledged(long offset, int length, bool fin)
    {
        if (State > SendState.DataSent) return false;
        long start = _buffer.Start, end = offset + length;
        if (fin) (_finAcknowledged, _finLost) = (true, false);
        if (end > start)
        {
            if (_lost.Count > 0) _lost.Remove(offset, end);
            if (offset <= start) ReleaseTo(end);
            else _acknowledged.TryAdd(offset, end);
        }

        if (State == SendState.DataSent && _finAcknowledged && _buffer.Start == _next) State = SendState.DataReceived;
        return TakeWriterWaits();
    }

    /// <summary>Takes the loss of a STREAM frame: what of it was not acknowledged otherwise is sent again.</summary>
    public void HandleLost(long offset, int length, bool fin)
    {
        if (State > SendState.DataSent) return;
        long start = Math.Max(offset, _buffer.Start), end = offset + length;
        if (start < end)
        {
            _lost.TryAdd(start, end);
            for (int i = 0; i < _acknowledged.Count && _acknowledged[i].Start < end; i++) _lost.Remove(_acknowledged[i].Start, _acknowledged[i].End);
        }

        if (fin && !_finAcknowledged) _finLost = true;
    }

    /// <summary>Takes the acknowledgement of RESET_STREAM.</summary>
    public void HandleResetAcknowledged()
    {
        if (State == SendState.ResetSent) State = SendState.ResetReceived;
    }

    /// <summary>Wakes a waiting writer, whatever the room: the stream is over.</summary>
    public bool TakeWriter() => Interlocked.Exchange(ref _writerWaits, 0) == 1;

    private void ReleaseTo(long end)
    {
        while (_acknowledged.Count > 0 && _acknowledged[0].Start <= end)
        {
            end = Math.Max(end, _acknowledged[0].End);
            _acknowledged.RemoveAt(0);
        }

        _buffer.Release(end);
    }

    private bool TryReset(long code)
    {
        if (State > SendState.DataSent) return false;
        ResetCode = code;
        State = SendState.ResetSent;
        _lost.Clear();
        _acknowledged.Clear();
        _finLost = false;
        return true;
    }

    // A quarter of the buffer must be free before the writer is woken: else every acknowledgement would wake it for a few bytes.
    private bool TakeWriterWaits()
    {
        Interlocked.MemoryBarrier(); // the released room must be visible before the flag is read
        return Volatile.Read(ref _writerWaits) == 1 && _buffer.Room >= _buffer.Capacity / 4 && TakeWriter();
    }
}
