using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>A peer that holds the keys and breaks the rules: each is closed with RFC 9000's error, or ignored; nothing throws, hangs or grows.</summary>
public sealed class HostilePeerTests
{
    private static readonly byte[] s_data = new byte[100];

    private readonly RawPeer _peer = new();

    [Theory]
    [InlineData(new byte[] { 0x3F })] // no such type
    [InlineData(new byte[] { 0x40, 0x01 })] // PING, but not in its shortest form
    [InlineData(new byte[] { 0x18, 0x00 })] // NEW_CONNECTION_ID, which sessions do not have
    [InlineData(new byte[] { 0x02 })]
    [InlineData(new byte[] { 0x02, 0x00, 0x00, 0x00, 0x01 })] // the first range goes below zero
    [InlineData(new byte[] { 0x02, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00 })] // the second does
    [InlineData(new byte[] { 0x02, 0x00, 0x00, 0x40, 0xFF, 0x00 })] // more ranges than bytes
    [InlineData(new byte[] { 0x0A, 0x00, 0x05, 0x01 })] // a length beyond the packet
    [InlineData(new byte[] { 0x0C, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 })] // offset and length beyond 2^62 - 1
    [InlineData(new byte[] { 0x1A, 0x01, 0x02 })]
    [InlineData(new byte[] { 0x1C, 0x00, 0x00, 0x7F, 0xFF })]
    [InlineData(new byte[] { 0x31, 0x7F })]
    [InlineData(new byte[] { 0x12, 0xD0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01 })] // MAX_STREAMS beyond 2^60
    [InlineData(new byte[] { 0x16, 0xD0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01 })]
    public void A_malformed_frame_closes_with_FRAME_ENCODING_ERROR(byte[] frames)
    {
        Assert.True(_peer.Send(frames));
        Assert.Equal(TransportError.FrameEncoding, _peer.Error);
    }

    [Fact]
    public void A_packet_without_frames_is_a_violation()
    {
        Assert.True(_peer.Send(ReadOnlySpan<byte>.Empty));
        Assert.Equal(TransportError.ProtocolViolation, _peer.Error);
    }

    [Fact]
    public void The_stream_limit_may_be_reached_and_not_passed()
    {
        Assert.True(_peer.SendStream(0, SessionLimits.InitialMaxStreamData - 100, s_data));
        Assert.Null(_peer.Error);
        _peer.SendStream(0, SessionLimits.InitialMaxStreamData - 99, s_data);
        Assert.Equal(TransportError.FlowControl, _peer.Error);
    }

    [Fact]
    public void The_session_limit_may_be_reached_and_not_passed()
    {
        for (int i = 0; i < 4; i++) _peer.SendStream(4 * i, SessionLimits.InitialMaxStreamData - 100, s_data);
        Assert.Null(_peer.Error); // 4 × 256 KiB is the whole of it, although 400 bytes came
        _peer.SendStream(16, 0, [1]);
        Assert.Equal(TransportError.FlowControl, _peer.Error);
    }

    [Fact]
    public void A_reset_counts_against_the_limits_with_its_final_size()
    {
        _peer.SendFrame(FrameType.ResetStream, 0, 7, SessionLimits.InitialMaxStreamData + 1);
        Assert.Equal(TransportError.FlowControl, _peer.Error);
    }

    [Theory]
    [InlineData(50, false)] // bytes beyond the end
    [InlineData(-50, true)] // another end, below what came
    [InlineData(50, true)]
    public void A_stream_whose_end_moves_closes_with_FINAL_SIZE_ERROR(int shift, bool fin)
    {
        _peer.SendStream(0, 100, s_data, fin: true);
        _peer.SendStream(0, 100 + shift, s_data, fin);
        Assert.Equal(TransportError.FinalSize, _peer.Error);
    }

    [Theory]
    [InlineData(199)]
    [InlineData(201)]
    public void A_reset_with_another_end_closes_with_FINAL_SIZE_ERROR(long finalSize)
    {
        _peer.SendStream(0, 100, s_data, fin: true);
        _peer.SendFrame(FrameType.ResetStream, 0, 7, finalSize);
        Assert.Equal(TransportError.FinalSize, _peer.Error);
    }

