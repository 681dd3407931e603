using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Streams as applications see them (RFC 9000 chapters 2 to 4).</summary>
public sealed class StreamTests
{
    private readonly SessionLab _lab = SessionLab.Connected();
    private SessionStream? _accepted;

    public StreamTests() => _lab.Bob.React = taken => _accepted = (taken as SessionEvent.StreamOpened)?.Stream ?? _accepted;

    [Fact]
    public void A_stream_goes_both_ways_and_is_closed_when_both_ends_have_read_the_end()
    {
        var stream = Open("ping"u8);
        Assert.Equal("ping"u8.ToArray(), Read(_accepted!));
        _accepted!.TryWrite("pong"u8, out _);
        _accepted.CompleteWrites();
        Note(_lab.Bob, _accepted);
        stream.CompleteWrites();
        Note(_lab.Alice, stream);
        _lab.RunFor(200);
        Assert.Equal("pong"u8.ToArray(), Read(stream));
        Assert.True(stream.EndOfStream);
        Note(_lab.Alice, stream);
        Read(_accepted);
        Note(_lab.Bob, _accepted);
        _lab.RunFor(200);
        Assert.Single(_lab.Alice.Seen<SessionEvent.StreamClosed>());
        Assert.Single(_lab.Bob.Seen<SessionEvent.StreamClosed>());
        Assert.Equal((0, 0), (_lab.Alice.Session.StreamCount, _lab.Bob.Session.StreamCount));
    }

    [Fact]
    public void An_aborted_stream_resets_one_way_and_stops_the_other()
    {
        var stream = Open("lost"u8);
        _accepted!.TryWrite(new byte[1_000], out _);
        Note(_lab.Bob, _accepted);
        stream.Abort(77);
        Note(_lab.Alice, stream);
        _lab.RunFor(200);
        Assert.Equal(77, _accepted.ResetCode);
        Assert.Equal(77, _accepted.StopCode);
        Assert.False(_accepted.TryRead(new byte[10], out _));
        Assert.False(_accepted.TryWrite([1], out _));
        Assert.Equal((0, 0), (_lab.Alice.Session.StreamCount, _lab.Bob.Session.StreamCount));
    }

    [Fact]
    public void Stopping_the_peer_makes_it_reset()
    {
        var stream = Open("x"u8);
        stream.CompleteWrites();
        Note(_lab.Alice, stream);
        _accepted!.TryWrite(new byte[100_000], out _);
        Note(_lab.Bob, _accepted);
        stream.AbortReads(5);
        Note(_lab.Alice, stream);
        _lab.RunFor(300);
        Assert.Equal(5, _accepted.StopCode);
        Assert.Equal(5, stream.ResetCode ?? 5);
        Assert.Contains(_lab.Bob.Events, seen => seen is SessionEvent.StreamWritable writable && writable.Stream == _accepted);
        Read(_accepted);
        Note(_lab.Bob, _accepted);
        _lab.RunFor(100);
        Assert.Equal((0, 0), (_lab.Alice.Session.StreamCount, _lab.Bob.Session.StreamCount));
    }

    [Fact]
    public void A_reader_that_does_not_read_holds_the_writer_at_the_first_window_and_the_rest_follows_when_it_reads()
    {
        _lab.Alice.Send(_lab.Now, 600_000);
        _lab.RunFor(2_000);
        Assert.Equal(SessionLimits.InitialMaxStreamData, _accepted!.Readable);
        Assert.Equal(SessionLimits.InitialMaxStreamData, _lab.Alice.Session.Statistics.StreamBytesSent);
        var sink = new StreamSink(_accepted);
        _lab.Bob.Sinks.Add(sink);
        sink.Pump(_lab.Now, _lab.Bob.Session);
        _lab.RunUntil(() => sink.IsDone);
        Assert.Equal(600_000, sink.Position);
    }

    [Fact]
    public void Readers_that_do_not_read_hold_the_session_at_its_first_window()
    {
        for (int i = 0; i < 6; i++) _lab.Alice.Send(_lab.Now, 300_000);
        _lab.RunFor(3_000);
        Assert.Equal(SessionLimits.InitialMaxData, _lab.Alice.Session.Statistics.StreamBytesSent);
    }

