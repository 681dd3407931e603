namespace Porthole.Protocol.Session;

public sealed partial class PeerSession
{
    /// <summary>RFC 9000 section 19.19 sets no limit to a reason; more than this is not even looked at.</summary>
    private const int MaxReadReason = 1_024;

    private long _packetsReceived;
    private long _packetsRefused;
    private long _bytesReceived;

    /// <summary>Takes one packet, sealed or of the handshake, without the path's prefix. Its bytes are changed.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="path">The path it came on.</param>
    /// <param name="packet">The packet; nothing about it is trusted.</param>
    /// <returns>False when it was not authentic, or the path is not known: nothing happened.</returns>
    public bool HandlePacket(Instant now, PathId path, Span<byte> packet)
    {
        if (State is SessionState.Closed || Find(path) is not { } from) return false;
        if (PacketHeader.TryReadHandshake(packet, out _, out _)) return HandleHandshakePacket(now, from, packet);
        if (_protection is null || !_protection.TryOpen(now, packet, out ulong number, out var payload))
        {
            _packetsRefused++;
            if (_protection is { IsForgeryLimitReached: true }) Fail(now, TransportError.AeadLimitReached, 0, "too many forged packets");
            return false;
        }

        _packetsReceived++;
        _bytesReceived += packet.Length;
        from.BytesReceived += packet.Length;
        if (State >= SessionState.Closing)
        {
            HandleWhileClosing(now, from, payload);
            return true;
        }

        _lastActivity = now;
        _isSilent = false;
        bool isFirst = State != SessionState.Confirmed;
        if (isFirst) Confirm(now, from);
        HandleLife(now, from);
        if (number > VariableLength.MaxValue || payload.IsEmpty)
        {
            Fail(now, TransportError.ProtocolViolation, 0, "a packet without frames or with an impossible number");
            return true;
        }

        if (HandleFrames(now, from, payload, packet.Length, out bool eliciting, out bool immediate))
        {
            _received.Add(now, (long)number, from, eliciting, immediate || isFirst);
        }

        return true;
    }

    /// <summary>Takes the frames of a packet.</summary>
    /// <returns>False when the packet must not be acknowledged.</returns>
    private bool HandleFrames(Instant now, SessionPath from, ReadOnlySpan<byte> payload, int packetSize, out bool eliciting, out bool immediate)
    {
        (eliciting, immediate) = (false, false);
        bool accepted = true;
        var frames = new FrameReader(payload);
        while (!frames.IsEmpty)
        {
            if (!frames.TryReadType(out byte type))
            {
                Fail(now, TransportError.FrameEncoding, 0, "an unknown frame");
                return false;
            }

            eliciting |= FrameType.IsAckEliciting(type);
            immediate |= type is FrameType.PathChallenge or FrameType.PathResponse;
            var error = HandleFrame(now, from, type, ref frames, packetSize, ref accepted);
            if (error == TransportError.None && State < SessionState.Closing) continue;
            if (error != TransportError.None) Fail(now, error, type, "a frame against the rules");
            return false;
        }

        return accepted;
    }

    private TransportError HandleFrame(Instant now, SessionPath from, byte type, ref FrameReader frames, int packetSize, ref bool accepted)
    {
        const TransportError malformed = TransportError.FrameEncoding;
        switch (type)
        {
            case FrameType.Padding:
                frames.SkipPadding();
                return TransportError.None;
            case FrameType.Ping:
                return TransportError.None;
            case FrameType.Ack:
                return frames.TryReadAck(out var ack) ? HandleAck(now, from, ref ack) : malformed;
            case >= FrameType.Stream and <= FrameType.StreamLast:
                if (!frames.TryReadStream(type, out var stream)) return malformed;
                LastDataAt = now;
                var error = _streams.HandleStream(now, stream, out bool kept);
                accepted &= kept;
                return error;
            case FrameType.ResetStream:
                return frames.TryReadNumber(out long id) && frames.TryReadNumber(out long code) && frames.TryReadNumber(out long size)
                    ? _streams.HandleReset(now, id, code, size)
                    : malformed;
            case FrameType.StopSending:
                return frames.TryReadNumber(out id) && frames.TryReadNumber(out code) ? _streams.HandleStopSending(id, code) : malformed;
            case FrameType.MaxStreamData:
                return frames.TryReadNumber(out id) && frames.TryReadNumber(out size) ? _streams.HandleMaxStreamData(id, size) : malformed;
            case FrameType.StreamDataBlocked:
                return frames.TryReadNumber(out id) && frames.TryReadNumber(out size) ? _streams.HandleStreamDataBlocked(now, id, size) : malformed;
            case FrameType.MaxData or FrameType.MaxStreams or FrameType.DataBlocked or FrameType.StreamsBlocked:
                return frames.TryReadNumber(out size) ? HandleLimit(now, type, size) : malformed;
            case FrameType.PathChallenge:
                if (!frames.TryReadToken(out ulong token)) return malformed;
                from.AddResponse(token, packetSize);
                return TransportError.None;
            case FrameType.PathResponse:
                if (!frames.TryReadToken(out token)) return malformed;
                HandlePathResponse(now, from, token);
                return TransportError.None;
            case FrameType.Datagram or FrameType.DatagramLength:
                if (!frames.TryReadDatagram(type, out var datagram)) return malformed;
                LastDataAt = now;
                return HandleDatagram(datagram);
            case FrameType.CloseTransport or FrameType.CloseApplication:
                return HandleClose(now, type, ref frames) ? TransportError.None : malformed;
            default:
                return malformed;
        }
    }

