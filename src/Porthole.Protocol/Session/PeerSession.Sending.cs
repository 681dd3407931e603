namespace Porthole.Protocol.Session;

public sealed partial class PeerSession
{
    /// <summary>Ranges beyond which a receiver that has nothing else to send asks for an acknowledgement of its own, so that old ranges can be dropped.</summary>
    private const int RangesBeforePing = 4;

    /// <summary>The most bytes of an ACK frame beside data; alone it may fill the packet.</summary>
    private const int MaxAckBesideData = 200;

    /// <summary>Room for the head, one range and the tag: with less budget no acknowledgement goes to a pair that is not validated.</summary>
    private const int SmallestAckPacket = PacketProtection.Overhead + 20;

    /// <summary>A number is skipped once in so many packets, at a place nobody can foresee (RFC 9000 section 21.4).</summary>
    private const int MinSkipDistance = 500;
    private const int MaxSkipDistance = 5_000;

    private long _packetsSent;
    private long _bytesSent;
    private bool _pingDue;
    private bool _datagramsFirst;
    private long _skippedNumber = -1;
    private long _nextSkip = -1;
    private Instant _lastRangePing;

    /// <summary>Whether sealed packets may be sent.</summary>
    private bool MaySeal => _protection is { CanSeal: true } && _handshake.MaySend;

    /// <summary>Writes the next batch of packets, all to one path, sealed in place in the driver's memory.</summary>
    /// <returns>False when there is nothing to send now.</returns>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (State >= SessionState.Draining) return false;
        if (State == SessionState.Closing) return TryWriteClose(now, ref writer);
        if (TryWriteHandshake(now, ref writer)) return true;
        if (!MaySeal) return false;
        var target = Target;
        foreach (var path in _paths)
        {
            if (path.IsRemoved || path.IsCongested) continue;
            if (TryWriteProbe(now, path, ref writer)) return true;
            if (path != target && (path.AckDue || path.ProbesDue > 0) && TryWritePackets(now, path, ref writer, mayCarryData: false)) return true;
        }

