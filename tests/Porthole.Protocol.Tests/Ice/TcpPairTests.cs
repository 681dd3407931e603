using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

/// <summary>TCP connections as pairs (RFC 6544 section 7).</summary>
public sealed class TcpPairTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_connection_is_checked_in_band_and_becomes_a_path(bool isAccepted)
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        var start = lab.Now;

        var (socketA, socketB) = lab.Connect(a, b, isAccepted);
        var took = lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(2));

        Assert.Equal(4 * lab.OneWay, took);
        Assert.Equal((socketA, socketB), (a.Agent.Selected!.Socket, b.Agent.Selected!.Socket));
        Assert.Equal((Transports.Tcp, Transports.Tcp), (a.Agent.Selected.Transport, b.Agent.Selected.Transport));
        Assert.Equal(2 * lab.OneWay, a.Agent.Selected.RoundTrip);
        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairValid>());
        // One check from each side, one nomination, and their answers.
        Assert.Equal(6, lab.Packets.Count(packet => packet.Socket == socketA || packet.Socket == socketB));
    }

    [Fact]
    public void A_check_on_a_connection_is_sent_once_and_fails_after_its_time()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = b.Agent.HoldOpen = true;
        lab.Lost = packet => packet.Sender == b && CheckBuilder.ClassOf(packet) == StunClass.SuccessResponse;
        var (socket, _) = lab.Connect(a, b, isAccepted: true);
        var start = lab.Now;
        lab.RunFor(TimeSpan.FromSeconds(5));

        Assert.Single(lab.Packets, packet => packet.Sender == a && packet.Socket == socket && CheckBuilder.ClassOf(packet) == StunClass.Request);
        Assert.Equal(socket, Assert.Single(a.All<IceEvent.ConnectionFailed>()).Pair.Socket);
        Assert.Equal(start + 2 * lab.OneWay + TimeSpan.FromSeconds(3), a.When<IceEvent.ConnectionFailed>()); // counted from the other side's check
    }

    [Fact]
    public void A_connection_on_which_the_other_side_checks_is_given_more_time()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = b.Agent.HoldOpen = true;
        lab.Lost = packet => packet.Sender == b; // what is lost comes late on a real connection
        var (socket, _) = lab.Connect(a, b, isAccepted: true);
        lab.RunFor(TimeSpan.FromSeconds(2));
        byte[] check = new CheckBuilder(b.Agent.LocalCredentials, a.Agent.LocalCredentials).Request(TransactionId.Create(lab.Entropy));
        lab.Inject(a, b.Sockets[socket], check, socket);
        var at = lab.Now;
        lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(at + TimeSpan.FromSeconds(3), a.When<IceEvent.ConnectionFailed>());
    }

    [Fact]
    public void An_accepted_connection_gets_no_byte_before_a_genuine_check_came_on_it()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        var stranger = new CheckBuilder(a.Agent.LocalCredentials, b.Agent.LocalCredentials) { Password = "not the password of this agent" };
        var (socket, local, remote) = (new SocketId(77), IceLab.B.WithPort(8_900), TransportAddress.Parse("192.0.2.66:4000"));
        byte[] genuine = new CheckBuilder(a.Agent.LocalCredentials, b.Agent.LocalCredentials) { Role = IceRole.Controlling }.Request(TransactionId.Create(lab.Entropy));
        foreach (byte[] bytes in (byte[][])
        [
            "GET / HTTP/1.1"u8.ToArray(),
            CheckBuilder.Indication(TransactionId.Create(lab.Entropy)),
            stranger.Request(TransactionId.Create(lab.Entropy)),
            (stranger with { Username = "somebody:else" }).Request(TransactionId.Create(lab.Entropy)),
            genuine[..^8],
        ])
        {
            Assert.False(b.Agent.TryAccept(lab.Now, socket, local, remote, bytes));
            lab.Drain(b);
        }

        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(lab.Packets, packet => packet.Socket == socket);
        Assert.DoesNotContain(b.Agent.Pairs, pair => pair.Socket == socket);

        Assert.True(b.Agent.TryAccept(lab.Now, socket, local, remote, genuine));
        lab.Drain(b);
        Assert.Equal(remote, Assert.Single(b.Agent.Pairs, pair => pair.Socket == socket).RemoteAddress);
        // The answer, and a check of its own (RFC 8445 section 7.3.1.4).
        Assert.Equal([StunClass.SuccessResponse, StunClass.Request], lab.Packets.Where(packet => packet.Socket == socket).Select(CheckBuilder.ClassOf));
    }

    [Fact]
    public void A_check_that_comes_before_the_start_claims_the_connection_and_is_answered()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        lab.Start(a);
        lab.Connect(a, b, isAccepted: true);
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Single(a.Agent.ValidPairs);
        Assert.Equal(0, b.Agent.ChecksSent);

        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.NotNull(b.Agent.Selected);
    }

    [Fact]
    public void Udp_comes_before_tcp_and_a_udp_pair_found_later_is_kept_beside()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Lost = packet => packet.Socket == new SocketId(1);
        lab.Start(a);
        lab.Start(b);
        lab.Connect(a, b);
        lab.RunFor(TimeSpan.FromMilliseconds(300));
        Assert.Equal(Transports.Tcp, a.Agent.Selected!.Transport);

        lab.Lost = static _ => false;
        lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal([Transports.Udp, Transports.Tcp], a.Agent.ValidPairs.OrderByDescending(pair => pair.Priority).Select(pair => pair.Transport));
    }

    [Fact]
    public void Consent_is_kept_on_a_connection_and_ends_when_it_breaks()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        var (socket, _) = lab.Connect(a, b, isAccepted: true);
        lab.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.InRange(lab.Packets.Count(packet => packet.Sender == a && packet.Socket == socket && CheckBuilder.ClassOf(packet) == StunClass.Request), 60 / 6, 60 / 4 + 2);

        a.Agent.RemoveSocket(lab.Now, socket);
        lab.Drain(a);
        Assert.Equal(socket, Assert.Single(a.All<IceEvent.ConsentLost>()).Pair.Socket);
        Assert.DoesNotContain(a.Agent.Pairs, pair => pair.Socket == socket);
        Assert.DoesNotContain(a.Agent.LocalCandidates, candidate => candidate.Socket == socket);
    }

    [Fact]
    public void A_connection_that_breaks_before_its_check_is_answered_is_forgotten()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        lab.Lost = static _ => true;
        var (socket, _) = lab.Connect(a, b, isAccepted: true);
        a.Agent.RemoveSocket(lab.Now, socket);
        lab.Drain(a);
        Assert.Empty(a.Agent.Pairs);
        lab.RunFor(TimeSpan.FromSeconds(6));
        Assert.Empty(a.All<IceEvent.ConnectionFailed>());
    }

    [Theory]
    [InlineData(IceRole.Controlling)]
    [InlineData(IceRole.Controlled)]
    public void A_role_conflict_on_a_connection_is_resolved(IceRole role)
    {
        var lab = new IceLab();
        var a = lab.Add("a", role, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", role, IceLab.Peers, IceLab.B);
        Acquaint(lab, a, b);
        lab.Connect(a, b);
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(2)));
        Assert.NotEqual(a.Agent.Role, b.Agent.Role);
    }

    [Fact]
    public void Of_two_connections_both_are_valid_and_one_is_nominated()
    {
        // Both sides' SYNs came to a listener: two connections, and both sides must choose the same one.
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        lab.Connect(a, b, isAccepted: true);
        lab.Connect(b, a, isAccepted: true, port: 8_901);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((2, 2), (a.Agent.ValidPairs.Count, b.Agent.ValidPairs.Count));
        Assert.Equal(a.Agent.Selected!.RemoteAddress, lab.Routes.Single(route => route.Value == (b, b.Agent.Selected!.Socket)).Key);
    }

    [Fact]
    public void While_it_is_held_open_an_agent_without_a_pair_does_not_fail()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = true;
        lab.RunFor(TimeSpan.FromSeconds(15));
        Assert.Equal((IceState.Checking, IceState.Failed), (a.Agent.State, b.Agent.State));
        Assert.Null(a.Agent.NextDeadline);

        a.Agent.HoldOpen = false;
        Assert.True(a.Agent.NextDeadline <= lab.Now);
        a.Agent.HandleDeadline(lab.Now);
        Assert.Equal(IceState.Failed, a.Agent.State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)] // the time for checking is over
    public void While_it_is_held_open_an_agent_survives_the_end_of_its_nominated_connection(int seconds)
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = b.Agent.HoldOpen = true;
        var (first, firstOfB) = lab.Connect(a, b);
        lab.RunFor(TimeSpan.FromSeconds(seconds));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));

        a.Agent.RemoveSocket(lab.Now, first);
        b.Agent.RemoveSocket(lab.Now, firstOfB);
        lab.RunFor(TimeSpan.FromSeconds(15));
        Assert.Equal((IceState.Checking, IceState.Checking), (a.Agent.State, b.Agent.State));

        var (second, secondOfB) = lab.Connect(a, b, port: 8_901);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.Equal((second, secondOfB), (a.Agent.Selected!.Socket, b.Agent.Selected!.Socket));

        a.Agent.HoldOpen = false;
        a.Agent.RemoveSocket(lab.Now, second);
        Assert.Equal(IceState.Failed, a.Agent.State);
    }

    [Fact]
    public void An_agent_that_lost_its_last_pair_fails_when_it_is_held_open_no_longer()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = true;
        var (socket, _) = lab.Connect(a, b);
        lab.RunFor(TimeSpan.FromSeconds(15));
        a.Agent.RemoveSocket(lab.Now, socket);

        a.Agent.HoldOpen = false;
        a.Agent.HandleDeadline(lab.Now);
        Assert.Equal(IceState.Failed, a.Agent.State);
    }

    [Fact]
    public void A_connection_after_the_checking_time_still_counts_while_the_agent_is_held_open()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        a.Agent.HoldOpen = b.Agent.HoldOpen = true;
        lab.RunFor(TimeSpan.FromSeconds(15));
        lab.Connect(a, b);
        lab.RunFor(TimeSpan.FromSeconds(1));
        a.Agent.HoldOpen = b.Agent.HoldOpen = false;
        lab.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
    }

    [Fact]
    public void Tcp_candidates_make_no_pairs_by_themselves_but_say_what_a_connection_is()
    {
        var lab = new IceLab();
        var (a, b) = StartWithoutUdp(lab);
        var address = IceLab.B.WithPort(8_900);
        var signalled = Candidate.Remote(CandidateType.ServerReflexive, address, 1_000, "1", TcpCandidateType.SimultaneousOpen);
        Assert.True(a.Agent.AddRemoteCandidate(lab.Now, signalled));
        Assert.True(a.Agent.AddRemoteCandidate(lab.Now, Candidate.Remote(CandidateType.ServerReflexive, address, 2_000, "1"))); // UDP: another candidate
        Assert.False(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(5), IceLab.A) with { Tcp = TcpCandidateType.Passive }));
        Assert.DoesNotContain(a.Agent.Pairs, pair => pair.Transport == Transports.Tcp);

        lab.Connect(a, b);
        Assert.Equal(signalled, Assert.Single(a.Agent.Pairs, pair => pair.Transport == Transports.Tcp).Remote);
    }

    [Fact]
    public void Connections_are_bounded()
    {
        var lab = new IceLab();
        var (a, _) = StartWithoutUdp(lab);
        for (int i = 1; i <= IceOptions.ConnectionLimit + 3; i++)
        {
            Assert.Equal(i <= IceOptions.ConnectionLimit, a.Agent.AddConnection(lab.Now, new SocketId(100 + i), IceLab.A.WithPort((ushort)i), IceLab.B));
        }

        Assert.False(a.Agent.AddConnection(lab.Now, new SocketId(101), IceLab.A.WithPort(1), IceLab.B));
        a.Agent.RemoveSocket(lab.Now, new SocketId(101));
        Assert.True(a.Agent.AddConnection(lab.Now, new SocketId(200), IceLab.A.WithPort(200), IceLab.B));
    }

    [Fact]
    public void Connections_that_are_still_checked_when_an_agent_concludes_are_given_back()
    {
        var lab = new IceLab();
        var options = IceOptions.Default with { NominationPatience = TimeSpan.Zero };
        var a = lab.Add("a", IceRole.Controlling, options, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, options, IceLab.B);
        Acquaint(lab, a, b);
        lab.Lost = static packet => packet.Socket == new SocketId(8_901);
        var (silent, silentOfB) = lab.Connect(a, b, port: 8_901);
        var (good, goodOfB) = lab.Connect(a, b, port: 8_902);
        lab.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.Equal((good, goodOfB), (a.Agent.Selected!.Socket, b.Agent.Selected!.Socket));
        Assert.Equal(silent, Assert.Single(a.All<IceEvent.ConnectionFailed>()).Pair.Socket);
        Assert.Equal(silentOfB, Assert.Single(b.All<IceEvent.ConnectionFailed>()).Pair.Socket);
    }

    [Fact]
    public void An_agent_that_is_done_takes_no_connection()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo(IceOptions.Default with { NominationPatience = TimeSpan.Zero });
        lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(IceState.Completed, a.Agent.State);
        Assert.False(a.Agent.AddConnection(lab.Now, new SocketId(9), IceLab.A.WithPort(9), IceLab.B));
        byte[] check = new CheckBuilder(a.Agent.LocalCredentials, b.Agent.LocalCredentials) { Role = IceRole.Controlling }.Request(TransactionId.Create(lab.Entropy));
        Assert.False(b.Agent.TryAccept(lab.Now, new SocketId(9), IceLab.B.WithPort(9), IceLab.A, check));
    }

    [Fact]
    public void Priorities_are_the_RFCs_below_those_of_udp()
    {
        // RFC 6544 section 4.2: local preference = 2^13 * direction-pref + other-pref.
        Assert.Equal((63u << 24) | (((6u << 13) + 8_191) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.Host, TcpCandidateType.Active));
        Assert.Equal((63u << 24) | (((4u << 13) + 8_191) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.Host, TcpCandidateType.Passive));
        Assert.Equal((63u << 24) | (((2u << 13) + 8_191) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.Host, TcpCandidateType.SimultaneousOpen));
        Assert.Equal((50u << 24) | (((6u << 13) + 5) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.ServerReflexive, TcpCandidateType.SimultaneousOpen, 5));
        Assert.Equal((50u << 24) | (((4u << 13) + 0) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.ServerReflexive, TcpCandidateType.Active, 0));
        Assert.Equal((50u << 24) | (((2u << 13) + 8_191) << 8) | 255, CandidatePriority.ComputeTcp(CandidateType.ServerReflexive, TcpCandidateType.Passive));
        Assert.Throws<ArgumentOutOfRangeException>(() => CandidatePriority.ComputeTcp(CandidateType.Host, TcpCandidateType.Active, 8_192));

        uint best = CandidatePriority.ComputeTcp(CandidateType.Host, TcpCandidateType.Active);
        Assert.True(best < CandidatePriority.Compute(CandidateType.ServerReflexive, 0));
    }

    private static (IceNode A, IceNode B) StartWithoutUdp(IceLab lab)
    {
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        Acquaint(lab, a, b);
        return (a, b);
    }

    private static void Acquaint(IceLab lab, IceNode a, IceNode b)
    {
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        lab.Start(a);
        lab.Start(b);
    }
}