    [Fact]
    public void A_reset_below_what_came_closes_with_FINAL_SIZE_ERROR()
    {
        _peer.SendStream(0, 0, s_data);
        _peer.SendFrame(FrameType.ResetStream, 0, 7, 99);
        Assert.Equal(TransportError.FinalSize, _peer.Error);
    }

    [Theory]
    [InlineData(1, TransportError.StreamState)] // the victim's, never opened
    [InlineData(2, TransportError.StreamLimit)] // one-way: none is allowed
    [InlineData(3, TransportError.StreamState)]
    [InlineData(4 * SessionLimits.InitialMaxStreams, TransportError.StreamLimit)]
    [InlineData((1L << 62) - 4, TransportError.StreamLimit)]
    public void A_frame_for_a_stream_that_cannot_be_closes(long id, TransportError error)
    {
        foreach (byte type in new[] { FrameType.ResetStream, FrameType.StopSending, FrameType.MaxStreamData, FrameType.StreamDataBlocked, FrameType.Stream })
        {
            var peer = new RawPeer();
            if (type == FrameType.Stream) peer.SendStream(id, 0, s_data);
            else if (type == FrameType.ResetStream) peer.SendFrame(type, id, 0, 0);
            else peer.SendFrame(type, id, 0);
            Assert.Equal(error, peer.Error);
        }
    }

    [Fact]
    public void The_last_allowed_stream_opens_all_below_it_and_no_more()
    {
        _peer.SendStream(4 * (SessionLimits.InitialMaxStreams - 1), 0, [1]);
        Assert.Null(_peer.Error);
        Assert.Equal(SessionLimits.InitialMaxStreams, _peer.Events.OfType<SessionEvent.StreamOpened>().Count());
        Assert.Equal(SessionLimits.InitialMaxStreams, _peer.Victim.StreamCount);
    }

    [Fact]
    public void Streams_that_are_opened_and_reset_without_end_do_not_grow_the_session()
    {
        long limit = SessionLimits.InitialMaxStreams, next = 0;
        for (int round = 0; round < 200; round++)
        {
            while (next < limit)
            {
                _peer.SendFrame(FrameType.ResetStream, 4 * next, 1, 0);
                _peer.SendFrame(FrameType.StopSending, 4 * next, 1);
                next++;
            }

            Assert.InRange(_peer.Victim.StreamCount, 0, SessionLimits.InitialMaxStreams);
            foreach (byte[] frames in _peer.Receive()) limit = Math.Max(limit, AcknowledgeAndFindMaxStreams(frames));
        }

        Assert.Null(_peer.Error);
        Assert.True(next > 1_000, $"{next} streams");
        Assert.InRange(_peer.Victim.StreamCount, 0, SessionLimits.InitialMaxStreams);
    }

    [Fact]
    public void An_acknowledgement_of_what_was_never_sent_is_a_violation()
    {
        _peer.SendFrame(FrameType.Ack, 1_000, 0, 0, 0);
        Assert.Equal(TransportError.ProtocolViolation, _peer.Error);
    }

    [Fact]
    public void Optimistic_acknowledgements_run_into_a_skipped_number()
    {
        Assert.True(_peer.Victim.TryOpenStream(_peer.Now, out var stream));
        byte[] chunk = new byte[8_000];
        long sent = 0;
        for (int i = 0; i < 6_000 && _peer.Error is null; i++)
        {
            stream.TryWrite(chunk, out _);
            _peer.Victim.HandleStreamActivity(_peer.Now, stream);
            sent += _peer.Receive().Count;
            if (i == 0) _peer.SendFrame(FrameType.MaxData, 1L << 40);
            if (i == 0) _peer.SendFrame(FrameType.MaxStreamData, stream.Id, 1L << 40);
            _peer.Now += TimeSpan.FromMilliseconds(1);
            long newest = (long)_peer.Victim.Statistics.PacketsSent - 1; // what a peer guesses that ignores what really came
            _peer.SendFrame(FrameType.Ack, newest, 0, 0, newest);
        }

        Assert.Equal(TransportError.ProtocolViolation, _peer.Error);
    }

