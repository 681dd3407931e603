using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Tests.Punching;

public sealed class TcpPuncherTests
{
    private static readonly TimeSpan s_punch = TcpPunchOptions.Default.Limit;
    private static readonly TimeSpan s_attempt = TcpPunchOptions.Default.AttemptTimeout;

    [Fact]
    public void Nothing_is_attempted_before_the_start()
    {
        var bench = PuncherBench.Started();
        bench.RunFor(TimeSpan.FromSeconds(5));
        Assert.Empty(bench.Connects);
        Assert.Null(bench.Puncher.NextDeadline);
    }

    [Fact]
    public void Silence_is_met_by_long_attempts_one_after_the_other_until_the_time_is_over()
    {
        var bench = PuncherBench.Started().Start();
        bench.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal([TimeSpan.Zero, s_attempt, 2 * s_attempt], bench.Connects.Select(connect => bench.Since(connect.At)));
        Assert.All(bench.Connects, entry => Assert.Equal((PuncherBench.Local, PuncherBench.Remote), (entry.Connect.Local, entry.Connect.Remote)));
        Assert.Equal([s_attempt, 2 * s_attempt, s_punch], bench.Closes.Select(close => bench.Since(close.At)));
        Assert.IsType<TcpPunchEvent.Exhausted>(Assert.Single(bench.Events).Event);
        Assert.Equal(s_punch, bench.Since(bench.Events[0].At));
        Assert.Equal((3, 2, 0), (bench.Puncher.Attempts, bench.Puncher.TimeOuts, bench.Puncher.Refusals));
        Assert.Null(bench.Puncher.NextDeadline);
        Assert.False(bench.Puncher.IsRunning);
    }

    [Fact]
    public void A_connection_is_handed_over_and_its_pair_not_attempted_again()
    {
        var bench = PuncherBench.Started().Start();
        var socket = bench.Connects.Single().Connect.Socket;
        bench.RunFor(TimeSpan.FromMilliseconds(40));
        bench.Connect(socket);
        bench.RunFor(TimeSpan.FromSeconds(7));

        Assert.Equal(new TcpPunchEvent.Connected(socket, PuncherBench.Local, PuncherBench.Remote), Assert.Single(bench.Events).Event);
        Assert.Single(bench.Connects);
        bench.Do(() => bench.Puncher.Stop(bench.Now));
        Assert.Empty(bench.Closes); // it is the owner's
        bench.Tell(new SocketEvent.Failed(socket, SocketFailure.Closed, string.Empty), expected: false);
        Assert.Single(bench.Connects);
    }

    [Fact]
    public void A_connection_that_breaks_during_the_punch_is_attempted_again()
    {
        var bench = PuncherBench.Started().Start();
        var socket = bench.Connects.Single().Connect.Socket;
        bench.Connect(socket);
        bench.RunFor(TimeSpan.FromMilliseconds(40));
        bench.Tell(new SocketEvent.Failed(socket, SocketFailure.Closed, string.Empty), expected: false);
        bench.RunFor(TimeSpan.FromMilliseconds(8));
        Assert.Equal(2, bench.Connects.Count);
    }

    [Fact]
    public void A_connection_that_its_owner_found_useless_is_attempted_again()
    {
        var bench = PuncherBench.Started().Start();
        bench.Connect(bench.Connects.Single().Connect.Socket);
        bench.RunFor(TimeSpan.FromSeconds(3));
        bench.Do(() => bench.Puncher.HandleClosed(bench.Now, bench.Connects[0].Connect.Socket));
        bench.RunFor(TimeSpan.FromMilliseconds(4));
        Assert.Equal(2, bench.Connects.Count);
        Assert.Empty(bench.Closes);
    }

