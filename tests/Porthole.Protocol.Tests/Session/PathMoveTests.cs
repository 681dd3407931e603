using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Paths are proved, watched, left and come back, while one space of packet numbers goes on.</summary>
public sealed class PathMoveTests
{
    [Fact]
    public void A_path_is_proved_by_one_full_packet_each_way_in_one_round_trip()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(100);
        var direct = lab.AddUdp();
        int sent = direct.ToBob.Sent;
        var start = lab.Now;
        lab.Alice.Session.Validate(lab.Now, direct.AtAlice);
        lab.RunUntil(() => SessionLab.IsValidated(lab.Alice, direct.AtAlice));
        Assert.Equal(40, (lab.Now - start).TotalMilliseconds);
        Assert.Equal((2, 1), (direct.ToBob.Sent - sent, direct.ToAlice.Sent)); // the answer is acknowledged
        Assert.Equal((1_238L, 1_200L), (direct.ToBob.BytesSent, direct.ToAlice.BytesSent));
        var validated = Assert.Single(lab.Alice.Seen<SessionEvent.PathValidated>());
        Assert.Equal((direct.AtAlice, 40.0, 1_200), (validated.Path, validated.RoundTrip.TotalMilliseconds, validated.MaxPacket));
        Assert.False(SessionLab.IsValidated(lab.Bob, direct.AtBob)); // each end proves the path for itself
    }

    [Theory]
    [InlineData(1_200, 1_200)]
    [InlineData(1_199, 1_150)]
    [InlineData(1_150, 1_150)]
    [InlineData(1_149, 1_100)]
    [InlineData(1_100, 1_100)]
    public void A_path_runs_at_the_largest_size_that_passed_both_ways(int largest, int expected)
    {
        foreach (bool there in new[] { true, false })
        {
            var lab = SessionLab.Connected();
            var direct = lab.AddUdp();
            (there ? direct.ToBob : direct.ToAlice).MaxPacket = largest;
            lab.MoveTo(direct);
            Assert.Equal(expected, SessionLab.Status(lab.Alice, direct.AtAlice).MaxPacket);
            Assert.Equal(expected, SessionLab.Status(lab.Bob, direct.AtBob).MaxPacket);
            lab.ReadEverything();
            lab.Alice.Send(lab.Now, 200_000);
            lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        }
    }

    [Fact]
    public void A_path_that_carries_less_than_1100_bytes_or_nothing_fails_after_nine_challenges_and_3200_ms()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(100);
        var direct = lab.AddUdp();
        direct.ToBob.MaxPacket = 1_099;
        var start = lab.Now;
        lab.Alice.Session.Validate(lab.Now, direct.AtAlice);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathValidationFailed>().Any());
        Assert.Equal(3_200, (lab.Now - start).TotalMilliseconds);
        Assert.Equal(9, direct.ToBob.Sent);
    }

    [Fact]
    public void A_lost_challenge_is_sent_again_after_200_ms()
    {
        var lab = SessionLab.Connected();
        lab.RunFor(100);
        var direct = lab.AddUdp();
        direct.ToBob.DropNumbers.Add(1);
        var start = lab.Now;
        lab.Alice.Session.Validate(lab.Now, direct.AtAlice);
        lab.RunUntil(() => SessionLab.IsValidated(lab.Alice, direct.AtAlice));
        Assert.Equal(240, (lab.Now - start).TotalMilliseconds);
    }

    [Fact]
    public void An_answer_on_another_path_proves_nothing()
    {
        var lab = SessionLab.Connected();
        var first = lab.AddUdp();
        var second = lab.AddUdp();
        byte[]? answer = null;
        lab.Watch = (from, path, packet) =>
        {
            if (from != lab.Bob || path != first) return true;
            answer = packet;
            return false;
        };
        lab.Alice.Session.Validate(lab.Now, first.AtAlice);
        lab.RunUntil(() => answer is not null);
        Assert.True(lab.Inject(lab.Alice, second.AtAlice, answer!));
        Assert.False(SessionLab.IsValidated(lab.Alice, first.AtAlice));
        Assert.False(SessionLab.IsValidated(lab.Alice, second.AtAlice));
    }

    [Fact]
    public void Silence_makes_a_path_suspect_after_two_probe_timeouts_and_dead_after_a_second()
    {
        var lab = SessionLab.Direct(out var direct);
        lab.RunFor(1_000);
        direct.Both(link => link.IsCut = true);
        var start = lab.Now;
        lab.Alice.Send(lab.Now, 100);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathSuspect>().Any());
        // 40 ms round trip, variation 20 ms from one sample: 40 + 80 + 25 = 145 ms each; later samples only shrink it.
        Assert.InRange((lab.Now - start).TotalMilliseconds, 2 * (40 + 25), 2 * 145);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathDead>().Any());
        Assert.Equal(1_000, (lab.Now - start).TotalMilliseconds);
        Assert.Equal(direct.AtAlice, lab.Alice.Seen<SessionEvent.PathDead>().Single().Path);
    }

    [Fact]
    public void A_slow_path_is_dead_after_two_seconds_at_most()
    {
        var lab = SessionLab.Direct(out var direct, link: link => link.Delay = TimeSpan.FromMilliseconds(400));
        lab.RunFor(5_000);
        direct.Both(link => link.IsCut = true);
        var start = lab.Now;
        lab.Alice.Send(lab.Now, 100);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathDead>().Any());
        Assert.Equal(2_000, (lab.Now - start).TotalMilliseconds);
    }

    [Fact]
    public void A_silent_path_without_anything_to_send_is_not_suspect()
    {
        var lab = SessionLab.Direct(out var direct);
        lab.RunFor(2_000);
        direct.Both(link => link.IsCut = true);
        lab.RunFor(20_000);
        Assert.Empty(lab.Alice.Seen<SessionEvent.PathSuspect>());
        Assert.Equal(SessionState.Confirmed, lab.Alice.Session.State);
    }

    [Fact]
    public void While_a_path_is_suspect_copies_on_the_relay_arrive_one_way_later()
    {
        var lab = SessionLab.Direct(out var direct);
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        lab.RunFor(1_000);
        direct.Both(link => link.IsCut = true);
        lab.Alice.Send(lab.Now, 5_000);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathSuspect>().Any());
        var suspect = lab.Now;
        lab.Alice.Session.Duplicate(lab.Now, relay);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        Assert.Equal(20, (lab.Now - suspect).TotalMilliseconds);
    }

    [Fact]
    public void A_path_that_carries_only_one_way_is_dead_although_the_relay_acknowledges_for_it()
    {
        var lab = SessionLab.Direct(out var direct);
        lab.ReadEverything();
        lab.FollowPolicy();
        lab.RunFor(1_000);
        direct.ToAlice.IsCut = true;
        var start = lab.Now;
        lab.Alice.Send(lab.Now, 5_000);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathDead>().Any());
        Assert.Equal(1_000, (lab.Now - start).TotalMilliseconds);
        Assert.True(lab.Bob.Sinks[0].IsDone);
    }

    [Fact]
    public void A_path_that_recovers_while_it_is_suspect_carries_the_data_again()
    {
        var lab = SessionLab.Direct(out var direct);
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        direct.ToBob.Rate = 5_000_000;
        direct.ToBob.QueueLimit = 200_000;
        lab.Alice.Send(lab.Now, 50_000_000);
        lab.RunFor(500);
        direct.Both(link => link.IsCut = true);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathSuspect>().Any());
        lab.Alice.Session.Duplicate(lab.Now, relay);
        direct.Both(link => link.IsCut = false);
        lab.RunUntil(() => lab.Alice.Seen<SessionEvent.PathRecovered>().Any(), 500);
        lab.Alice.Session.Duplicate(lab.Now, null);
        long before = SessionLab.Status(lab.Alice, direct.AtAlice).BytesSent, relayed = SessionLab.Status(lab.Alice, relay).BytesSent;
        lab.RunFor(1_000);
        Assert.True(SessionLab.Status(lab.Alice, direct.AtAlice).BytesSent > before + 1_000_000);
        Assert.Equal(relayed, SessionLab.Status(lab.Alice, relay).BytesSent);
        Assert.Empty(lab.Alice.Seen<SessionEvent.PathDead>());
    }

    [Fact]
    public void A_transfer_whose_path_is_cut_goes_on_over_the_relay_within_two_seconds_and_nothing_is_lost_or_doubled()
    {
        var lab = SessionLab.Direct(out var direct);
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        lab.FollowPolicy();
        direct.ToBob.Rate = 5_000_000;
        direct.ToBob.QueueLimit = 200_000;
        lab.Alice.Send(lab.Now, 20_000_000);
        lab.RunFor(500);
        direct.Both(link => link.IsCut = true);
        lab.RunFor(30);
        long before = lab.Bob.Sinks[0].Position;
        var cut = lab.Now;
        lab.RunUntil(() => lab.Bob.Sinks[0].Position > before, 2_000);
        Assert.True((lab.Now - cut).TotalMilliseconds < 400, $"{lab.Now - cut}");
        lab.RunUntil(() => lab.Bob.Sinks[0].IsDone);
        Assert.Equal(20_000_000, lab.Bob.Sinks[0].Position);
        lab.RunFor(1_500);
        Assert.Equal(relay, lab.Alice.Session.ActivePath);
    }

    [Fact]
    public void After_a_move_the_old_paths_packets_have_three_probe_timeouts_and_then_count_as_lost_without_touching_the_new_window()
    {
        var lab = SessionLab.Direct(out var direct);
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        lab.RunFor(1_000);
        direct.ToBob.IsCut = true;
        lab.Alice.Send(lab.Now, 10_000);
        lab.Drain();
        lab.Alice.Session.SetActive(lab.Now, relay);
        lab.Drain();
        var moved = lab.Now;
        long window = SessionLab.Status(lab.Alice, relay).CongestionWindow;
        lab.RunUntil(() => SessionLab.Status(lab.Alice, direct.AtAlice).BytesInFlight == 0);
        double waited = (lab.Now - moved).TotalMilliseconds;
        Assert.InRange(waited, 3 * 65, 3 * 145);
        Assert.Equal(0, lab.Alice.Session.Statistics.StreamBytesResent == 0 ? 1 : 0);
        Assert.True(SessionLab.Status(lab.Alice, relay).CongestionWindow >= window);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }], 200);
    }

    [Fact]
    public void A_planned_move_resends_nothing_and_packet_numbers_go_on()
    {
        var lab = SessionLab.Connected();
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 3_000_000);
        lab.RunFor(200);
        lab.MoveTo(lab.AddUdp());
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }]);
        Assert.Equal(0, lab.Alice.Session.Statistics.StreamBytesResent);
        Assert.Equal(0, lab.Alice.Session.Statistics.PacketsLost);
        Assert.Equal(1, lab.Alice.Session.Statistics.Moves);
    }

    [Fact]
    public void A_round_trip_is_measured_only_where_packet_and_acknowledgement_used_one_path()
    {
        var lab = SessionLab.Connected(); // relay: 40 ms
        lab.ReadEverything();
        lab.Alice.Send(lab.Now, 100_000);
        lab.Bob.Send(lab.Now, 100_000);
        lab.RunFor(500);
        var direct = lab.AddUdp();
        direct.Both(link => link.Delay = TimeSpan.FromMilliseconds(2));
        lab.MoveTo(direct);
        lab.Alice.Send(lab.Now, 100_000);
        lab.Bob.Send(lab.Now, 100_000);
        lab.RunFor(1_000);
        foreach (var end in new[] { lab.Alice, lab.Bob })
        {
            Assert.InRange(end.Session.Paths[0].SmoothedRoundTrip!.Value.TotalMilliseconds, 39, 51);
            Assert.InRange(end.Session.Paths[1].SmoothedRoundTrip!.Value.TotalMilliseconds, 4, 15);
        }
    }

    [Fact]
    public void A_removed_path_gives_its_data_to_the_next_one()
    {
        var lab = SessionLab.Direct(out var direct);
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        lab.FollowPolicy();
        direct.ToBob.Rate = 5_000_000;
        direct.ToBob.QueueLimit = 200_000;
        lab.Alice.Send(lab.Now, 3_000_000);
        lab.RunFor(150);
        direct.Both(link => link.IsCut = true); // the address is gone
        lab.Alice.Session.RemovePath(lab.Now, direct.AtAlice);
        Assert.Null(lab.Alice.Session.ActivePath);
        lab.RunFor(100);
        lab.Alice.Session.SetActive(lab.Now, relay);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }], 5_000);
        Assert.False(lab.Alice.Session.HandlePacket(lab.Now, direct.AtAlice, new byte[100]));
        Assert.Single(lab.Alice.Session.Paths);
    }

    [Fact]
    public void A_congested_socket_gets_nothing_until_it_is_writable_again()
    {
        var lab = SessionLab.Connected();
        var relay = lab.Alice.Session.Paths[0].Id;
        lab.ReadEverything();
        lab.Alice.Session.SetCongested(relay, true);
        lab.Alice.Send(lab.Now, 10_000);
        lab.RunFor(5);
        Assert.Empty(lab.Bob.Sinks);
        lab.Alice.Session.SetCongested(relay, false);
        lab.RunUntil(() => lab.Bob.Sinks is [{ IsDone: true }], 200);
    }

    [Fact]
    public void There_are_sixteen_paths_at_most_and_removed_ones_make_room()
    {
        var lab = SessionLab.Connected();
        for (int i = 1; i < SessionLimits.MaxPaths; i++) lab.AddUdp();
        Assert.Throws<InvalidOperationException>(() => lab.AddUdp());
        lab.Alice.Session.RemovePath(lab.Now, lab.Alice.Session.Paths[^1].Id);
        lab.Bob.Session.RemovePath(lab.Now, lab.Bob.Session.Paths[^1].Id);
        lab.AddUdp();
    }
}
