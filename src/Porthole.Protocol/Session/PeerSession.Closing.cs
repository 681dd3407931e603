using System.Text;

namespace Porthole.Protocol.Session;

public sealed partial class PeerSession
{
    /// <summary>RFC 9000 section 10.2: closing and draining last three probe time-outs; the longest one of ours bounds it, however bad the last path was.</summary>
    private const int ClosingTimeouts = 3;

    private Instant _closedAt = Instant.Never;
    private byte _closeType;
    private long _closeCode;
    private long _closeFrameType;
    private byte[] _closeReason = [];
    private int _packetsWhileClosing;

    /// <summary>Ends the session at once; what was not delivered is lost. The peer gets code and reason.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="code">The application's code, 0 to 2^62 - 1.</param>
    /// <param name="reason">Words for people; cut after <see cref="SessionLimits.MaxReason"/> bytes of UTF-8.</param>
    public void Close(Instant now, ulong code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, (ulong)VariableLength.MaxValue);
        if (State >= SessionState.Closing) return;
        BeginClosing(now, FrameType.CloseApplication, (long)code, 0, reason);
        _events.Enqueue(new SessionEvent.Closed(code, reason, ByPeer: false, SessionCloseCause.Application));
    }

    // The peer broke a rule, or this end cannot go on (RFC 9000 section 11.1).
    private void Fail(Instant now, TransportError error, byte frameType, string reason)
    {
        if (State >= SessionState.Closing) return;
        BeginClosing(now, FrameType.CloseTransport, (long)error, frameType, reason);
        _events.Enqueue(new SessionEvent.Closed((ulong)error, reason, ByPeer: false, SessionCloseCause.Transport));
    }

    // Over without a word to the peer.
    private void Finish(string reason, SessionCloseCause cause, TransportError error = TransportError.None)
    {
        State = SessionState.Closed;
        End();
        _events.Enqueue(new SessionEvent.Closed((ulong)error, reason, ByPeer: false, cause));
    }

    private void BeginClosing(Instant now, byte type, long code, long frameType, string reason)
    {
        bool maySeal = MaySeal;
        (_closeType, _closeCode, _closeFrameType) = (type, code, frameType);
        _closeReason = Encode(reason);
        State = maySeal ? SessionState.Closing : SessionState.Closed;
        _closedAt = now + ClosingTime;
        foreach (var path in _paths)
        {
            // On the relay too, where there is one: on a UDP path the one packet may be lost, and who has gone sends no other.
            path.CloseDue = !path.IsRemoved && path.IsValidated && (Target is null || path == _active || path == Target || path.Traits.Reliable);
        }

        End();
    }

    private TimeSpan ClosingTime
    {
        get
        {
            var timeout = (Target?.RoundTrip ?? new RttEstimator()).ProbeTimeout;
            return ClosingTimeouts * (timeout < Recovery.MaxProbeTimeout ? timeout : Recovery.MaxProbeTimeout);
        }
    }

    private void End() => _streams.End();

    private bool TryWriteClose(Instant now, ref DatagramBatchWriter writer)
    {
        foreach (var path in _paths)
        {
            if (!path.CloseDue || path.IsCongested) continue;
            path.CloseDue = false;
            int size = Math.Min(path.MaxPacket, PathTraits.SmallestDatagram);
            if (!MaySeal || !path.MaySend(size)) continue;
            writer.Begin(path.Socket, path.Remote);
            if (!writer.TryReserve(path.Prefix.Length + size, out var segment)) return false;
            path.Prefix.CopyTo(segment);
            var packet = segment[path.Prefix.Length..];
            var frames = new FrameWriter(packet[PacketProtection.HeaderSize..^PacketProtection.TagSize]);
            frames.TryWriteClose(_closeType, _closeCode, _closeFrameType, _closeReason);
            int length = Seal(now, path, packet, frames.Length, eliciting: false, acknowledges: -1);
            writer.Commit(path.Prefix.Length + length);
            return true;
        }

        return false;
    }

    // The peer may not have had the close: it is told again, ever more rarely (RFC 9000 section 10.2.1).
    private void HandleWhileClosing(Instant now, SessionPath from, ReadOnlySpan<byte> payload)
    {
        if (State != SessionState.Closing) return;
        if (payload is [FrameType.CloseTransport or FrameType.CloseApplication, ..])
        {
            State = SessionState.Draining;
            return;
        }

        int count = ++_packetsWhileClosing;
        if ((count & (count - 1)) == 0) from.CloseDue = true;
    }

    private bool HandleClose(Instant now, byte type, ref FrameReader frames)
    {
        bool isTransport = type == FrameType.CloseTransport;
        if (!frames.TryReadNumber(out long code) || isTransport && !frames.TryReadNumber(out _) || !frames.TryReadBytes(out var reason)) return false;
        State = SessionState.Draining;
        _closedAt = now + ClosingTime;
        End();
        var cause = isTransport ? SessionCloseCause.Transport : SessionCloseCause.Application;
        _events.Enqueue(new SessionEvent.Closed((ulong)code, Decode(reason), ByPeer: true, cause));
        return true;
    }

    private static byte[] Encode(string reason)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(reason);
        if (bytes.Length <= SessionLimits.MaxReason) return bytes;
        int end = SessionLimits.MaxReason;
        while ((bytes[end] & 0xC0) == 0x80) end--; // not within a character
        return bytes[..end];
    }

    // Words of the other side, shown to people: no control characters, which could steer a terminal.
    private static string Decode(ReadOnlySpan<byte> reason)
    {
        if (reason.Length > MaxReadReason) reason = reason[..MaxReadReason];
        return string.Create(Encoding.UTF8.GetCharCount(reason), reason, static (text, bytes) =>
        {
            Encoding.UTF8.GetChars(bytes, text);
            foreach (ref char character in text)
            {
                if (char.IsControl(character)) character = '\uFFFD';
            }
        });
    }
}
