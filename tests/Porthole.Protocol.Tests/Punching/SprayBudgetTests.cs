using Porthole.Protocol.Punching;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>What a machine may spend on guesses, at the edges.</summary>
public sealed class SprayBudgetTests
{
    private static readonly Instant s_start = Instant.FromMilliseconds(5_000);
    private static readonly TransportAddress s_host = TransportAddress.Parse("203.0.113.1:0");
    private static readonly TransportAddress s_otherHost = TransportAddress.Parse("203.0.113.2:0");
    private static readonly PeerId s_peer = new(Enumerable.Repeat((byte)1, 32).ToArray());
    private static readonly PeerId s_otherPeer = new(Enumerable.Repeat((byte)2, 32).ToArray());
    private static readonly SprayAim s_aim = new(Transports.Udp, s_host, s_peer);
    private static readonly TimeSpan s_tick = TimeSpan.FromTicks(1);

    [Fact]
    public void Guesses_fill_a_second_but_for_what_must_not_wait_and_not_one_more_goes()
    {
        var budget = Begun();
        for (int i = 0; i < SprayBudget.MaxGuessesPerSecond; i++) Assert.True(budget.TryProbe(s_start + i * TimeSpan.FromMilliseconds(1)));

        Assert.False(budget.TryProbe(s_start + TimeSpan.FromSeconds(1) - s_tick));
        Assert.Equal(s_start + TimeSpan.FromSeconds(1), budget.NextAt);
        Assert.True(budget.TryProbe(s_start + TimeSpan.FromSeconds(1)));
        Assert.False(budget.TryProbe(s_start + TimeSpan.FromSeconds(1)));
        Assert.True(budget.TryProbe(s_start + TimeSpan.FromMilliseconds(1_001)));
    }