    [Fact]
    public void Packets_in_the_worst_order_are_kept_within_bounds_and_not_acknowledged_beyond()
    {
        int kept = 0;
        for (int i = 0; i < 3 * ReceiveStream.MaxGaps; i++)
        {
            long before = _peer.NextNumber;
            _peer.SendStream(0, 2 * i + 1, [1]); // every second byte: the most gaps for the fewest bytes
            kept += Acknowledged(before) ? 1 : 0;
        }

        Assert.Null(_peer.Error);
        Assert.Equal(ReceiveStream.MaxGaps, kept);
        _peer.SendStream(0, 0, new byte[2 * ReceiveStream.MaxGaps + 1]); // what was missing: everything is usable again
        Assert.True(_peer.Events.OfType<SessionEvent.StreamReadable>().Single().Stream.Readable > 2 * ReceiveStream.MaxGaps);
    }

    [Fact]
    public void Packet_numbers_with_endless_gaps_do_not_grow_the_record()
    {
        for (int i = 0; i < 2_000; i++)
        {
            _peer.SkipNumbers(1);
            Assert.True(_peer.SendFrame(FrameType.Ping));
        }

        byte[] frames = _peer.RunFor(TimeSpan.FromSeconds(1)).First(frames => frames[0] == FrameType.Ack);
        Assert.True(new FrameReader(frames.AsSpan(1)).TryReadAck(out var ack));
        int ranges = 0;
        while (ack.TryTakeRange(out _, out _)) ranges++;
        Assert.Equal(ReceivedPackets.MaxRanges, ranges);
    }

    [Fact]
    public void A_peer_that_never_acknowledges_does_not_grow_the_record_of_sent_packets()
    {
        var peer = new RawPeer(new SessionOptions { IdleTimeout = TimeSpan.FromHours(1) }, overUdp: true);
        Assert.True(peer.Victim.TryOpenStream(peer.Now, out var stream));
        stream.TryWrite(new byte[200_000], out _);
        peer.Victim.HandleStreamActivity(peer.Now, stream);
        for (int i = 0; i < 1.1 * SentPackets.MaxPackets; i++)
        {
            peer.Send([FrameType.Ping]);
            peer.Send([FrameType.Ping]);
            peer.Now += TimeSpan.FromMicroseconds(10);
            peer.Receive();
        }

        Assert.Null(peer.Error);
        Assert.InRange(peer.Victim.SentRecords, 1, SentPackets.MaxPackets);
    }

    [Fact]
    public void An_oversized_reason_is_cut_and_cannot_steer_a_terminal()
    {
        byte[] reason = new byte[15_000];
        reason.AsSpan().Fill((byte)'x');
        "\u001b[2J\r\n\xC3"u8.CopyTo(reason);
        _peer.Send([FrameType.CloseApplication, .. RawPeer.Numbers(42, reason.Length), .. reason]);
        var closed = Assert.IsType<SessionEvent.Closed>(_peer.Events[^1]);
        Assert.Equal((42UL, true, SessionCloseCause.Application), (closed.Code, closed.ByPeer, closed.Cause));
        Assert.InRange(closed.Reason.Length, 100, 1_024);
        Assert.DoesNotContain(closed.Reason, char.IsControl);
        Assert.Empty(_peer.Receive());
    }

    [Fact]
    public void A_reset_after_everything_arrived_changes_nothing()
    {
        _peer.SendStream(0, 0, s_data, fin: true);
        _peer.SendFrame(FrameType.ResetStream, 0, 7, 100);
        var stream = _peer.Events.OfType<SessionEvent.StreamOpened>().Single().Stream;
        Assert.Null(stream.ResetCode);
        Assert.True(stream.TryRead(new byte[200], out int read));
        Assert.Equal(100, read);
        Assert.True(stream.EndOfStream);
    }

    [Fact]
    public void Late_frames_of_a_stream_that_was_reset_are_ignored()
    {
        _peer.SendStream(0, 0, s_data);
        _peer.SendFrame(FrameType.ResetStream, 0, 7, 300);
        _peer.SendStream(0, 100, s_data);
        _peer.SendStream(0, 200, s_data, fin: true);
        _peer.SendFrame(FrameType.ResetStream, 0, 9, 300);
        Assert.Null(_peer.Error);
        var stream = _peer.Events.OfType<SessionEvent.StreamOpened>().Single().Stream;
        Assert.Equal(7, stream.ResetCode);
        Assert.False(stream.TryRead(new byte[10], out _));
        _peer.SendStream(0, 300, [1]);
        Assert.Equal(TransportError.FinalSize, _peer.Error);
    }

