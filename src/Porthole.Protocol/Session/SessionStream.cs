namespace Porthole.Protocol.Session;

/// <summary>
/// One stream of a session: two ordered, reliable directions (RFC 9000 section 2). It is the one object that two threads share: the members here belong to the
/// application, one thread at a time; nothing blocks and nothing locks. After a call that may concern the session, <see cref="TryClaimActivity"/> tells
/// whether the machine must be told (<see cref="PeerSession.HandleStreamActivity"/>).
/// </summary>
public sealed class SessionStream
{
    private int _activity;
    private int _ended;

    internal SessionStream(long id, bool isLocal, SessionOptions options)
    {
        (Id, IsLocal) = (id, isLocal);
        Send = new SendStream(options.MaxStreamWindow);
        Receive = new ReceiveStream(options.MaxStreamWindow);
        ReadableEvent = new SessionEvent.StreamReadable(this);
        WritableEvent = new SessionEvent.StreamWritable(this);
    }

    /// <summary>The stream's number (RFC 9000 section 2.1): unique in its session.</summary>
    public long Id { get; }

    /// <summary>Whether this end opened it.</summary>
    public bool IsLocal { get; }

    /// <summary>How many bytes can be read now.</summary>
    public long Readable => Receive.Readable;

    /// <summary>How many bytes can be written now; 0 when writing is over.</summary>
    public long Writable => CanWrite ? Math.Max(0, Send.Room) : 0;

    /// <summary>Whether the peer ended its direction and everything was read.</summary>
    public bool EndOfStream => Receive.EndOfStream;

    /// <summary>The code with which the peer gave up its direction (RESET_STREAM); null if it did not. What was not read is gone.</summary>
    public long? ResetCode => Receive.ResetCode;

    /// <summary>The code with which the peer refused more bytes (STOP_SENDING); null if it did not.</summary>
    public long? StopCode => Send.StopCode;

    /// <summary>Whether the session ended: what has arrived can still be read, nothing more comes or goes.</summary>
    public bool IsSessionClosed => Volatile.Read(ref _ended) != 0;

    /// <summary>Takes bytes that have arrived, in order.</summary>
    /// <param name="destination">Where they go.</param>
    /// <param name="read">How many there were.</param>
    /// <returns>False when there is none now: look at <see cref="EndOfStream"/>, <see cref="ResetCode"/> and <see cref="IsSessionClosed"/>, or await <see cref="SessionEvent.StreamReadable"/>.</returns>
    public bool TryRead(Span<byte> destination, out int read)
    {
        read = Receive.Take(destination);
        if (read > 0 || EndOfStream) Touch();
        return read > 0;
    }

    /// <summary>Gives bytes to the stream; they are kept until the peer has acknowledged them.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="written">How many of them fit.</param>
    /// <returns>False when none fits now: look at <see cref="StopCode"/> and <see cref="IsSessionClosed"/>, or await <see cref="SessionEvent.StreamWritable"/>.</returns>
    /// <exception cref="InvalidOperationException">The writes were completed.</exception>
    public bool TryWrite(ReadOnlySpan<byte> source, out int written)
    {
        written = IsSessionClosed || StopCode is not null ? 0 : Send.Append(source);
        if (written > 0) Touch();
        return written > 0;
    }

    /// <summary>Ends this end's direction behind the bytes that were written (FIN). The peer's direction stays as it is.</summary>
    public void CompleteWrites()
    {
        Send.Finish();
        Touch();
    }

    /// <summary>Gives up both directions: RESET_STREAM for what was not yet delivered, STOP_SENDING for what the peer would still send.</summary>
    /// <param name="code">The application's reason, 0 to 2^62 - 1.</param>
    public void Abort(long code)
    {
        AbortWrites(code);
        AbortReads(code);
    }

    /// <summary>Gives up this end's direction (RFC 9000 section 19.4). Without effect when everything was delivered.</summary>
    /// <param name="code">The application's reason, 0 to 2^62 - 1.</param>
    public void AbortWrites(long code)
    {
        ThrowIfNoCode(code);
        Send.Abort(code);
        Touch();
    }

    /// <summary>Wants no more from the peer (RFC 9000 section 19.5); what has arrived is dropped.</summary>
    /// <param name="code">The application's reason, 0 to 2^62 - 1.</param>
    public void AbortReads(long code)
    {
        ThrowIfNoCode(code);
        Receive.Stop(code);
        Touch();
    }

    /// <summary>
    /// Whether something was done to this stream that the machine does not know yet. True once, until the machine has been told: the caller then posts the stream.
    /// </summary>
    public bool TryClaimActivity() => Interlocked.CompareExchange(ref _activity, Claimed, Pending) == Pending;

    /// <inheritdoc/>
    public override string ToString() => $"stream {Id}";

    internal SendStream Send { get; }

    internal ReceiveStream Receive { get; }

    internal SessionEvent.StreamReadable ReadableEvent { get; }

    internal SessionEvent.StreamWritable WritableEvent { get; }

    /// <summary>Machine: whether the stream stands in the queue of streams with bytes to send.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>Machine: whether the stream stands in the queue of streams with frames about them to send.</summary>
    internal bool IsControlQueued { get; set; }

    /// <summary>Machine: the frames about this stream that wait to be sent.</summary>
    internal StreamControls Controls { get; set; }

    /// <summary>Machine: how much of <see cref="ReceiveStream.Consumed"/> was counted for the connection.</summary>
    internal long CountedConsumed { get; set; }

    /// <summary>Machine: whether STOP_SENDING was sent or asked for.</summary>
    internal bool StopAsked { get; set; }

    /// <summary>Machine: takes note of the activity; what the application does from here on must be claimed anew.</summary>
    internal void TakeActivity() => Interlocked.Exchange(ref _activity, Quiet);

    /// <summary>Machine: the session ended.</summary>
    internal void End() => Volatile.Write(ref _ended, 1);

    private const int Quiet = 0;
    private const int Pending = 1;
    private const int Claimed = 2;

    private bool CanWrite => !IsSessionClosed && !Send.IsFinished && StopCode is null;

    // Quiet or Pending becomes Pending; Claimed stays, for the post that is under way will see it.
    private void Touch() => Interlocked.CompareExchange(ref _activity, Pending, Quiet);

    private static void ThrowIfNoCode(long code)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(code);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, VariableLength.MaxValue);
    }
}