    [Fact]
    public void Three_streams_that_nobody_reads_leave_the_rest_of_the_window_to_the_others()
    {
        for (int i = 0; i < 3; i++) _lab.Alice.Send(_lab.Now, 300_000);
        _lab.RunFor(2_000);
        Assert.Equal(3 * SessionLimits.InitialMaxStreamData, _lab.Alice.Session.Statistics.StreamBytesSent);
        _lab.ReadEverything();
        for (int i = 0; i < 2; i++) _lab.Alice.Send(_lab.Now, 3_000_000);
        _lab.RunUntil(() => _lab.Bob.Sinks.Count == 2 && _lab.Bob.Sinks.TrueForAll(static sink => sink.IsDone));
    }

    [Fact]
    public void A_stream_that_is_given_up_unread_is_room_for_the_others()
    {
        for (int i = 0; i < 4; i++) _lab.Alice.Send(_lab.Now, 300_000);
        _lab.RunFor(2_000);
        Assert.Equal(SessionLimits.InitialMaxData, _lab.Alice.Session.Statistics.StreamBytesSent);
        var unread = _accepted!;
        _lab.ReadEverything();
        _lab.Alice.Send(_lab.Now, 3_000_000);
        _lab.RunFor(2_000);
        Assert.Empty(_lab.Bob.Sinks);
        unread.AbortReads(0);
        Note(_lab.Bob, unread);
        _lab.RunUntil(() => _lab.Bob.Sinks is [{ IsDone: true }]);
    }

    [Fact]
    public void The_hundredth_stream_opens_and_the_next_waits_until_one_is_closed()
    {
        for (int i = 0; i < SessionLimits.InitialMaxStreams; i++) _lab.Alice.Send(_lab.Now, 10);
        Assert.False(_lab.Alice.Session.TryOpenStream(_lab.Now, out _));
        _lab.RunFor(200);
        Assert.Empty(_lab.Alice.Seen<SessionEvent.StreamsAvailable>());
        foreach (var opened in _lab.Bob.Seen<SessionEvent.StreamOpened>().ToList())
        {
            Read(opened.Stream);
            opened.Stream.CompleteWrites();
            Note(_lab.Bob, opened.Stream);
        }

        _lab.RunFor(200);
        foreach (var source in _lab.Alice.Sources)
        {
            source.Stream.TryRead(new byte[1], out _);
            Note(_lab.Alice, source.Stream);
        }

        _lab.RunFor(200);
        Assert.Single(_lab.Alice.Seen<SessionEvent.StreamsAvailable>());
        Assert.True(_lab.Alice.Session.TryOpenStream(_lab.Now, out _));
    }

    [Fact]
    public void Streams_share_the_path_fairly()
    {
        var lab = SessionLab.Direct(out _, link: link => link.Rate = 5_000_000);
        lab.ReadEverything();
        for (int i = 0; i < 4; i++) lab.Alice.Send(lab.Now, 100_000_000);
        lab.RunFor(2_000);
        var positions = lab.Bob.Sinks.Select(sink => (double)sink.Position).ToList();
        Assert.True(positions.Max() / positions.Min() < 1.2, string.Join(", ", positions));
    }

    [Fact]
    public void An_empty_stream_arrives_as_an_end()
    {
        _lab.ReadEverything();
        _lab.Alice.Send(_lab.Now, 0);
        _lab.RunUntil(() => _lab.Bob.Sinks is [{ IsDone: true }], 100);
    }