    private TransportError HandleAck(Instant now, SessionPath from, ref AckFrame ack)
    {
        // An acknowledgement of what was never sent is a lie (RFC 9000 section 13.1); numbers are skipped now and then to catch optimistic ones (section 21.4).
        if (ack.Largest >= (long)_protection!.NextPacketNumber) return TransportError.ProtocolViolation;
        var ranges = ack;
        while (ranges.TryTakeRange(out long smallest, out long largest))
        {
            if (_skippedNumber >= smallest && _skippedNumber <= largest) return TransportError.ProtocolViolation;
        }

        _recovery.HandleAck(now, ref ack, from, _paths);
        if (Target is { } target)
        {
            _streams.RoundTrip = target.RoundTrip.Smoothed;
            _streams.CongestionWindow = target.Congestion.Window;
            _protection.SetRetention(3 * target.RoundTrip.ProbeTimeout);
        }

        return TransportError.None;
    }

    private TransportError HandleLimit(Instant now, byte type, long limit)
    {
        switch (type)
        {
            case FrameType.MaxData:
                _streams.HandleMaxData(limit);
                return TransportError.None;
            case FrameType.DataBlocked:
                _streams.HandleDataBlocked(now, limit);
                return TransportError.None;
            case FrameType.MaxStreams:
                return _streams.HandleMaxStreams(limit);
            default:
                return _streams.HandleStreamsBlocked(limit);
        }
    }

    private TransportError HandleDatagram(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length > SessionLimits.MaxDatagram) return TransportError.ProtocolViolation; // RFC 9221 section 3: larger than was allowed
        _events.Enqueue(SessionEvent.DatagramReceived.Copy(datagram));
        return TransportError.None;
    }

    private void HandlePathResponse(Instant now, SessionPath from, ulong token)
    {
        // An answer proves the path that it came on; one that came elsewhere, or late, or never asked for, is ignored (RFC 9000 section 8.2.3).
        if (from.Validation is not { } validation || !validation.TryMatch(now, token, out int size, out var roundTrip)) return;
        from.Validation = null;
        from.IsValidated = true;
        from.RoundTrip.Add(roundTrip, TimeSpan.Zero);
        if (!from.Traits.Reliable)
        {
            from.MaxPacket = size;
            if (from.PacketsInFlight == 0) from.Congestion.Reset(size);
        }

        _events.Enqueue(new SessionEvent.PathValidated(from.Id, roundTrip, from.MaxPacket));
    }

    private bool HandleHandshakePacket(Instant now, SessionPath from, ReadOnlySpan<byte> packet)
    {
        var verdict = _handshake.HandlePacket(packet);
        switch (verdict)
        {
            case HandshakeVerdict.Accepted:
                from.BytesReceived += packet.Length;
                AfterHandshakeMessage(now);
                return true;
            case HandshakeVerdict.Duplicate:
                // Answered where it was asked, the same bytes; not more often than it came, so that it amplifies nothing.
                from.HandshakeDue = true;
                return true;
            case HandshakeVerdict.WrongKey:
                Finish("the peer's key is not the one that was expected", SessionCloseCause.WrongKey);
                return true;
            case HandshakeVerdict.Forged when _handshake is { HasPsk: true, IsInitiator: true, AreKeysReady: false }:
                // Message 2 is the first that the psk is mixed into. To wait for a better one would be to wait for the time-out.
                Finish("the peer does not hold the same pre-shared key", SessionCloseCause.WrongPsk);
                return true;
            default:
                _packetsRefused++;
                return false;
        }
    }

    private void AfterHandshakeMessage(Instant now)
    {
        _handshakeResends = 0;
        _handshakeResendAt = now + s_handshakeResend;
        foreach (var path in _paths) path.HandshakeDue = true;
        if (!_handshake.AreKeysReady || _protection is not null) return;
        _protection = _handshake.TakeProtection(_options.ProtectionLimits);
        State = SessionState.Established;
        _events.Enqueue(new SessionEvent.HandshakeCompleted(_handshake.RemoteKey!));
        if (_handshake.IsConfirmed) Confirm(now, null);
        if (_handshake.MaySend) _pingDue = true; // whoever may seal shows it at once: that confirms the session at the other end
    }

    private void Confirm(Instant now, SessionPath? from)
    {
        // The responder has no other sample before it sends data: its message went out, and the peer's first packet is the answer.
        if (!IsInitiator && from?.HandshakeSentAt is { } sentAt && !from.RoundTrip.HasSample) from.RoundTrip.Add(now - sentAt, TimeSpan.Zero);
        _handshake.Confirm();
        State = SessionState.Confirmed;
        _events.Enqueue(new SessionEvent.Confirmed());
    }
}
