namespace Porthole.Protocol.Session;

/// <summary>
/// The receiving part of a stream (RFC 9000 section 3.2). Bytes are put in place in any order inside the window; the reader sees them in order. All members belong
/// to the machine but for the few that are named for the application.
/// </summary>
internal sealed class ReceiveStream
{
    /// <summary>The most gaps that a stream may have at once. A packet that would make one more is not acknowledged, so it comes again.</summary>
    public const int MaxGaps = 1_024;

    private const long Unknown = -1;

    private readonly StreamBuffer _buffer;
    private readonly RangeSet _ahead = new(MaxGaps);
    private readonly ReceiveWindow _window;
    private long _finalSize = Unknown;

    // Between the threads.
    private long _publishedSize = Unknown;
    private long _resetCode = Unknown;
    private long _stopCode = Unknown;
    private int _readerKnows;

    public ReceiveStream(int maxWindow)
    {
        _buffer = new StreamBuffer(maxWindow, maxWindow);
        _window = new ReceiveWindow(SessionLimits.InitialMaxStreamData, maxWindow);
    }

    public ReceiveState State { get; private set; }

    /// <summary>The end of the furthest byte that was received, or the final size of a reset stream: what counts against the connection's limit.</summary>
    public long Highest { get; private set; }

    /// <summary>How many bytes count as read: of a stream that either side gave up, all.</summary>
    public long Consumed => State == ReceiveState.ResetReceived || IsStopped ? Highest : _buffer.Start;

    /// <summary>The offset that the peer may not pass.</summary>
    public long Limit => _window.Limit;

    /// <summary>Whether nothing more will be read.</summary>
    public bool IsFinal => State is ReceiveState.DataRead or ReceiveState.ResetReceived;

    /// <summary>Application: how many bytes can be read now.</summary>
    public long Readable => Volatile.Read(ref _resetCode) == Unknown ? _buffer.End - _buffer.Start : 0;

    /// <summary>Application: whether everything was read and nothing follows.</summary>
    public bool EndOfStream => Volatile.Read(ref _publishedSize) == _buffer.Start && Volatile.Read(ref _resetCode) == Unknown;

    /// <summary>Application: the code with which the peer gave the stream up, if it did.</summary>
    public long? ResetCode => Volatile.Read(ref _resetCode) is var code && code == Unknown ? null : code;

    /// <summary>Application: takes bytes in order.</summary>
    public int Take(Span<byte> destination)
    {
        Interlocked.Exchange(ref _readerKnows, 0); // before looking: what comes after the look raises a new event
        return Volatile.Read(ref _resetCode) == Unknown && !IsStopped ? _buffer.Take(destination) : 0;
    }

    /// <summary>Application: wants no more bytes.</summary>
    public void Stop(long code) => Interlocked.CompareExchange(ref _stopCode, code, Unknown);

    /// <summary>Application: whether <see cref="Stop"/> was called.</summary>
    public bool IsStopped => Volatile.Read(ref _stopCode) != Unknown;

    /// <summary>The application's wish that the peer stop, if STOP_SENDING still makes sense (RFC 9000 section 3.5).</summary>
    public long? StopCode => State <= ReceiveState.SizeKnown && Volatile.Read(ref _stopCode) is var code && code != Unknown ? code : null;

    /// <summary>Takes a STREAM frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="connectionCredit">How many bytes beyond <see cref="Highest"/> the connection's limit allows.</param>
    /// <param name="accepted">False when there are too many gaps: the packet must count as not received.</param>
    /// <returns>The peer's fault, or <see cref="TransportError.None"/>.</returns>
    public TransportError Handle(in StreamFrame frame, long connectionCredit, out bool accepted)
    {
        accepted = true;
        long end = frame.Offset + frame.Data.Length;
        if (_finalSize != Unknown ? end > _finalSize || frame.Fin && end != _finalSize : frame.Fin && end < Highest) return TransportError.FinalSize;
        if (end > _window.Limit || end - Highest > connectionCredit) return TransportError.FlowControl;
        if (State >= ReceiveState.DataReceived) return TransportError.None;

        if (!IsStopped && !TryStore(frame.Offset, frame.Data))
        {
            accepted = false;
            return TransportError.None;
        }

        Highest = Math.Max(Highest, end);
        if (frame.Fin) (_finalSize, State) = (end, ReceiveState.SizeKnown);
        if (State == ReceiveState.SizeKnown && (_buffer.End == _finalSize || IsStopped)) Complete();
        return TransportError.None;
    }

    /// <summary>Takes RESET_STREAM (RFC 9000 section 19.4).</summary>
    public TransportError HandleReset(long code, long finalSize, long connectionCredit)
    {
        if (_finalSize != Unknown ? finalSize != _finalSize : finalSize < Highest) return TransportError.FinalSize;
        if (finalSize > _window.Limit || finalSize - Highest > connectionCredit) return TransportError.FlowControl;
        if (State >= ReceiveState.DataReceived) return TransportError.None; // all is here already: the reader gets it (section 3.2)
        _finalSize = Highest = finalSize;
        State = ReceiveState.ResetReceived;
        _ahead.Clear();
        Volatile.Write(ref _resetCode, code);
        return TransportError.None;
    }

    /// <summary>Takes what the application has read since.</summary>
    /// <returns>True when MAX_STREAM_DATA is due.</returns>
    public bool TakeConsumed(Instant now, TimeSpan roundTrip)
    {
        bool isRead = State == ReceiveState.DataReceived && _buffer.Start == _finalSize;
        if (isRead || State is ReceiveState.SizeKnown or ReceiveState.DataReceived && IsStopped) State = ReceiveState.DataRead;
        return State == ReceiveState.Receive && !IsStopped && _window.TryAdvance(now, _buffer.Start, roundTrip);
    }

    /// <summary>Whether the reader must be told that there is something new.</summary>
    public bool TakeNews() => Interlocked.Exchange(ref _readerKnows, 1) == 0;

    private bool TryStore(long offset, ReadOnlySpan<byte> data)
    {
        long ready = _buffer.End, end = offset + data.Length;
        if (end <= ready) return true;
        if (offset < ready)
        {
            data = data[(int)(ready - offset)..];
            offset = ready;
        }

        if (offset > ready && !_ahead.TryAdd(offset, end)) return false;
        _buffer.WriteAt(offset, data);
        if (offset > ready) return true;
        while (_ahead.Count > 0 && _ahead[0].Start <= end)
        {
            end = Math.Max(end, _ahead[0].End);
            _ahead.RemoveAt(0);
        }

        _buffer.Publish(end);
        return true;
    }

    private void Complete()
    {
        State = IsStopped ? ReceiveState.DataRead : ReceiveState.DataReceived;
        Volatile.Write(ref _publishedSize, _finalSize);
    }
}