        return target is { IsCongested: false } && TryWritePackets(now, target, ref writer, mayCarryData: true);
    }

    private bool TryWriteHandshake(Instant now, ref DatagramBatchWriter writer)
    {
        var message = _handshake.Outgoing;
        if (message.IsEmpty) return false;
        foreach (var path in _paths)
        {
            if (!path.HandshakeDue || path.IsRemoved || path.IsCongested) continue;
            path.HandshakeDue = false;
            if (!path.MaySend(message.Length)) continue;
            writer.Begin(path.Socket, path.Remote);
            if (!writer.TryReserve(path.Prefix.Length + message.Length, out var segment)) return false;
            path.Prefix.CopyTo(segment);
            message.Span.CopyTo(segment[path.Prefix.Length..]);
            writer.Commit(segment.Length);
            Count(path, message.Length);
            path.BytesSent += message.Length;
            path.HandshakeSentAt = path.HandshakeCount++ == 0 ? now : null;
            return true;
        }

        return false;
    }

    // Challenges and answers: alone in their packets, padded, outside the congestion window (RFC 9000 section 8.2.1), and nothing is owed for them.
    private bool TryWriteProbe(Instant now, SessionPath path, ref DatagramBatchWriter writer)
    {
        if (path.Validation is { HasStarted: false } waiting) waiting.HandleDeadline(now);
        bool isChallenge = path.Validation is { IsChallengeDue: true };
        if (!isChallenge && !path.HasResponses) return false;
        ulong token = isChallenge ? _entropy.NextUInt64() : 0;
        int size = 0;
        if (isChallenge)
        {
            size = path.Validation!.TakeChallenge(now, token);
            if (!path.IsValidated) path.Allowance += size; // few, and only on pairs that the owner chose: that is the budget
        }
        else if (!path.TryTakeResponse(out token, out size) || !path.MaySend(size))
        {
            return false;
        }

        writer.Begin(path.Socket, path.Remote);
        if (!writer.TryReserve(path.Prefix.Length + size, out var segment)) return false;
        path.Prefix.CopyTo(segment);
        var packet = segment[path.Prefix.Length..];
        var frames = new FrameWriter(packet[PacketProtection.HeaderSize..^PacketProtection.TagSize]);
        frames.TryWriteToken(isChallenge ? FrameType.PathChallenge : FrameType.PathResponse, token);
        long acknowledges = _received.TryWriteAck(now, ref frames, path, MaxAckBesideData);
        frames.PadTo(size - PacketProtection.Overhead);
        Seal(now, path, packet, frames.Length, eliciting: false, acknowledges);
        writer.Commit(segment.Length);
        return true;
    }

    private bool TryWritePackets(Instant now, SessionPath path, ref DatagramBatchWriter writer, bool mayCarryData)
    {
        path.Pacer.Refill(now, path.Congestion.Window, path.Congestion.InSlowStart, path.RoundTrip, path.MaxPacket);
        int full = path.Prefix.Length + path.MaxPacket;
        bool begun = false;
        while (true)
        {
            bool probe = path.ProbesDue > 0;
            bool data = mayCarryData && HasData() && (probe || HasCredit(path));
            if (!data && !probe && !path.AckDue) break;
            if (path.Budget < path.MaxPacket) data = probe = false; // not validated: only what little is owed
            if (!data && !probe && !TryBudgetAck(path)) break;
            if (!begun) writer.Begin(path.Socket, path.Remote);
            begun = true;
            if (!writer.TryReserve(full, out var segment)) break;
            path.Prefix.CopyTo(segment);
            int length = WritePacket(now, path, segment.Slice(path.Prefix.Length, path.Budget), data, probe);
            if (length == 0) break;
            writer.Commit(path.Prefix.Length + length);
            if (length < path.MaxPacket) break;
        }

        return writer.Count > 0;
    }

    private static bool TryBudgetAck(SessionPath path)
    {
        if (path.Budget >= SmallestAckPacket) return path.AckDue;
        (path.AckDue, path.AckAt) = (false, null);
        return false;
    }

    private bool HasData() => _pingDue || _datagrams.Count > 0 || _streams.HasWork();

    private static bool HasCredit(SessionPath path) =>
        path.BytesInFlight + path.MaxPacket <= path.Congestion.Window && path.Pacer.CanSend;

    /// <summary>Builds and seals one packet.</summary>
    /// <returns>Its length; 0 when there was nothing to put into it.</returns>
    private int WritePacket(Instant now, SessionPath path, Span<byte> packet, bool data, bool probe)
    {
        var frames = new FrameWriter(packet[PacketProtection.HeaderSize..^PacketProtection.TagSize]);
        long acknowledges = -1;
        if (path.AckDue || path.AckAt is not null)
        {
            acknowledges = _received.TryWriteAck(now, ref frames, path, data ? MaxAckBesideData : frames.Room);
        }

        int ackLength = frames.Length;
        if (data) WriteData(ref frames);
        if (frames.Length > ackLength) LastDataAt = now;
        bool wantsPing = probe && path.PingDue && frames.Length == ackLength || data && _pingDue && frames.Length == ackLength || WantsRangePing(now, data || probe);
        if (wantsPing && frames.TryWrite(FrameType.Ping) && data) _pingDue = false;
        bool eliciting = frames.Length > ackLength;
        if (eliciting && data) _pingDue = false; // any frame that calls for an answer does what a PING does
        if (frames.Length == 0) return 0;
        if (probe)
        {
            path.ProbesDue--;
            if (path.ProbesDue == 0) path.PingDue = false;
        }

        // Segments of a batch are equal: a packet with more behind it is filled up, and one that is nearly full is too.
        if (data && frames.Room > 0 && HasData()) frames.PadTo(packet.Length - PacketProtection.Overhead);
        return Seal(now, path, packet, frames.Length, eliciting, acknowledges);
    }

    private void WriteData(ref FrameWriter frames)
    {
        _datagramsFirst = !_datagramsFirst; // by turns, so that neither starves the other
        if (_datagramsFirst) WriteDatagrams(ref frames);
        _streams.Write(ref frames, _recovery.Sent);
        WriteDatagrams(ref frames);
    }

    private void WriteDatagrams(ref FrameWriter frames)
    {
        while (_datagrams.Count > 0 && frames.TryWriteDatagram(_datagrams.FirstLength, out var data)) _datagrams.Take(data);
    }

    // Who only receives would never learn that its acknowledgements arrive (RFC 9000 section 13.2.4).
    private bool WantsRangePing(Instant now, bool eliciting)
    {
        if (eliciting || _received.Ranges.Count < RangesBeforePing || now - _lastRangePing < _streams.RoundTrip) return false;
        _lastRangePing = now;
        return true;
    }

    private int Seal(Instant now, SessionPath path, Span<byte> packet, int payloadLength, bool eliciting, long acknowledges)
    {
        SkipNumber();
        int length = _protection!.Seal(packet, payloadLength, out ulong number);
        _recovery.HandleSent(now, path, (long)number, length, eliciting, acknowledges);
        if (eliciting) path.Pacer.Take(length); // acknowledgements are not paced: they would hold back the little that a receiver has to say
        Count(path, length);
        if (eliciting && !_isSilent)
        {
            _isSilent = true;
            _lastActivity = now; // RFC 9000 section 10.1: the first packet that asks for an answer restarts the idle timer
        }

        return length;
    }

    private void SkipNumber()
    {
        long next = (long)_protection!.NextPacketNumber;
        if (_nextSkip < 0) _nextSkip = next + _entropy.NextInt32(MinSkipDistance, MaxSkipDistance);
        if (next < _nextSkip) return;
        _skippedNumber = next;
        _nextSkip = -1;
        _protection.SkipPacketNumber();
    }

    private void Count(SessionPath path, int length)
    {
        _packetsSent++;
        _bytesSent += path.Prefix.Length + length;
    }
}
