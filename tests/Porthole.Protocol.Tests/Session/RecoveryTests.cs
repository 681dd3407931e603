using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Loss detection, probes and acknowledgements (RFC 9002; RFC 9000 section 13.2), to the packet and to the millisecond. One way takes 20 ms.</summary>
public sealed class RecoveryTests
{
    private const int Full = 1_150; // stream bytes that surely need a packet of their own

    [Fact]
    public void A_lost_packet_is_resent_when_three_later_ones_are_acknowledged()
    {
        var lab = Quiet(out var direct);
        int first = direct.ToBob.Sent;
        direct.ToBob.DropNumbers.Add(first + 2);
        var start = lab.Now;
        lab.Alice.Send(lab.Now, 8 * Full);
        lab.RunUntil(() => lab.Bob.Sinks is [_, { IsDone: true }]);
        Assert.Equal(60, (lab.Now - start).TotalMilliseconds, 1.0); // there, back, there again
        Assert.Equal(1, lab.Alice.Session.Statistics.PacketsLost);
        Assert.Equal(1, lab.Alice.Session.Statistics.StreamBytesResent / 1_000);
        lab.RunFor(1_000);
        Assert.Equal(1, lab.Alice.Session.Statistics.PacketsLost);
    }

    [Fact]
    public void A_packet_that_stays_behind_by_one_is_resent_after_nine_eighths_of_a_round_trip()
    {
        var lab = Quiet(out var direct);
        direct.ToBob.DropNumbers.Add(direct.ToBob.Sent + 1);
        var start = lab.Now;
        lab.Alice.Send(lab.Now, Full);
        lab.Alice.Send(lab.Now, Full); // one later packet: below the packet threshold
        lab.RunUntil(() => lab.Bob.Sinks.Count(sink => sink.IsDone) >= 3);
        Assert.Equal(40 * 9.0 / 8 + 20, (lab.Now - start).TotalMilliseconds, 2.0);
    }

    [Fact]
    public void A_lost_tail_is_probed_after_the_probe_timeout()
    {
        var lab = Quiet(out var direct);
        direct.ToBob.DropNumbers.Add(direct.ToBob.Sent + 1);
        double timeout = Timeout(lab, direct);
        var start = lab.Now;
        int sent = direct.ToBob.Sent;
        lab.Alice.Send(lab.Now, 10);
        lab.RunUntil(() => lab.Bob.Sinks.Count(sink => sink.IsDone) >= 2);
        Assert.Equal(timeout + 20, (lab.Now - start).TotalMilliseconds, 1.0);
        Assert.Equal(3, direct.ToBob.Sent - sent); // the lost one and two probes (RFC 9002 section 6.2.4)
    }

    [Fact]
    public void Probes_back_off_and_stay_within_two_seconds()
    {
        var lab = Quiet(out var direct);
        direct.ToBob.IsCut = true;
        lab.Alice.Send(lab.Now, 10);
        var times = new List<double>();
        var start = lab.Now;
        lab.Watch = (from, path, _) =>
        {
            if (from == lab.Alice && path == direct && (times.Count == 0 || times[^1] != (lab.Now - start).TotalMilliseconds)) times.Add((lab.Now - start).TotalMilliseconds);
            return true;
        };
        lab.RunFor(12_000);
        double timeout = Timeout(lab, direct);
        Assert.Equal(timeout, times[1], 1.0);
        Assert.Equal(3 * timeout, times[2], 1.0);
        Assert.Equal(7 * timeout, times[3], 1.0);
        Assert.Equal(2_000, times[^1] - times[^2], 1.0);
    }

    [Fact]
    public void On_the_relay_a_gap_alone_is_no_loss_and_a_probe_is_a_ping()
    {
        var lab = SessionLab.Connected();
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        Warm(lab);
        var packets = new List<int>();
        bool drop = true;
        lab.Watch = (from, _, packet) =>
        {
            if (from != lab.Alice) return true;
            packets.Add(packet.Length);
            bool dropped = drop;
            drop = false;
            return !dropped;
        };
        lab.Alice.Send(lab.Now, 1_000);
        lab.RunUntil(() => lab.Bob.Sinks.Count(sink => sink.IsDone) >= 2);
        Assert.Equal(3, packets.Count); // the lost one, a PING, and the data when the PING's answer showed the loss
        Assert.Equal(PacketProtection.Overhead + 1, packets[1]);
        Assert.Equal(1, lab.Alice.Session.Statistics.PacketsLost);
    }

