namespace Porthole.Protocol.Session;

/// <content>What streams have to send: into packets, and again when a packet is lost.</content>
internal sealed partial class StreamTable
{
    /// <summary>A head and a few bytes: less room than this is better left empty.</summary>
    private const int SmallestWorthwhile = 32;

    /// <summary>Whether any frame waits to be sent.</summary>
    public bool HasWork() => _maxDataDue || _maxStreamsDue || _dataBlockedDue || _streamsBlockedDue || _withControls.Count > 0 || HasData();

    /// <summary>Writes frames into a packet and notes them for its record.</summary>
    /// <returns>Whether anything was written.</returns>
    public bool Write(ref FrameWriter frames, SentPackets sent)
    {
        int before = frames.Length;
        WriteControls(ref frames, sent);
        while (frames.Room >= SmallestWorthwhile && HasData())
        {
            if (!_withData.TryPeek(out var stream) || !stream.Send.TryPeek(_sendLimit - _sent, out long offset, out long length, out bool fin)) break;
            if (!frames.TryWriteStream(stream.Id, offset, length, ref fin, out var data)) break;
            int fresh = stream.Send.Cut(offset, data, fin);
            _sent += fresh;
            BytesResent += data.Length - fresh;
            sent.AddFrame(new SentFrame(stream, offset, data.Length, SentFrameKind.Stream, fin));
            if (stream.Send.TakeBlocked()) Queue(stream, StreamControls.Blocked);
            if (_withData.Count > 1 && data.Length < length) _withData.Enqueue(_withData.Dequeue()); // the packet is full: the next stream's turn
        }

        return frames.Length > before;
    }

    /// <summary>Takes the arrival of a frame.</summary>
    public void HandleAcknowledged(in SentFrame frame)
    {
        if (frame.Stream is not { } stream) return;
        if (frame.Kind == SentFrameKind.Stream)
        {
            stream.Send.Fit(CongestionWindow);
            if (stream.Send.HandleAcknowledged(frame.Offset, frame.Length, frame.Fin)) _events.Enqueue(stream.WritableEvent);
        }
        else if (frame.Kind == SentFrameKind.ResetStream)
        {
            stream.Send.HandleResetAcknowledged();
        }
        else
        {
            return;
        }

        if (stream.Send.IsFinal) TryRemove(stream);
    }

    /// <summary>Takes the loss of a frame: what it said is said again, as it is now (RFC 9000 section 13.3).</summary>
    public void HandleLost(in SentFrame frame)
    {
        switch (frame.Kind)
        {
            case SentFrameKind.Stream:
                frame.Stream!.Send.HandleLost(frame.Offset, frame.Length, frame.Fin);
                if (frame.Stream.Send.HasLost) Queue(frame.Stream);
                break;
            case SentFrameKind.ResetStream:
                if (frame.Stream!.Send.State == SendState.ResetSent) Queue(frame.Stream, StreamControls.Reset);
                break;
            case SentFrameKind.StopSending:
                if (frame.Stream!.Receive.StopCode is not null) Queue(frame.Stream, StreamControls.StopSending);
                break;
            case SentFrameKind.MaxStreamData:
                if (frame.Stream!.Receive.State == ReceiveState.Receive) Queue(frame.Stream, StreamControls.MaxStreamData);
                break;
            case SentFrameKind.StreamDataBlocked:
                if (frame.Stream!.Send.IsBlocked) Queue(frame.Stream, StreamControls.Blocked);
                break;
            case SentFrameKind.MaxData:
                _maxDataDue = true;
                break;
            case SentFrameKind.MaxStreams:
                _maxStreamsDue = true;
                break;
            case SentFrameKind.DataBlocked:
                _dataBlockedDue = _sent == _sendLimit;
                break;
            case SentFrameKind.StreamsBlocked:
                _streamsBlockedDue = _openWasRefused;
                break;
        }
    }

    // Streams leave the queue when they are asked and have nothing, so that a stale entry costs one look.
    private bool HasData()
    {
        while (_withData.TryPeek(out var stream))
        {
            if (stream.Send.HasLost || stream.Send.HasWork && (_sent < _sendLimit || stream.Send.Fresh <= 0)) return true;
            if (stream.Send.HasWork) NoteBlocked();
            _withData.Dequeue();
            stream.IsQueued = false;
        }

        return _dataBlockedDue;
    }

    private void WriteControls(ref FrameWriter frames, SentPackets sent)
    {
        if (_maxDataDue && frames.TryWrite(FrameType.MaxData, _window.Limit)) Note(ref _maxDataDue, SentFrameKind.MaxData, sent);
        if (_maxStreamsDue && frames.TryWrite(FrameType.MaxStreams, _maxPeerOpened)) Note(ref _maxStreamsDue, SentFrameKind.MaxStreams, sent);
        if (_dataBlockedDue && frames.TryWrite(FrameType.DataBlocked, _sendLimit)) Note(ref _dataBlockedDue, SentFrameKind.DataBlocked, sent);
        if (_streamsBlockedDue && frames.TryWrite(FrameType.StreamsBlocked, _maxOpened)) Note(ref _streamsBlockedDue, SentFrameKind.StreamsBlocked, sent);
        while (_withControls.TryPeek(out var stream))
        {
            foreach (var control in (ReadOnlySpan<StreamControls>)
                [StreamControls.Reset, StreamControls.StopSending, StreamControls.MaxStreamData, StreamControls.Blocked])
            {
                if ((stream.Controls & control) != 0 && !TryWriteControl(ref frames, sent, stream, control)) return;
            }

            stream.IsControlQueued = false;
            _withControls.Dequeue();
        }
    }

    private static bool TryWriteControl(ref FrameWriter frames, SentPackets sent, SessionStream stream, StreamControls control)
    {
        var (written, kind) = control switch
        {
            StreamControls.Reset =>
                (frames.TryWrite(FrameType.ResetStream, stream.Id, stream.Send.ResetCode, stream.Send.Sent), SentFrameKind.ResetStream),
            StreamControls.StopSending =>
                (stream.Receive.StopCode is not { } code || frames.TryWrite(FrameType.StopSending, stream.Id, code), SentFrameKind.StopSending),
            StreamControls.MaxStreamData =>
                (frames.TryWrite(FrameType.MaxStreamData, stream.Id, stream.Receive.Limit), SentFrameKind.MaxStreamData),
            _ => (frames.TryWrite(FrameType.StreamDataBlocked, stream.Id, stream.Send.Limit), SentFrameKind.StreamDataBlocked),
        };
        if (!written) return false;
        stream.Controls &= ~control;
        sent.AddFrame(new SentFrame(stream, 0, 0, kind, false));
        return true;
    }

    private static void Note(ref bool due, SentFrameKind kind, SentPackets sent)
    {
        due = false;
        sent.AddFrame(new SentFrame(null, 0, 0, kind, false));
    }

    private void NoteBlocked()
    {
        if (_blockedAt == _sendLimit) return;
        _blockedAt = _sendLimit;
        _dataBlockedDue = true;
    }

    private void Queue(SessionStream stream)
    {
        if (stream.IsQueued) return;
        stream.IsQueued = true;
        _withData.Enqueue(stream);
    }

    private void Queue(SessionStream stream, StreamControls control)
    {
        stream.Controls |= control;
        if (stream.IsControlQueued) return;
        stream.IsControlQueued = true;
        _withControls.Enqueue(stream);
    }
}
