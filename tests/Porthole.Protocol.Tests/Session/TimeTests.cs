using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>What happens when nothing happens: handshake, idle and keepalive timers, closing and draining.</summary>
public sealed class TimeTests
{
    [Fact]
    public void An_idle_session_sends_nothing_and_ends_after_thirty_seconds()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(100);
        long sent = lab.Alice.Session.Statistics.PacketsSent + lab.Bob.Session.Statistics.PacketsSent;
        lab.RunFor(29_800);
        Assert.Equal(SessionState.Confirmed, lab.Alice.Session.State);
        Assert.Equal(sent, lab.Alice.Session.Statistics.PacketsSent + lab.Bob.Session.Statistics.PacketsSent);
        lab.RunFor(300);
        foreach (var end in new[] { lab.Alice, lab.Bob })
        {
            Assert.Equal(SessionState.Closed, end.Session.State);
            Assert.Null(end.Session.NextDeadline);
            Assert.Equal(SessionCloseCause.IdleTimeout, Assert.Single(end.Seen<SessionEvent.Closed>()).Cause);
        }
    }

    [Fact]
    public void A_keepalive_every_fifteen_seconds_holds_the_session_with_one_ping_and_one_acknowledgement()
    {
        var lab = new SessionLab(options: new SessionOptions { KeepAlive = TimeSpan.FromSeconds(15) }, bobOptions: SessionOptions.Default);
        lab.AddRelay();
        lab.RunFor(1_000);
        long alice = lab.Alice.Session.Statistics.PacketsSent, bob = lab.Bob.Session.Statistics.PacketsSent;
        lab.RunFor(150_000);
        Assert.Equal(SessionState.Confirmed, lab.Bob.Session.State);
        Assert.Equal((10, 10), (lab.Alice.Session.Statistics.PacketsSent - alice, lab.Bob.Session.Statistics.PacketsSent - bob));
    }

    [Fact]
    public void A_keepalive_finds_a_dead_path()
    {
        var lab = SessionLab.Direct(out var direct, options: new SessionOptions { KeepAlive = TimeSpan.FromSeconds(15) });
        lab.RunFor(1_000);
        direct.Both(link => link.IsCut = true);
        lab.RunFor(17_000);
        Assert.Single(lab.Alice.Seen<SessionEvent.PathDead>());
        Assert.Single(lab.Bob.Seen<SessionEvent.PathDead>());
    }

    [Fact]
    public void The_responder_announces_nothing_to_a_replayed_first_message_and_gives_up_after_fifteen_seconds()
    {
        var lab = new SessionLab();
        var relay = lab.AddRelay();
        relay.ToBob.IsCut = true;
        lab.RunFor(14_999);
        Assert.Equal(SessionState.Established, lab.Bob.Session.State);
        Assert.DoesNotContain(lab.Bob.Events, seen => seen is not SessionEvent.HandshakeCompleted);
        lab.RunFor(1);
        var closed = Assert.IsType<SessionEvent.Closed>(lab.Bob.Events[^1]);
        Assert.Equal(SessionCloseCause.HandshakeTimeout, closed.Cause);
        // 0, 250, 750, 1750, 3750, 7750, 11750 ms: it backs off, always the same bytes.
        Assert.Equal(7, relay.ToAlice.Sent);
    }

    [Fact]
    public void A_lost_second_message_is_sent_again_byte_for_byte()
    {
        var lab = new SessionLab();
        var relay = lab.AddRelay();
        relay.ToAlice.DropNumbers.Add(1);
        var messages = new List<byte[]>();
        lab.Watch = (from, _, packet) =>
        {
            if (from == lab.Bob && packet[0] == 0x5A) messages.Add(packet);
            return true;
        };
        lab.RunUntil(() => lab.Bob.Session.State == SessionState.Confirmed, 400);
        Assert.True(messages.Count >= 2);
        Assert.All(messages, message => Assert.Equal(messages[0], message));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_handshake_survives_heavy_loss_with_either_pattern(bool knowsKey)
    {
        for (int seed = 1; seed <= 30; seed++)
        {
            var lab = new SessionLab(seed, knowsKey: knowsKey);
            lab.AddRelay().Both(link => link.Loss = 0.3);
            lab.ReadEverything();
            lab.Alice.Send(lab.Now, 10_000);
            lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }] && lab.Alice.Session.State == SessionState.Confirmed);
            Assert.Equal(lab.Alice.Session.HandshakeHash.ToArray(), lab.Bob.Session.HandshakeHash.ToArray());
        }
    }

    [Fact]
    public void Data_written_before_there_are_keys_travels_in_the_first_packets()
    {
        var lab = new SessionLab();
        var start = lab.Now;
        lab.ReadEverything();
        lab.AddRelay();
        lab.Alice.Send(lab.Now, 5_000);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        Assert.Equal(40, (lab.Now - start).TotalMilliseconds); // message 2 there, data back
        var kinds = lab.Bob.Events.Select(seen => seen.GetType()).ToList();
        Assert.True(kinds.IndexOf(typeof(SessionEvent.Confirmed)) < kinds.IndexOf(typeof(SessionEvent.StreamOpened)));
    }

    [Fact]
    public void A_close_reaches_the_peer_with_code_and_reason_and_both_ends_are_gone_after_three_probe_timeouts()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(1_000);
        var start = lab.Now;
        lab.Alice.Session.Close(lab.Now, 42, "good night");
        Assert.Equal(SessionState.Closing, lab.Alice.Session.State);
        lab.RunUntil(() => lab.Bob.Session.State == SessionState.Draining);
        Assert.Equal(20, (lab.Now - start).TotalMilliseconds);
        Assert.Equal(new SessionEvent.Closed(42, "good night", true, SessionCloseCause.Application), lab.Bob.Events[^1]);
        Assert.Equal(new SessionEvent.Closed(42, "good night", false, SessionCloseCause.Application), lab.Alice.Events[^1]);
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Closed && lab.Bob.Session.State == SessionState.Closed);
        Assert.InRange((lab.Now - start).TotalMilliseconds, 3 * 65, 3 * 145 + 20);
        Assert.False(lab.Alice.Session.TryOpenStream(lab.Now, out _));
        Assert.False(lab.Alice.Session.TrySendDatagram(lab.Now, [1]));
    }

    [Fact]
    public void A_lost_close_is_repeated_to_a_peer_that_still_sends_ever_more_rarely()
    {
        var lab = SessionLab.Connected();
        lab.ReadEverything();
        lab.RunFor(1_000);
        int closes = 0;
        bool drop = true;
        lab.Watch = (from, _, _) =>
        {
            if (from != lab.Alice || lab.Alice.Session.State != SessionState.Closing) return true;
            closes++;
            return !drop;
        };
        lab.Alice.Session.Close(lab.Now, 1, "");
        lab.Bob.Session.TryOpenStream(lab.Now, out var stream);
        for (int i = 0; i < 20; i++)
        {
            stream!.TryWrite([1], out _);
            lab.Bob.Session.HandleStreamActivity(lab.Now, stream);
            lab.RunFor(1);
        }

        lab.RunFor(20);
        Assert.Equal(1 + 5, closes); // for the 1st, 2nd, 4th, 8th and 16th packet
        drop = false;
        for (int i = 0; i < 16; i++)
        {
            stream!.TryWrite([1], out _);
            lab.Bob.Session.HandleStreamActivity(lab.Now, stream);
            lab.RunFor(1);
        }

        lab.RunUntil(() => lab.Bob.Session.State >= SessionState.Draining, 100);
    }

    [Fact]
    public void A_long_reason_is_cut_between_characters()
    {
        var lab = SessionLab.Connected();
        lab.Alice.Session.Close(lab.Now, 0, new string('x', SessionLimits.MaxReason - 1) + "é and more");
        lab.RunUntil(() => lab.Bob.Session.State == SessionState.Draining);
        Assert.Equal(new string('x', SessionLimits.MaxReason - 1), lab.Bob.Seen<SessionEvent.Closed>().Single().Reason);
    }

    [Fact]
    public void A_closed_session_lets_what_has_arrived_be_read_and_nothing_be_written()
    {
        var lab = SessionLab.Connected();
        SessionStream? received = null;
        lab.Bob.React = taken => received = (taken as SessionEvent.StreamOpened)?.Stream ?? received;
        var source = lab.Alice.Send(lab.Now, 100);
        lab.RunFor(100);
        lab.Alice.Session.Close(lab.Now, 0, "");
        lab.RunFor(100);
        Assert.True(received!.IsSessionClosed);
        Assert.True(received.TryRead(new byte[200], out int read));
        Assert.Equal(100, read);
        Assert.False(received.TryWrite([1], out _));
        Assert.True(source.Stream.IsSessionClosed);
        Assert.Equal(0, source.Stream.Writable);
    }
}