    [Fact]
    public void A_flood_of_challenges_is_answered_one_for_one_and_never_larger()
    {
        int answers = 0, bytes = 0;
        for (int i = 0; i < 1_000; i++)
        {
            for (int j = 0; j < 10; j++) _peer.Send([FrameType.PathChallenge, 1, 2, 3, 4, 5, 6, 7, (byte)j]);
            foreach (byte[] frames in _peer.Receive())
            {
                if (frames[0] != FrameType.PathResponse) continue;
                answers++;
                bytes += frames.Length;
            }
        }

        Assert.Equal(4_000, answers); // four wait at most
        Assert.True(bytes <= 10_000 * 9);
    }

    [Fact]
    public void Responses_that_nobody_asked_for_validate_nothing()
    {
        var path = _peer.Victim.AddPath(_peer.Now, new SocketId(2), default, PathTraits.Udp, default, trusted: false);
        _peer.SendOn(path, FrameType.PathResponse, 1, 2, 3, 4, 5, 6, 7, 8);
        Assert.Null(_peer.Error);
        Assert.False(_peer.Victim.Paths[1].IsValidated);
        Assert.Throws<InvalidOperationException>(() => _peer.Victim.SetActive(_peer.Now, path));
    }

    [Fact]
    public void A_path_that_is_not_validated_gets_at_most_three_times_what_it_sent()
    {
        var path = _peer.Victim.AddPath(_peer.Now, new SocketId(2), default, PathTraits.Udp, default, trusted: false);
        for (int i = 0; i < 1_000; i++)
        {
            _peer.SendOn(path, FrameType.Ping);
            _peer.SendOn(path, FrameType.PathChallenge, 1, 2, 3, 4, 5, 6, 7, 8);
            _peer.Receive();
        }

        var status = _peer.Victim.Paths[1];
        Assert.True(status.BytesSent > 0);
        Assert.True(status.BytesSent <= 3 * status.BytesReceived + SessionPath.HandshakeAllowance, $"{status}");
    }

    [Fact]
    public void Random_frames_never_throw()
    {
        for (int seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            var peer = seed % 100 == 0 || Reusable is not { Error: null } || Reusable.Victim.State != SessionState.Confirmed ? Reusable = new RawPeer() : Reusable;
            byte[] frames = new byte[random.Next(1, 60)];
            random.NextBytes(frames);
            frames[0] = (byte)random.Next(0x32);
            peer.Send(frames);
            peer.Now += TimeSpan.FromMilliseconds(random.Next(40));
            peer.Victim.HandleDeadline(peer.Now);
            peer.Receive();
        }
    }

    private RawPeer? Reusable { get; set; }

    private bool Acknowledged(long number)
    {
        foreach (byte[] frames in _peer.RunFor(TimeSpan.FromMilliseconds(20)))
        {
            if (frames[0] != FrameType.Ack || !new FrameReader(frames.AsSpan(1)).TryReadAck(out var ack)) continue;
            while (ack.TryTakeRange(out long smallest, out long largest))
            {
                if (smallest <= number && number <= largest) return true;
            }
        }

        return false;
    }

    private long AcknowledgeAndFindMaxStreams(byte[] frames)
    {
        long found = 0;
        var reader = new FrameReader(frames);
        while (!reader.IsEmpty && reader.TryReadType(out byte type))
        {
            if (type == FrameType.Ack) reader.TryReadAck(out _);
            else if (type == FrameType.MaxStreams && reader.TryReadNumber(out long count)) found = count;
            else if (type == FrameType.ResetStream) _ = reader.TryReadNumber(out _) && reader.TryReadNumber(out _) && reader.TryReadNumber(out _);
            else if (type != FrameType.Ping) reader.TryReadNumber(out _);
        }

        _peer.Acknowledge(); // so that the victim's resets are done
        return found;
    }
}