    [Fact]
    public void A_thousand_short_streams_one_after_the_other_leave_nothing_behind()
    {
        _lab.ReadEverything();
        for (int i = 0; i < 1_000; i++)
        {
            var source = _lab.Alice.Send(_lab.Now, 10);
            _lab.RunUntil(() => _lab.Bob.Sinks.Count > 0 && _lab.Bob.Sinks[^1].Stream.Id == source.Stream.Id && _lab.Bob.Sinks[^1].IsDone, 1_000);
            var answer = _lab.Bob.Sinks[^1].Stream;
            answer.CompleteWrites();
            Note(_lab.Bob, answer);
            _lab.RunUntil(() => source.Stream.Readable == 0 && source.Stream.EndOfStream, 1_000);
            source.Stream.TryRead(new byte[1], out _);
            Note(_lab.Alice, source.Stream);
            _lab.Bob.Sinks.Clear();
            _lab.Alice.Sources.Clear();
            _lab.Bob.Sinks.Add(new StreamSink(answer));
        }

        _lab.RunFor(200);
        Assert.Equal((0, 0), (_lab.Alice.Session.StreamCount, _lab.Bob.Session.StreamCount));
    }

    [Fact]
    public void Writing_after_the_end_is_a_mistake_of_the_caller()
    {
        var stream = Open("x"u8);
        stream.CompleteWrites();
        Assert.Equal(0, stream.Writable);
        Assert.Throws<InvalidOperationException>(() => stream.TryWrite([1], out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Abort(-1));
    }

    [Fact]
    public void Datagrams_arrive_on_their_own_and_beside_streams()
    {
        _lab.ReadEverything();
        _lab.Alice.Send(_lab.Now, 500_000);
        for (int i = 0; i < 50; i++) Assert.True(_lab.Alice.Session.TrySendDatagram(_lab.Now, new byte[20 * i]));
        _lab.RunFor(1_000);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => 20 * i), _lab.Bob.Seen<SessionEvent.DatagramReceived>().Select(seen => seen.Data.Length));
    }

    [Fact]
    public void The_datagram_queue_is_bounded_and_so_is_a_datagram()
    {
        Assert.False(_lab.Alice.Session.TrySendDatagram(_lab.Now, new byte[SessionLimits.MaxDatagram + 1]));
        int taken = 0;
        while (_lab.Alice.Session.TrySendDatagram(_lab.Now, new byte[SessionLimits.MaxDatagram])) taken++;
        Assert.Equal(SessionOptions.Default.MaxQueuedDatagrams, taken);
        _lab.RunFor(2_000);
        Assert.Equal(taken, _lab.Bob.Seen<SessionEvent.DatagramReceived>().Count());
        Assert.All(_lab.Bob.Seen<SessionEvent.DatagramReceived>(), seen => Assert.Equal(SessionLimits.MaxDatagram, seen.Data.Length));
    }

    [Fact]
    public void The_largest_datagram_fits_the_smallest_path()
    {
        var lab = SessionLab.Direct(out _, link: link => link.MaxPacket = PathTraits.SmallestDatagram);
        Assert.True(lab.Alice.Session.TrySendDatagram(lab.Now, new byte[SessionLimits.MaxDatagram]));
        lab.RunFor(50);
        Assert.Single(lab.Bob.Seen<SessionEvent.DatagramReceived>());
    }

    [Fact]
    public void A_lost_datagram_is_not_sent_again()
    {
        var lab = SessionLab.Direct(out var direct);
        lab.RunFor(500);
        direct.ToBob.DropNumbers.Add(direct.ToBob.Sent + 1);
        lab.Alice.Session.TrySendDatagram(lab.Now, [1]);
        lab.RunFor(1_000);
        Assert.Empty(lab.Bob.Seen<SessionEvent.DatagramReceived>());
    }

    private SessionStream Open(ReadOnlySpan<byte> first)
    {
        Assert.True(_lab.Alice.Session.TryOpenStream(_lab.Now, out var stream));
        stream.TryWrite(first, out _);
        Note(_lab.Alice, stream);
        _lab.RunFor(100);
        Assert.Equal(stream.Id, _accepted!.Id);
        return stream;
    }

    private void Note(LabEnd end, SessionStream stream)
    {
        if (stream.TryClaimActivity()) end.Session.HandleStreamActivity(_lab.Now, stream);
        _lab.Drain();
    }

    private static byte[] Read(SessionStream stream)
    {
        byte[] buffer = new byte[1 << 20];
        stream.TryRead(buffer, out int read);
        return buffer[..read];
    }
}