    [Fact]
    public void After_a_refusal_the_next_attempt_follows_within_one_to_four_milliseconds_at_random()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(20), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromSeconds(1));

        double[] pauses = [.. bench.Connects.Zip(bench.Connects.Skip(1)).Select(two => (two.Second.At - two.First.At).TotalMilliseconds - 20)];
        Assert.InRange(pauses.Length, 1_000 / 24 - 1, 1_000 / 21);
        Assert.All(pauses, pause => Assert.InRange(pause, 1, 4));
        Assert.Equal(pauses.Length, pauses.Distinct().Count());
        Assert.InRange(pauses.Average(), 2, 3);
    }

    [Fact]
    public void Two_punchers_do_not_fall_into_step()
    {
        var moments = Enumerable.Range(1, 2).Select(seed =>
        {
            var bench = PuncherBench.Started(seed: (ulong)seed);
            bench.Answer = static _ => (TimeSpan.Zero, SocketFailure.Refused);
            bench.Start();
            bench.RunFor(TimeSpan.FromMilliseconds(500));
            return bench.Connects.Skip(1).Select(connect => connect.At).ToArray();
        }).ToArray();
        Assert.Empty(moments[0].Intersect(moments[1]));
    }

    [Fact]
    public void Two_punchers_that_their_budgets_hold_up_do_not_fall_into_step_either()
    {
        // At a fixed pace two sides would miss each other by one and the same time for ever.
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(0.05), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromSeconds(1.5));
        var late = bench.Connects.Where(connect => bench.Since(connect.At) > TimeSpan.FromSeconds(0.7)).ToArray();
        double[] gaps = [.. late.Zip(late.Skip(1)).Select(two => (two.Second.At - two.First.At).TotalMilliseconds)];
        Assert.InRange(gaps.Average(), 4.5, 5.5);
        Assert.True(gaps.Max() - gaps.Min() > 3, $"{gaps.Min()} to {gaps.Max()} ms");
    }

    [Fact]
    public void While_a_connection_is_being_checked_no_other_attempt_to_its_host_begins()
    {
        var bench = new PuncherBench();
        var (accepted, other) = (new SocketId(-1), TransportAddress.Parse("192.0.2.7:5000"));
        bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local);
        bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote, TcpCandidateType.SimultaneousOpen);
        bench.Puncher.AddRemote(bench.Now, other, TcpCandidateType.SimultaneousOpen);
        bench.Do(() => bench.Puncher.HandleAccepted(bench.Now, accepted, PuncherBench.Remote.WithPort(777)));
        bench.Start();
        bench.RunFor(TimeSpan.FromMilliseconds(999));
        Assert.Equal(other, Assert.Single(bench.Connects).Connect.Remote);
        bench.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.Equal(PuncherBench.Remote, bench.Connects[^1].Connect.Remote);
        Assert.Equal(2, bench.Connects.Count);
    }

    [Fact]
    public void When_that_connection_breaks_attempts_go_on_at_once()
    {
        var bench = PuncherBench.Started();
        bench.Do(() => bench.Puncher.HandleAccepted(bench.Now, new SocketId(-1), PuncherBench.Remote.WithPort(777)));
        bench.Start();
        bench.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Empty(bench.Connects);
        bench.Tell(new SocketEvent.Failed(new SocketId(-1), SocketFailure.Closed, string.Empty), expected: false);
        Assert.Single(bench.Connects);
    }

    [Fact]
    public void An_address_that_refuses_is_asked_at_leisure_once_the_other_side_has_named_a_newer_one()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(10), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromMilliseconds(500));
        var fresh = PuncherBench.Remote.WithPort(50_000);
        int before = bench.Connects.Count;
        bench.Do(() => bench.Puncher.AddRemote(bench.Now, fresh, TcpCandidateType.SimultaneousOpen));
        bench.RunFor(TimeSpan.FromSeconds(1));
        var since = bench.Connects.Skip(before).ToLookup(connect => connect.Connect.Remote);
        Assert.InRange(since[fresh].Count(), 1_000 / 15, 1_000 / 10);
        Assert.InRange(since[PuncherBench.Remote].Count(), 1, 20);
    }

    [Fact]
    public void A_port_that_is_refused_for_a_second_is_spent_and_said_so_once()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromMilliseconds(999));
        Assert.Empty(bench.Events);
        bench.RunFor(TimeSpan.FromSeconds(6));
        Assert.Equal(new TcpPunchEvent.FreshPortWanted(PuncherBench.Listener), Assert.Single(bench.Events).Event);
        Assert.InRange(bench.Since(bench.Events[0].At), TimeSpan.FromMilliseconds(1_001), TimeSpan.FromMilliseconds(1_010));
    }

    [Fact]
    public void After_two_seconds_of_refusals_the_pauses_grow()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromMilliseconds(2_100));
        int quick = bench.Connects.Count;
        Assert.InRange(quick, 350, 550);
        bench.RunFor(TimeSpan.FromMilliseconds(5_800));
        Assert.InRange(bench.Connects.Count - quick, 5_700 / 101, 5_900 / 50);
    }

    [Fact]
    public void A_network_that_says_there_is_no_way_wants_a_fresh_port_at_once()
    {
        var bench = PuncherBench.Started().Start();
        bench.RunFor(TimeSpan.FromMilliseconds(30));
        bench.Fail(bench.Connects[0].Connect.Socket, SocketFailure.Unreachable);
        Assert.Equal(new TcpPunchEvent.FreshPortWanted(PuncherBench.Listener), Assert.Single(bench.Events).Event);
        bench.RunFor(TimeSpan.FromMilliseconds(50));
        bench.Fail(bench.Connects[1].Connect.Socket, SocketFailure.Unreachable);
        Assert.Single(bench.Events);
        Assert.Equal(2, bench.Puncher.Unreachables);
    }

    [Fact]
    public void Attempts_go_on_from_the_fresh_port_alone()
    {
        var bench = PuncherBench.Started().Start();
        bench.Fail(bench.Connects[0].Connect.Socket, SocketFailure.Unreachable);
        var (listener, local) = (new SocketId(2), PuncherBench.Local.WithPort(9_000));
        bench.Do(() => bench.Puncher.AddLocal(bench.Now, listener, local));
        bench.RunFor(TimeSpan.FromSeconds(6));

        Assert.Equal([local, local], bench.Connects.Skip(1).Select(connect => connect.Connect.Local));

        // The other side has a fresh port too.
        bench.Do(() => bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote.WithPort(41_000), TcpCandidateType.SimultaneousOpen));
        Assert.Equal((local, PuncherBench.Remote.WithPort(41_000)), (bench.Connects[^1].Connect.Local, bench.Connects[^1].Connect.Remote));
    }

    [Fact]
    public void A_port_of_another_address_replaces_nothing()
    {
        var bench = PuncherBench.Started().Start();
        bench.Fail(bench.Connects[0].Connect.Socket, SocketFailure.Unreachable);
        bench.Do(() => bench.Puncher.AddLocal(bench.Now, new SocketId(2), TransportAddress.Parse("10.0.0.5:8900")));
        bench.RunFor(TimeSpan.FromSeconds(1));
        Assert.Contains(bench.Connects.Skip(1), connect => connect.Connect.Local == PuncherBench.Local);
    }

    [Fact]
    public void Fresh_ports_are_asked_for_four_times_at_most()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Unreachable);
        bench.Start();
        for (int i = 2; i < 10; i++)
        {
            bench.RunFor(TimeSpan.FromMilliseconds(500));
            bench.Do(() => bench.Puncher.AddLocal(bench.Now, new SocketId(i), PuncherBench.Local.WithPort((ushort)(9_000 + i))));
        }

        bench.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(TcpPuncher.MaxFreshPorts, bench.All<TcpPunchEvent.FreshPortWanted>().Select(wanted => wanted.Listener).Distinct().Count());
        Assert.Equal(TcpPuncher.MaxFreshPorts, bench.All<TcpPunchEvent.FreshPortWanted>().Count());
    }

    [Fact]
    public void Fresh_ports_are_a_second_apart_however_soon_they_are_refused()
    {
        var bench = PuncherBench.Started();
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Unreachable);
        bench.Start();
        for (int i = 2; i < 100; i++)
        {
            bench.RunFor(TimeSpan.FromMilliseconds(20));
            bench.Do(() => bench.Puncher.AddLocal(bench.Now, new SocketId(i), PuncherBench.Local.WithPort((ushort)(9_000 + i))));
        }

        var moments = bench.Events.Where(entry => entry.Event is TcpPunchEvent.FreshPortWanted).Select(entry => bench.Since(entry.At)).ToArray();
        Assert.Equal(TimeSpan.FromMilliseconds(1), moments[0]);
        Assert.InRange(moments[1], TimeSpan.FromMilliseconds(1_001), TimeSpan.FromMilliseconds(1_500));
    }

    [Fact]
    public void A_listener_that_refuses_is_asked_again_at_leisure_and_spends_no_port()
    {
        var bench = PuncherBench.Started(TcpCandidateType.Passive);
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(s_punch + TimeSpan.FromSeconds(1));
        Assert.InRange(bench.Connects.Count, 20, 45);
        Assert.InRange(bench.Connects[1].At - bench.Connects[0].At, TimeSpan.FromMilliseconds(25), TimeSpan.FromMilliseconds(52));
        Assert.IsType<TcpPunchEvent.Exhausted>(Assert.Single(bench.Events).Event);
    }

    [Fact]
    public void A_4_tuple_in_use_is_tried_again_a_little_later()
    {
        var bench = PuncherBench.Started().Start();
        bench.Fail(bench.Connects[0].Connect.Socket, SocketFailure.InUse);
        bench.RunFor(TimeSpan.FromMilliseconds(24));
        Assert.Single(bench.Connects);
        bench.RunFor(TimeSpan.FromMilliseconds(27));
        Assert.Equal(2, bench.Connects.Count);
        Assert.Empty(bench.Events);
    }

    [Fact]
    public void An_address_that_is_gone_is_not_attempted_from_again()
    {
        var bench = PuncherBench.Started().Start();
        bench.Fail(bench.Connects[0].Connect.Socket, SocketFailure.AddressGone);
        bench.RunFor(TimeSpan.FromSeconds(7));
        Assert.Single(bench.Connects);
    }

    [Fact]
    public void A_socket_that_connected_to_itself_is_closed()
    {
        var bench = new PuncherBench();
        bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, TransportAddress.Parse("0.0.0.0:8900"));
        bench.Puncher.AddRemote(bench.Now, PuncherBench.Local, TcpCandidateType.SimultaneousOpen);
        bench.Start();
        var socket = bench.Connects.Single().Connect.Socket;
        bench.Tell(new SocketEvent.Opened(socket, PuncherBench.Local, PuncherBench.Local));
        Assert.Equal(socket, Assert.Single(bench.Closes).Socket);
        Assert.Empty(bench.Events);
        bench.RunFor(TimeSpan.FromSeconds(7));
        Assert.Single(bench.Connects);
    }

    [Theory]
    [InlineData("203.0.113.2:0", TcpCandidateType.SimultaneousOpen)]
    [InlineData("0.0.0.0:5", TcpCandidateType.SimultaneousOpen)]
    [InlineData("224.0.0.1:5", TcpCandidateType.Passive)]
    [InlineData("203.0.113.2:5", TcpCandidateType.Active)]
    public void Some_remotes_are_nothing_to_connect_to(string address, TcpCandidateType type)
    {
        var bench = PuncherBench.Started();
        Assert.False(bench.Puncher.AddRemote(bench.Now, TransportAddress.Parse(address), type));
    }

    [Theory]
    [InlineData("192.168.1.10:8900", false)] // the port itself: another network with the same addresses
    [InlineData("192.168.1.10:8901", true)]
    [InlineData("[2001:db8::1]:8900", false)]
    [InlineData("127.0.0.1:8900", false)]
    public void Some_addresses_make_no_pair(string remote, bool isPair)
    {
        var bench = new PuncherBench();
        bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local);
        bench.Puncher.AddRemote(bench.Now, TransportAddress.Parse(remote), TcpCandidateType.SimultaneousOpen);
        bench.Start();
        Assert.Equal(isPair ? 1 : 0, bench.Connects.Count);
    }

    [Fact]
    public void Candidates_that_come_later_are_attempted_at_once()
    {
        var bench = new PuncherBench().Start();
        bench.RunFor(TimeSpan.FromSeconds(1));
        bench.Do(() => Assert.True(bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote, TcpCandidateType.SimultaneousOpen)));
        bench.Do(() => Assert.False(bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote, TcpCandidateType.SimultaneousOpen)));
        bench.Do(() => bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local));
        bench.Do(() => bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local));
        Assert.Equal(bench.StartedAt + TimeSpan.FromSeconds(1), Assert.Single(bench.Connects).At);
    }

    [Fact]
    public void A_port_that_is_removed_takes_its_attempts_with_it()
    {
        var bench = PuncherBench.Started().Start();
        bench.Do(() => bench.Puncher.RemoveLocal(bench.Now, PuncherBench.Listener));
        Assert.Single(bench.Closes);
        bench.RunFor(TimeSpan.FromSeconds(9));
        Assert.Single(bench.Connects);
        Assert.IsType<TcpPunchEvent.Exhausted>(Assert.Single(bench.Events).Event);
    }

    [Fact]
    public void Stop_closes_all_that_was_not_handed_over_and_nothing_starts_again()
    {
        var bench = PuncherBench.Started();
        for (int i = 1; i <= 4; i++) bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote.WithPort((ushort)i), TcpCandidateType.SimultaneousOpen);
        bench.Start();
        bench.Connect(bench.Connects[2].Connect.Socket);
        bench.Do(() => bench.Puncher.Stop(bench.Now));
        Assert.Equal(4, bench.Closes.Count);
        Assert.Null(bench.Puncher.NextDeadline);
        bench.Do(() => bench.Puncher.Start(bench.Now));
        bench.Do(() => bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote.WithPort(9), TcpCandidateType.SimultaneousOpen));
        bench.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(5, bench.Connects.Count);
    }

    [Fact]
    public void A_peer_with_twenty_addresses_that_refuse_is_no_flood()
    {
        var bench = PuncherBench.Started();
        for (int i = 1; i < 20; i++) bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote.WithPort((ushort)i), TcpCandidateType.SimultaneousOpen);
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Refused);
        bench.Start();
        Assert.Equal(20, bench.Connects.Count);
        bench.RunFor(TimeSpan.FromSeconds(9));

        Assert.InRange(bench.Connects.Count, 500, 1_600);
        AssertRate(bench.Connects.Select(connect => connect.At), 230 + AttemptBudgetBurst); // the pace itself varies
        int[] shares = [.. bench.Connects.Where(connect => bench.Since(connect.At) < TimeSpan.FromSeconds(2)).GroupBy(connect => connect.Connect.Remote).Select(group => group.Count())];
        Assert.Equal(20, shares.Length);
        Assert.InRange(shares.Max() - shares.Min(), 0, 3);
    }

    [Fact]
    public void No_more_than_sixteen_hundred_attempts_are_made_and_then_it_says_so()
    {
        var bench = new PuncherBench(options: new TcpPunchOptions { Limit = TimeSpan.FromMinutes(20) });
        bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local);
        bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote, TcpCandidateType.SimultaneousOpen);
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(1), SocketFailure.Refused);
        bench.Start();
        bench.RunFor(TimeSpan.FromMinutes(10));
        Assert.Equal(1_600, bench.Connects.Count);
        Assert.IsType<TcpPunchEvent.Exhausted>(bench.Events[^1].Event);
    }

    [Fact]
    public void Pairs_are_bounded()
    {
        var bench = new PuncherBench();
        for (int i = 1; i <= 30; i++) bench.Puncher.AddLocal(bench.Now, new SocketId(i), TransportAddress.Parse($"10.0.0.{i}:8900"));
        for (int i = 1; i <= 60; i++) Assert.Equal(i <= TcpPuncher.MaxRemotes, bench.Puncher.AddRemote(bench.Now, PuncherBench.Remote.WithPort((ushort)i), TcpCandidateType.SimultaneousOpen));
        bench.Start();
        bench.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(TcpPuncher.MaxPairs, bench.Connects.Count);
        Assert.Equal(4, bench.Connects.Select(connect => connect.Connect.Remote).Distinct().Count()); // the likeliest of all locals first
    }

    private const int AttemptBudgetBurst = 100;

    internal static void AssertRate(IEnumerable<Instant> moments, int most)
    {
        Instant[] sorted = [.. moments.Order()];
        for (int i = most; i < sorted.Length; i++)
        {
            Assert.True(sorted[i] - sorted[i - most] >= TimeSpan.FromSeconds(1), $"more than {most} in the second from {sorted[i - most]}");
        }
    }
}