    [Fact]
    public void Ordinary_checks_leave_guesses_less_room()
    {
        var budget = Begun();
        for (int i = 0; i < SprayBudget.MaxGuessesPerSecond - 1; i++) budget.Count(s_start);
        Assert.True(budget.TryProbe(s_start));
        Assert.False(budget.TryProbe(s_start));
        budget.Count(s_start); // what must go, goes
        Assert.False(budget.HasRoom(s_start + TimeSpan.FromSeconds(1) - s_tick));
        Assert.True(budget.HasRoom(s_start + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Whatever_the_times_no_second_holds_more_than_the_limit()
    {
        var random = new TestEntropy(7);
        var budget = Begun();
        var sent = new List<Instant>();
        for (var now = s_start; now < s_start + TimeSpan.FromSeconds(8); now += TimeSpan.FromMilliseconds(random.NextDouble(0, 4)))
        {
            if (budget.TryProbe(now)) sent.Add(now);
        }

        for (int i = SprayBudget.MaxGuessesPerSecond; i < sent.Count; i++) Assert.True(sent[i] - sent[i - SprayBudget.MaxGuessesPerSecond] >= TimeSpan.FromSeconds(1));
        Assert.InRange(sent.Count, 8 * SprayBudget.MaxGuessesPerSecond - 100, 8 * SprayBudget.MaxGuessesPerSecond); // all of it can be used
    }

    [Fact]
    public void A_spray_has_two_thousand_probes_and_the_next_as_many()
    {
        var budget = Begun();
        var now = s_start;
        for (int i = 0; i < SprayBudget.MaxProbes; i++, now += TimeSpan.FromMilliseconds(6)) Assert.True(budget.TryProbe(now));
        Assert.False(budget.TryProbe(now + TimeSpan.FromMinutes(1)));
        budget.End(now, hadConnection: true);
        Assert.True(budget.TryBegin(now, s_aim));
        Assert.True(budget.TryProbe(now + TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public void Two_hundred_and_fifty_six_sockets_are_held_whoever_holds_them()
    {
        var budget = Begun();
        for (int i = 0; i < SprayBudget.MaxSockets; i++) Assert.True(budget.TryHold());
        Assert.False(budget.TryHold());
        Assert.False(budget.TryOpen(s_start, TimeSpan.FromSeconds(2))); // a TCP socket counts among them
        budget.End(s_start, hadConnection: true);
        Assert.True(budget.TryBegin(s_start, s_aim));
        Assert.False(budget.TryHold()); // those that carry paths stay
        budget.HandleReleased();
        Assert.True(budget.TryHold());
    }

    [Fact]
    public void A_spray_that_a_change_of_network_ends_has_not_failed()
    {
        var budget = Begun();
        budget.ForgetFailures();
        budget.End(s_start, hadConnection: false);
        Assert.False(budget.IsBarred(s_start, s_aim));
        Assert.True(budget.TryBegin(s_start, s_aim));
        budget.End(s_start, hadConnection: false);
        Assert.True(budget.IsBarred(s_start, s_aim)); // the next one counts again
    }

    [Fact]
    public void Each_address_of_a_spray_is_left_alone_when_it_has_failed()
    {
        // A server that lies could name a victim beside another address each time, and another peer.
        var budget = new SprayBudget();
        var pool = new SprayAim(Transports.Udp, s_host, s_peer) { OtherHosts = [s_host, s_otherHost] };
        Assert.True(budget.TryBegin(s_start, pool));
        budget.End(s_start, hadConnection: false);

        var third = TransportAddress.Parse("203.0.113.3:0");
        Assert.True(budget.IsBarred(s_start, new SprayAim(Transports.Udp, s_otherHost, s_otherPeer)));
        Assert.True(budget.IsBarred(s_start, new SprayAim(Transports.Udp, third, s_otherPeer) { OtherHosts = [third, s_otherHost] }));
        Assert.False(budget.IsBarred(s_start, new SprayAim(Transports.Udp, third, s_otherPeer) { OtherHosts = [third] }));
    }

    [Fact]
    public void One_spray_at_a_time_whoever_it_is_for()
    {
        var budget = Begun();
        Assert.True(budget.IsTaken);
        Assert.False(budget.TryBegin(s_start, new SprayAim(Transports.Udp, s_otherHost, s_otherPeer)));
        budget.End(s_start, hadConnection: true);
        Assert.True(budget.TryBegin(s_start, new SprayAim(Transports.Tcp, s_host, s_peer)));
    }

    [Fact]
    public void After_a_failure_the_machine_refrains_from_the_peer_twice_as_long_each_time_up_to_an_hour()
    {
        var budget = new SprayBudget();
        var now = s_start;
        TimeSpan[] pauses = [.. new[] { 1, 2, 4, 8, 16, 32, 60, 60 }.Select(static minutes => TimeSpan.FromMinutes(minutes))];
        foreach (var pause in pauses)
        {
            Assert.True(budget.TryBegin(now, s_aim));
            budget.End(now, hadConnection: false);
            Assert.False(budget.TryBegin(now + pause - s_tick, s_aim));
            now += pause;
        }

        Assert.True(budget.TryBegin(now, s_aim));
        budget.End(now, hadConnection: true);
        Assert.True(budget.TryBegin(now, s_aim));
        budget.End(now, hadConnection: false);
        Assert.True(budget.TryBegin(now + SprayBudget.FirstPause, s_aim));
    }

    [Fact]
    public void A_failure_keeps_others_from_the_same_address_for_a_minute_and_nobody_else()
    {
        var budget = Begun();
        budget.End(s_start, hadConnection: false);
        Assert.True(budget.TryBegin(s_start, new SprayAim(Transports.Udp, s_otherHost, s_otherPeer)));
        budget.End(s_start, hadConnection: true);
        Assert.True(budget.TryBegin(s_start, s_aim with { Transport = Transports.Tcp }));
        budget.End(s_start, hadConnection: true);

        Assert.False(budget.TryBegin(s_start + SprayBudget.FirstPause - s_tick, s_aim with { Peer = s_otherPeer }));
        Assert.False(budget.TryBegin(s_start + SprayBudget.FirstPause - s_tick, s_aim with { Host = s_otherHost }));
        Assert.True(budget.TryBegin(s_start + SprayBudget.FirstPause, s_aim with { Peer = s_otherPeer }));
    }

    [Fact]
    public void Where_no_peer_is_known_the_address_stands_for_it()
    {
        var budget = new SprayBudget();
        var aim = s_aim with { Peer = null };
        Assert.True(budget.TryBegin(s_start, aim));
        budget.End(s_start, hadConnection: false);
        Assert.True(budget.TryBegin(s_start + SprayBudget.FirstPause, aim));
        budget.End(s_start + SprayBudget.FirstPause, hadConnection: false);
        Assert.False(budget.TryBegin(s_start + 3 * SprayBudget.FirstPause - s_tick, aim));
        Assert.True(budget.TryBegin(s_start + 3 * SprayBudget.FirstPause, aim));
    }

    [Fact]
    public void In_a_new_network_what_failed_is_forgotten()
    {
        var budget = Begun();
        budget.End(s_start, hadConnection: false);
        budget.ForgetFailures();
        Assert.True(budget.TryBegin(s_start, s_aim));
    }

    [Fact]
    public void No_more_failures_are_remembered_than_there_is_room_for()
    {
        var budget = Begun();
        budget.End(s_start, hadConnection: false);
        for (int i = 0; i < SprayBudget.MaxFailures; i++)
        {
            var aim = new SprayAim(Transports.Udp, TransportAddress.Parse($"198.51.{i / 256}.{i % 256}:0"), new PeerId(SHA(i)));
            Assert.True(budget.TryBegin(s_start, aim));
            budget.End(s_start, hadConnection: false);
            Assert.True(budget.IsBarred(s_start, aim));
        }

        Assert.False(budget.IsBarred(s_start, s_aim)); // the oldest

        static byte[] SHA(int i) => System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(i));
    }

    private static SprayBudget Begun()
    {
        var budget = new SprayBudget();
        Assert.True(budget.TryBegin(s_start, s_aim));
        return budget;
    }
}
