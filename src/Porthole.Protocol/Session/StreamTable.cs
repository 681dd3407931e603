using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Session;

/// <summary>
/// The streams of a session: who may open them, how much may be sent on them and altogether (RFC 9000 chapters 2 to 4), and which of them has something to send.
/// </summary>
internal sealed partial class StreamTable
{
    /// <summary>RFC 9000 section 2.1: the low bit names the opener, the next one the kind.</summary>
    private const long ResponderBit = 1;
    private const long UnidirectionalBit = 2;
    private const int IdShift = 2;

    /// <summary>RFC 9000 section 4.6: no more streams than ids.</summary>
    private const long MaxStreamCount = 1L << 60;

    private readonly SessionOptions _options;
    private readonly Queue<SessionEvent> _events;
    private readonly bool _isInitiator;
    private readonly Dictionary<long, SessionStream> _streams = [];
    private readonly Queue<SessionStream> _withData = new();
    private readonly Queue<SessionStream> _withControls = new();
    private readonly ReceiveWindow _window;

    private long _opened;
    private long _maxOpened = SessionLimits.InitialMaxStreams;
    private bool _openWasRefused;
    private long _peerOpened;
    private long _maxPeerOpened = SessionLimits.InitialMaxStreams;
    private long _peerClosed;

    private long _sendLimit = SessionLimits.InitialMaxData;
    private long _sent;
    private long _blockedAt = -1;
    private long _receivedTotal;
    private long _consumedTotal;
    private bool _maxDataDue;
    private bool _maxStreamsDue;
    private bool _dataBlockedDue;
    private bool _streamsBlockedDue;

    public StreamTable(SessionOptions options, bool isInitiator, Queue<SessionEvent> events)
    {
        (_options, _isInitiator, _events) = (options, isInitiator, events);
        int window = Math.Min(options.InitialSessionWindow, options.MaxSessionWindow);
        _window = new ReceiveWindow(window, options.MaxSessionWindow);
        _maxDataDue = window > SessionLimits.InitialMaxData; // the peer has yet to be told
        if (options.MaxIncomingStreams > SessionLimits.InitialMaxStreams)
        {
            _maxPeerOpened = options.MaxIncomingStreams;
            _maxStreamsDue = true;
        }
    }

    /// <summary>Stream bytes sent for the first time.</summary>
    public long BytesSent => _sent;

    /// <summary>Stream bytes sent again.</summary>
    public long BytesResent { get; private set; }

    /// <summary>How many streams are open.</summary>
    public int Count => _streams.Count;

    /// <summary>The window that the send buffers follow.</summary>
    public long CongestionWindow { get; set; }

    /// <summary>The round trip that the receive windows are tuned to.</summary>
    public TimeSpan RoundTrip { get; set; } = RttEstimator.InitialRoundTrip;

    /// <summary>Opens a stream.</summary>
    /// <returns>False when the peer allows no more for now.</returns>
    public bool TryOpen([NotNullWhen(true)] out SessionStream? stream)
    {
        stream = null;
        if (_opened >= _maxOpened)
        {
            if (!_openWasRefused) _streamsBlockedDue = true;
            _openWasRefused = true;
            return false;
        }

        stream = Add((_opened++ << IdShift) | (_isInitiator ? 0 : ResponderBit), isLocal: true);
        return true;
    }

    /// <summary>Looks at what the application did to a stream.</summary>
    public void HandleActivity(Instant now, SessionStream stream)
    {
        stream.TakeActivity();
        if (!_streams.ContainsKey(stream.Id)) return;
        if (stream.Send.TakeAbort()) Queue(stream, StreamControls.Reset);
        if (!stream.StopAsked && stream.Receive.StopCode is not null)
        {
            stream.StopAsked = true;
            Queue(stream, StreamControls.StopSending);
        }

        if (stream.Send.HasWork) Queue(stream);
        if (stream.Send.TakeBlocked()) Queue(stream, StreamControls.Blocked);
        if (stream.Receive.TakeConsumed(now, RoundTrip)) Queue(stream, StreamControls.MaxStreamData);
        CountConsumed(now, stream);
        TryRemove(stream);
    }

    /// <summary>Takes a STREAM frame.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="accepted">False when its bytes could not be kept: the packet must count as not received.</param>
    public TransportError HandleStream(Instant now, in StreamFrame frame, out bool accepted)
    {
        accepted = true;
        if (Find(frame.Id, out var stream) is var error && error != TransportError.None || stream is null) return error;
        long before = stream.Receive.Highest;
        error = stream.Receive.Handle(frame, _window.Limit - _receivedTotal, out accepted);
        if (error != TransportError.None || !accepted) return error;
        AfterReceive(now, stream, before);
        return TransportError.None;
    }

    /// <summary>Takes RESET_STREAM (RFC 9000 section 19.4).</summary>
    public TransportError HandleReset(Instant now, long id, long code, long finalSize)
    {
        if (Find(id, out var stream) is var error && error != TransportError.None || stream is null) return error;
        long before = stream.Receive.Highest;
        error = stream.Receive.HandleReset(code, finalSize, _window.Limit - _receivedTotal);
        if (error != TransportError.None) return error;
        AfterReceive(now, stream, before);
        return TransportError.None;
    }

    /// <summary>Takes STOP_SENDING (RFC 9000 section 19.5).</summary>
    public TransportError HandleStopSending(long id, long code)
    {
        if (Find(id, out var stream) is var error && error != TransportError.None || stream is null) return error;
        if (!stream.Send.Stop(code)) return TransportError.None;
        Queue(stream, StreamControls.Reset);
        _events.Enqueue(stream.WritableEvent);
        return TransportError.None;
    }

