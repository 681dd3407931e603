using Porthole.Protocol.Punching;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>Guessing ports, and what it may cost.</summary>
public sealed class SprayTests
{
    private static readonly TransportAddress s_localHost = TransportAddress.Parse("192.168.1.10:0");

    [Fact]
    public void The_hard_side_holds_many_sockets_to_the_one_right_address()
    {
        var bench = new PuncherBench().Start();
        bench.Do(() => Assert.True(bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 256)));
        bench.RunFor(TimeSpan.FromSeconds(3));

        Assert.Equal(256, bench.Connects.Count);
        Assert.All(bench.Connects, entry => Assert.Equal((s_localHost, PuncherBench.Remote), (entry.Connect.Local, entry.Connect.Remote)));
        Assert.Equal(256, bench.Open.Count); // all at once: coverage is what counts
        Assert.Empty(bench.Closes);
        Assert.InRange(bench.Since(bench.Connects[^1].At), TimeSpan.FromSeconds(2.7), TimeSpan.FromSeconds(2.9));
        bench.RunFor(TimeSpan.FromSeconds(20));
        AssertBudget(bench);
    }

    [Fact]
    public void The_easy_side_tries_more_ports_than_it_has_sockets()
    {
        var bench = WithPort().Start();
        ushort[] ports = [.. Enumerable.Range(1_025, 1_500).Select(port => (ushort)port)];
        bench.Do(() => Assert.True(bench.Puncher.SprayTo(bench.Now, PuncherBench.Listener, PuncherBench.Remote, ports)));
        bench.RunFor(TimeSpan.FromSeconds(20));

        Assert.All(bench.Connects, entry => Assert.Equal(PuncherBench.Local, entry.Connect.Local));
        // In order, none twice before all were tried, and given up before the kernel repeats a SYN.
        int tried = bench.Connects.Count;
        Assert.InRange(tried, 1_300, 1_500);
        Assert.Equal(ports[..tried], bench.Connects.Select(entry => entry.Connect.Remote.Port));
        AssertBudget(bench);
        Assert.InRange(bench.Budget.Probes, tried, SprayBudget.MaxProbes);
    }

    [Fact]
    public void Few_ports_are_held_with_their_repeats()
    {
        var bench = WithPort().Start();
        ushort[] ports = [.. Enumerable.Range(40_000, 50).Select(port => (ushort)port)];
        bench.Do(() => bench.Puncher.SprayTo(bench.Now, PuncherBench.Listener, PuncherBench.Remote, ports));
        bench.RunFor(TimeSpan.FromSeconds(3));
        Assert.Equal(50, bench.Open.Count);
        Assert.Equal(50, bench.Connects.Count);
        bench.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(100, bench.Connects.Count); // all once more
        bench.RunFor(TimeSpan.FromSeconds(9));
        AssertBudget(bench);
        Assert.Empty(bench.Open);
    }

    [Fact]
    public void Refusals_are_retried_as_fast_as_the_budget_allows()
    {
        var bench = new PuncherBench { Answer = static _ => (TimeSpan.FromMilliseconds(10), SocketFailure.Refused) }.Start();
        bench.Do(() => bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 64));
        bench.RunFor(TimeSpan.FromSeconds(20));
        Assert.InRange(bench.Connects.Count, 1_300, 1_500);
        AssertBudget(bench);
    }

    [Fact]
    public void No_spray_probes_more_than_two_thousand_times()
    {
        var bench = new PuncherBench(options: new TcpPunchOptions { Limit = TimeSpan.FromMinutes(2) });
        bench.Answer = static _ => (TimeSpan.FromMilliseconds(10), SocketFailure.Refused);
        bench.Start();
        bench.Do(() => bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 64));
        bench.RunFor(TimeSpan.FromMinutes(1));
        AssertBudget(bench);
        Assert.InRange(bench.Connects.Count, SprayBudget.MaxProbes - 3, SprayBudget.MaxProbes);
    }

    [Fact]
    public void What_connects_is_handed_over_and_the_spray_goes_on()
    {
        var bench = new PuncherBench().Start();
        bench.Do(() => bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 20));
        bench.RunFor(TimeSpan.FromMilliseconds(50));
        var socket = bench.Connects[3].Connect.Socket;
        var local = s_localHost.WithPort(50_123);
        bench.Tell(new SocketEvent.Opened(socket, local, PuncherBench.Remote));
        Assert.Equal(new TcpPunchEvent.Connected(socket, local, PuncherBench.Remote), Assert.Single(bench.Events).Event);

        bench.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.Equal(20, bench.Connects.Count);
        bench.Do(() => bench.Puncher.Stop(bench.Now));
        Assert.Equal(19, bench.Closes.Count);
        Assert.DoesNotContain(bench.Closes, close => close.Socket == socket);
    }

    [Fact]
    public void A_socket_of_a_spray_that_connected_to_itself_is_closed_and_tried_again()
    {
        var bench = new PuncherBench().Start();
        bench.Do(() => bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 1));
        bench.Tell(new SocketEvent.Opened(bench.Connects[0].Connect.Socket, PuncherBench.Remote, PuncherBench.Remote));
        Assert.Single(bench.Closes);
        bench.RunFor(TimeSpan.FromMilliseconds(50));
        Assert.Equal(2, bench.Connects.Count);
        Assert.Empty(bench.Events);
    }

    [Fact]
    public void One_spray_at_a_time_is_all_a_machine_has()
    {
        var budget = new SprayBudget();
        var (one, other) = (new PuncherBench(1, budget: budget).Start(), new PuncherBench(2, budget: budget).Start());
        one.Do(() => Assert.True(one.Puncher.SprayFrom(one.Now, s_localHost, PuncherBench.Remote, 10)));
        one.Do(() => Assert.False(one.Puncher.SprayFrom(one.Now, s_localHost, PuncherBench.Remote, 10)));
        other.Do(() => Assert.False(other.Puncher.SprayFrom(other.Now, s_localHost, PuncherBench.Remote, 10)));
        Assert.Empty(other.Connects);
    }

    [Fact]
    public void A_spray_waits_for_the_start_and_none_begins_after_the_end()
    {
        var bench = new PuncherBench();
        bench.Do(() => Assert.True(bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 3)));
        bench.RunFor(TimeSpan.FromSeconds(1));
        Assert.Empty(bench.Connects);
        bench.Start();
        Assert.Single(bench.Connects);
        bench.RunFor(TimeSpan.FromSeconds(9));
        Assert.False(bench.Budget.IsTaken);
        Assert.False(bench.Puncher.SprayFrom(bench.Now + SprayBudget.FirstPause, s_localHost, PuncherBench.Remote, 3));
    }

    [Fact]
    public void Ports_that_are_none_or_named_twice_are_left_out()
    {
        var bench = WithPort().Start();
        bench.Do(() => Assert.False(bench.Puncher.SprayTo(bench.Now, new SocketId(9), PuncherBench.Remote, [1])));
        bench.Do(() => Assert.False(bench.Puncher.SprayTo(bench.Now, PuncherBench.Listener, PuncherBench.Remote, [0])));
        bench.Do(() => Assert.True(bench.Puncher.SprayTo(bench.Now, PuncherBench.Listener, PuncherBench.Remote, [5, 0, 5, 6])));
        bench.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal([5, 6], bench.Connects.Select(entry => (int)entry.Connect.Remote.Port));
        Assert.Throws<ArgumentOutOfRangeException>(() => bench.Puncher.SprayFrom(bench.Now, s_localHost, PuncherBench.Remote, 0));
    }

    private static PuncherBench WithPort()
    {
        var bench = new PuncherBench();
        bench.Puncher.AddLocal(bench.Now, PuncherBench.Listener, PuncherBench.Local);
        return bench;
    }

    /// <summary>What the wire would see: each SYN, and its repeats after 1, 3 and 7 s while the socket is held.</summary>
    internal static List<Instant> Syns(PuncherBench bench)
    {
        var closed = bench.Closes.Concat(bench.Failures).ToDictionary(close => close.Socket, close => close.At);
        var syns = new List<Instant>();
        foreach (var (at, connect) in bench.Connects)
        {
            var until = closed.GetValueOrDefault(connect.Socket, bench.Now);
            syns.Add(at);
            foreach (int repeat in (int[])[1, 3, 7])
            {
                if (at + TimeSpan.FromSeconds(repeat) < until) syns.Add(at + TimeSpan.FromSeconds(repeat));
            }
        }

        return syns;
    }

    internal static void AssertBudget(PuncherBench bench)
    {
        var syns = Syns(bench);
        Assert.InRange(syns.Count, 0, SprayBudget.MaxProbes);
        Assert.InRange(bench.MostOpen, 0, SprayBudget.MaxSockets);
        TcpPuncherTests.AssertRate(syns, SprayBudget.MaxPacketsPerSecond);
        Assert.True(bench.Budget.Probes >= syns.Count);
    }
}
