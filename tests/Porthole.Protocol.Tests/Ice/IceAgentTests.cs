using Porthole.Protocol.Ice;

namespace Porthole.Protocol.Tests.Ice;

public sealed class IceAgentTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    [Fact]
    public void A_plain_pair_is_valid_after_two_one_way_trips_and_selected_after_four_at_most()
    {
        var lab = new IceLab();
        var start = lab.Now;
        var (a, b) = lab.StartTwo();

        lab.RunFor(s_second);

        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairValid>());
        Assert.Equal(start + 2 * lab.OneWay, b.When<IceEvent.PairValid>());
        Assert.Equal(start + 3 * lab.OneWay, b.When<IceEvent.PairSelected>());
        Assert.Equal(start + 4 * lab.OneWay, a.When<IceEvent.PairSelected>());
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.Equal(2 * lab.OneWay, a.Agent.Selected!.RoundTrip);
    }

    [Fact]
    public void A_plain_pair_costs_three_checks_and_two()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();

        lab.RunFor(4 * s_second);

        // The first check, the one that the other's check triggers, and the nomination.
        Assert.Equal(3, a.Agent.ChecksSent);
        Assert.Equal(2, b.Agent.ChecksSent);
        Assert.Equal(3 + 2, lab.Packets.Count(packet => packet.Sender == a));
        Assert.Equal(2 + 3, lab.Packets.Count(packet => packet.Sender == b));
    }

    [Fact]
    public void Two_agents_with_the_numbers_of_the_RFC_complete_as_well()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo(IceOptions.Default);

        Assert.NotNull(lab.RunUntil(() => a.Agent.State == IceState.Completed && b.Agent.State == IceState.Completed, s_second));
        Assert.Same(a.Agent.Selected, Assert.Single(a.Agent.Pairs));
        Assert.True(b.Agent.Selected!.IsNominated);
    }

    [Fact]
    public void A_check_that_comes_before_the_own_one_got_through_triggers_at_once()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceOptions.Default, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceOptions.Default, IceLab.B);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        // B's NAT lets nothing in before B has sent.
        lab.Lost = packet => packet.Sender == a && !lab.Packets.Exists(other => other.Sender == b);
        lab.Start(a);
        lab.RunFor(TimeSpan.FromMilliseconds(120));
        var start = lab.Now;
        lab.Start(b);

        lab.RunFor(s_second);

        // A's check is under way and would be sent again 500 ms after the first; B's check makes it send at once instead.
        Assert.Equal(start + 3 * lab.OneWay, a.When<IceEvent.PairValid>());
        Assert.Equal(start + 2 * lab.OneWay, b.When<IceEvent.PairValid>());
    }

    [Fact]
    public void The_likely_pair_is_checked_first_and_the_others_one_Ta_apart()
    {
        var lab = new IceLab();
        var home = TransportAddress.Parse("192.168.1.5:5000");
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, home);
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, TransportAddress.Parse("10.0.0.9:6000")));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.ServerReflexive(default, IceLab.B, default));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, TransportAddress.Parse("192.168.1.7:6000")));
        var start = lab.Now;
        lab.Start(a);
        lab.RunFor(TimeSpan.FromMilliseconds(50));

        Assert.Equal(["192.168.1.7:6000", "203.0.113.1:6000", "10.0.0.9:6000"], lab.Packets.Select(packet => packet.Destination.ToString()));
        Assert.Equal([0, 5, 10], lab.Packets.Select(packet => (packet.SentAt - start).TotalMilliseconds));
    }

    [Theory]
    [InlineData(1, new[] { 0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_100, 1_300, 1_700, 2_500, 3_500 })]
    [InlineData(0, new[] { 0, 500, 1_500, 3_500 })]
    public void Checks_are_sent_again_at_their_times(int peers, int[] expected)
    {
        var lab = new IceLab { Lost = static _ => true };
        var start = lab.Now;
        var (a, _) = lab.StartTwo(peers == 1 ? IceLab.Peers : IceOptions.Default);

        lab.RunFor(TimeSpan.FromSeconds(4));

        Assert.Equal(expected, lab.Packets.Where(packet => packet.Sender == a).Select(packet => (int)(packet.SentAt - start).TotalMilliseconds));
    }

    [Fact]
    public void The_RTO_grows_with_the_pairs_under_check()
    {
        var lab = new IceLab { Lost = static _ => true };
        var a = lab.Add("a", IceRole.Controlling, IceOptions.Default, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        for (int i = 1; i <= 20; i++) a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B.WithPort((ushort)i)));
        var start = lab.Now;
        lab.Start(a);
        lab.RunFor(TimeSpan.FromSeconds(2));

        var first = lab.Packets.Where(packet => packet.Destination == lab.Packets[0].Destination).ToArray();
        Assert.Equal(start + 20 * TimeSpan.FromMilliseconds(50), first[1].SentAt);
        // So no two packets are closer than Ta, retransmissions included.
        Assert.All(lab.Packets.Zip(lab.Packets.Skip(1)), two => Assert.True(two.Second.SentAt - two.First.SentAt >= TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void Between_peers_the_RTO_follows_the_round_trips_to_the_server()
    {
        Assert.Equal(100, IceOptions.ForPeers(TimeSpan.FromMilliseconds(25), TimeSpan.FromMilliseconds(25)).RetransmissionTimeout.TotalMilliseconds);
        Assert.Equal(160, IceOptions.ForPeers(TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(50)).RetransmissionTimeout.TotalMilliseconds);
    }

    [Fact]
    public void The_agent_fails_when_its_time_is_over_and_is_silent_afterwards()
    {
        var lab = new IceLab { Lost = static _ => true };
        var start = lab.Now;
        var (a, b) = lab.StartTwo();

        Assert.NotNull(lab.RunUntil(() => a.Agent.State == IceState.Failed && b.Agent.State == IceState.Failed, TimeSpan.FromSeconds(20)));
        Assert.Equal(start + TimeSpan.FromSeconds(10), lab.Now);
        Assert.Null(a.Agent.NextDeadline);
        int packets = lab.Packets.Count;
        lab.Inject(a, IceLab.B, lab.Packets.First(packet => packet.Sender == b).Bytes);
        Assert.Equal(packets, lab.Packets.Count);
    }

    [Fact]
    public void A_failed_pair_is_checked_again_with_growing_pauses_while_nothing_works()
    {
        var lab = new IceLab { Lost = static _ => true };
        var options = IceOptions.Default with { MaxTransmissions = 1, RetransmissionTimeout = TimeSpan.FromMilliseconds(500), CheckingTimeout = TimeSpan.FromSeconds(60) };
        var start = lab.Now;
        var (a, _) = lab.StartTwo(options);

        lab.RunFor(TimeSpan.FromSeconds(50));

        // One transmission and 16 RTO = 8 s each, then 1, 2 and 4 s.
        Assert.Equal([0, 9, 19, 31, 47], lab.Packets.Where(packet => packet.Sender == a).Select(packet => (packet.SentAt - start).TotalSeconds));
    }

    [Fact]
    public void A_restart_is_a_new_agent_and_the_old_credentials_are_nobody()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(s_second);
        byte[] old = lab.Packets.First(packet => packet.Sender == a).Bytes;

        var again = new IceLab(seed: 2);
        var (c, _) = again.StartTwo();
        Assert.False(c.Agent.HandleDatagram(again.Now, new SocketId(1), IceLab.A, old));
        Assert.True(b.Agent.HandleDatagram(lab.Now, new SocketId(1), IceLab.A, old));
        Assert.NotNull(again.RunUntil(() => c.Agent.State == IceState.Completed, s_second));
    }

    [Fact]
    public void A_gone_socket_takes_its_pairs_along()
    {
        var lab = new IceLab();
        var second = TransportAddress.Parse("198.51.100.9:5001");
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A, second);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(s_second);
        Assert.Equal(2, a.Agent.ValidPairs.Count);
        var selected = a.Agent.Selected!;

        a.Agent.RemoveSocket(lab.Now, selected.Socket);
        lab.Drain(a);

        Assert.Equal(selected, Assert.Single(a.All<IceEvent.ConsentLost>()).Pair);
        Assert.Null(a.Agent.Selected);
        Assert.NotEqual(selected.Socket, Assert.Single(a.Agent.ValidPairs).Socket);
        Assert.Equal(IceState.Completed, a.Agent.State);

        a.Agent.RemoveSocket(lab.Now, a.Agent.ValidPairs[0].Socket);
        lab.Drain(a);
        Assert.Equal(IceState.Failed, a.Agent.State);
        Assert.Empty(a.Agent.LocalCandidates);
    }

    [Fact]
    public void Loss_and_jitter_do_not_stop_it()
    {
        int failures = 0;
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var lab = new IceLab(seed);
            lab.Lost = _ => lab.Entropy.NextInt32(0, 10) == 0;
            lab.Jitter = () => TimeSpan.FromMilliseconds(lab.Entropy.NextInt32(0, 50));
            var (a, b) = lab.StartTwo();
            if (lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(5)) is null) failures++;
        }

        Assert.Equal(0, failures);
    }

    [Fact]
    public void One_seed_gives_one_run()
    {
        Assert.Equal(Run(7), Run(7));
        Assert.NotEqual(Run(7), Run(8));

        static string Run(ulong seed)
        {
            var lab = new IceLab(seed);
            lab.Lost = _ => lab.Entropy.NextInt32(0, 4) == 0;
            lab.StartTwo();
            lab.RunFor(TimeSpan.FromSeconds(3));
            return string.Join('\n', lab.Packets.Select(packet => $"{packet.SentAt} {packet.Destination} {Convert.ToHexString(packet.Bytes)}"));
        }
    }
}