    /// <summary>Takes MAX_DATA (RFC 9000 section 19.9).</summary>
    public void HandleMaxData(long limit)
    {
        if (limit <= _sendLimit) return;
        _sendLimit = limit;
        _dataBlockedDue = false;
        foreach (var stream in _streams.Values)
        {
            if (stream.Send.HasWork) Queue(stream);
        }
    }

    /// <summary>Takes MAX_STREAM_DATA (RFC 9000 section 19.10).</summary>
    public TransportError HandleMaxStreamData(long id, long limit)
    {
        if (Find(id, out var stream) is var error && error != TransportError.None || stream is null) return error;
        stream.Send.RaiseLimit(limit);
        if (stream.Send.HasWork) Queue(stream);
        return TransportError.None;
    }

    /// <summary>Takes STREAM_DATA_BLOCKED (RFC 9000 section 19.13): a limit that was raised may have been lost.</summary>
    public TransportError HandleStreamDataBlocked(Instant now, long id, long limit)
    {
        if (Find(id, out var stream) is var error && error != TransportError.None || stream is null) return error;
        if (stream.Receive.TakeConsumed(now, RoundTrip) || stream.Receive.State == ReceiveState.Receive && limit < stream.Receive.Limit)
        {
            Queue(stream, StreamControls.MaxStreamData);
        }

        return TransportError.None;
    }

    /// <summary>Takes DATA_BLOCKED (RFC 9000 section 19.12).</summary>
    public void HandleDataBlocked(Instant now, long limit)
    {
        if (_window.TryAdvance(now, _consumedTotal, RoundTrip) || limit < _window.Limit) _maxDataDue = true;
    }

    /// <summary>Takes MAX_STREAMS (RFC 9000 section 19.11).</summary>
    public TransportError HandleMaxStreams(long count)
    {
        if (count > MaxStreamCount) return TransportError.FrameEncoding;
        if (count <= _maxOpened) return TransportError.None;
        _maxOpened = count;
        _streamsBlockedDue = false;
        if (_openWasRefused) _events.Enqueue(new SessionEvent.StreamsAvailable());
        _openWasRefused = false;
        return TransportError.None;
    }

    /// <summary>Takes STREAMS_BLOCKED (RFC 9000 section 19.14).</summary>
    public TransportError HandleStreamsBlocked(long count)
    {
        if (count > MaxStreamCount) return TransportError.FrameEncoding;
        if (count < _maxPeerOpened) _maxStreamsDue = true;
        RaiseMaxPeerOpened();
        return TransportError.None;
    }

    /// <summary>The session is over: every stream learns it, and whoever waits is woken by the session's own event.</summary>
    public void End()
    {
        foreach (var stream in _streams.Values) stream.End();
    }

    /// <summary>Finds the stream that a frame is about. Null without an error: it is over, and the frame was late.</summary>
    private TransportError Find(long id, out SessionStream? stream)
    {
        stream = null;
        bool isLocal = (id & ResponderBit) == (_isInitiator ? 0 : ResponderBit);
        if ((id & UnidirectionalBit) != 0) return isLocal ? TransportError.StreamState : TransportError.StreamLimit; // none is allowed
        long index = id >> IdShift;
        if (isLocal && index >= _opened) return TransportError.StreamState;
        if (!isLocal && index >= _maxPeerOpened) return TransportError.StreamLimit;
        while (!isLocal && _peerOpened <= index)
        {
            var opened = Add((_peerOpened++ << IdShift) | (_isInitiator ? ResponderBit : 0), isLocal: false); // and all below it (RFC 9000 section 3.2)
            _events.Enqueue(new SessionEvent.StreamOpened(opened));
            RaiseMaxPeerOpened();
        }

        _streams.TryGetValue(id, out stream);
        return TransportError.None;
    }

    private SessionStream Add(long id, bool isLocal)
    {
        var stream = new SessionStream(id, isLocal, _options);
        _streams.Add(id, stream);
        return stream;
    }

    private void AfterReceive(Instant now, SessionStream stream, long highestBefore)
    {
        _receivedTotal += stream.Receive.Highest - highestBefore;
        if (_window.TryRelease(_receivedTotal, _consumedTotal)) _maxDataDue = true;
        bool ended = stream.Receive.State >= ReceiveState.DataReceived;
        if ((stream.Receive.Readable > 0 || ended) && stream.Receive.TakeNews()) _events.Enqueue(stream.ReadableEvent);
        if (!ended && !stream.Receive.IsStopped) return;
        stream.Receive.TakeConsumed(now, RoundTrip);
        CountConsumed(now, stream);
        TryRemove(stream);
    }

    // What was read on one stream is room for all.
    private void CountConsumed(Instant now, SessionStream stream)
    {
        long consumed = stream.Receive.Consumed;
        _consumedTotal += consumed - stream.CountedConsumed;
        stream.CountedConsumed = consumed;
        if (_window.TryAdvance(now, _consumedTotal, RoundTrip) || _window.TryRelease(_receivedTotal, _consumedTotal)) _maxDataDue = true;
    }

    private void TryRemove(SessionStream stream)
    {
        if (!stream.Send.IsFinal || !stream.Receive.IsFinal || !_streams.Remove(stream.Id)) return;
        _events.Enqueue(new SessionEvent.StreamClosed(stream));
        if (stream.IsLocal) return;
        _peerClosed++;
        RaiseMaxPeerOpened();
    }

    // Told in bundles: when less than half of the streams that may be open are left to be opened.
    private void RaiseMaxPeerOpened()
    {
        long limit = _peerClosed + _options.MaxIncomingStreams;
        if (_maxPeerOpened - _peerOpened > _options.MaxIncomingStreams / 2 || limit <= _maxPeerOpened) return;
        _maxPeerOpened = limit;
        _maxStreamsDue = true;
    }
}