    [Fact]
    public void One_packet_is_acknowledged_after_ten_milliseconds_and_the_second_at_once()
    {
        var lab = Quiet(out var direct);
        int acknowledged = direct.ToAlice.Sent;
        lab.Alice.Send(lab.Now, 10);
        lab.RunFor(20 + 9.9);
        Assert.Equal(0, direct.ToAlice.Sent - acknowledged);
        lab.RunFor(0.2);
        Assert.Equal(1, direct.ToAlice.Sent - acknowledged);
        lab.RunFor(200);
        acknowledged = direct.ToAlice.Sent;
        lab.Alice.Send(lab.Now, 10);
        lab.Drain();
        lab.RunFor(1);
        lab.Alice.Send(lab.Now, 10);
        lab.RunFor(20.1);
        Assert.Equal(1, direct.ToAlice.Sent - acknowledged);
    }

    [Fact]
    public void A_packet_out_of_order_is_acknowledged_at_once()
    {
        var lab = Quiet(out var direct);
        direct.ToBob.DropNumbers.Add(direct.ToBob.Sent + 1);
        int acknowledged = direct.ToAlice.Sent;
        lab.Alice.Send(lab.Now, 10);
        lab.Drain();
        lab.RunFor(1);
        lab.Alice.Send(lab.Now, 10);
        lab.RunFor(20);
        Assert.Equal(1, direct.ToAlice.Sent - acknowledged);
    }

    [Fact]
    public void Acknowledgements_are_not_acknowledged()
    {
        var lab = Quiet(out var direct);
        int there = direct.ToBob.Sent, back = direct.ToAlice.Sent;
        lab.Alice.Send(lab.Now, 10);
        lab.RunFor(5_000);
        Assert.Equal((1, 1), (direct.ToBob.Sent - there, direct.ToAlice.Sent - back));
    }

    [Fact]
    public void A_receiver_under_loss_forgets_old_ranges_with_a_ping_a_round_trip()
    {
        var lab = SessionLab.Direct(out var direct, link: link => link.Rate = 2_500_000);
        direct.ToBob.Loss = 0.02;
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1L << 40);
        lab.RunFor(10_000);
        Assert.InRange(lab.Bob.Session.ReceivedRanges, 1, 60);
    }

    [Fact]
    public void The_window_does_not_grow_while_the_application_holds_back()
    {
        var lab = Quiet(out var direct);
        long window = SessionLab.Status(lab.Alice, direct.AtAlice).CongestionWindow;
        for (int i = 0; i < 100; i++)
        {
            lab.Alice.Session.TrySendDatagram(lab.Now, new byte[500]);
            lab.RunFor(50);
        }

        Assert.Equal(window, SessionLab.Status(lab.Alice, direct.AtAlice).CongestionWindow);
    }

    [Fact]
    public void A_long_outage_is_persistent_congestion_and_the_window_falls_to_two_packets_plus_what_the_probes_earn()
    {
        var lab = SessionLab.Direct(out var direct, link: link => (link.Rate, link.QueueLimit) = (2_500_000, 100_000));
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 1L << 40);
        lab.RunFor(2_000);
        direct.ToBob.IsCut = true;
        lab.RunFor(1_500);
        direct.ToBob.IsCut = false;
        long smallest = long.MaxValue;
        lab.RunUntil(() => (smallest = Math.Min(smallest, SessionLab.Status(lab.Alice, direct.AtAlice).CongestionWindow)) <= 4 * 1_200, 3_000);
        long before = lab.Bob.Sinks[0].Position;
        lab.RunFor(3_000);
        Assert.True(lab.Bob.Sinks[0].Position > before + 2_500_000); // and it comes back
    }

    private static SessionLab Quiet(out LabPath direct)
    {
        var lab = SessionLab.Direct(out direct);
        lab.ReadEverything();
        Warm(lab);
        return lab;
    }

    // Some data, so that there are samples of the round trip and the window is not a limit; then silence.
    private static void Warm(SessionLab lab)
    {
        lab.Alice.Send(lab.Now, 100_000);
        lab.RunFor(2_000);
    }

    private static double Timeout(SessionLab lab, LabPath direct) =>
        lab.Alice.Session.ProbeTimeout(direct.AtAlice).TotalMilliseconds;
}
