using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

/// <summary>Sockets that wait for checks without being candidates, checks that are sent on a guess, and agents that begin none of their own.</summary>
public sealed class SilentSocketTests
{
    private static readonly SocketId s_fresh = new(7);
    private static readonly TransportAddress s_freshAddress = IceLab.A.WithPort(7_000);

    [Fact]
    public void A_probe_from_a_silent_socket_brings_a_pair_like_any_other()
    {
        var lab = new IceLab();
        var (a, b) = Strangers(lab);
        AddSilent(lab, a, s_fresh, s_freshAddress);
        Probe(lab, a, s_fresh, IceLab.B);

        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(1)));

        Assert.Equal((s_fresh, IceLab.B), (a.Agent.Selected!.Socket, a.Agent.Selected.RemoteAddress));
        Assert.Equal(s_freshAddress, b.Agent.Selected!.RemoteAddress);
        Assert.Equal(CandidateType.PeerReflexive, b.Agent.Selected.Remote.Type);
        Assert.DoesNotContain(a.Agent.LocalCandidates, candidate => candidate.Socket == s_fresh);
        lab.RunFor(TimeSpan.FromMinutes(2)); // consent goes on
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        a.Agent.Use(a.Agent.Selected);
        a.Agent.RemoveSocket(lab.Now, s_fresh);
        lab.Drain(a);
        Assert.Null(a.Agent.Selected);
        Assert.Equal(IceState.Failed, a.Agent.State);
    }

    [Fact]
    public void A_silent_socket_forms_no_pairs_with_what_signalling_says()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        Assert.True(a.Agent.AddSilentSocket(lab.Now, s_fresh, s_freshAddress));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B.WithPort(1)));
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        lab.Start(a);
        lab.RunFor(TimeSpan.FromSeconds(5));

        Assert.Empty(a.Agent.Pairs);
        Assert.Empty(lab.Packets);
    }

    [Fact]
    public void What_a_silent_socket_learns_of_itself_makes_no_candidate_and_no_pairs()
    {
        var lab = new IceLab();
        var mapped = TransportAddress.Parse("198.51.100.77:40000");
        var (a, b) = Strangers(lab);
        lab.Routes.Add(mapped, (a, s_fresh));
        lab.Seen = packet => packet.Sender == a ? mapped : packet.Source;
        AddSilent(lab, a, s_fresh, s_freshAddress);
        Probe(lab, a, s_fresh, IceLab.B);
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null, TimeSpan.FromSeconds(1)));
        var valid = a.Agent.Selected!.ValidLocal;
        Assert.Equal((CandidateType.PeerReflexive, mapped, s_freshAddress), (valid.Type, valid.Address, valid.Base));

        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B.WithPort(1)));
        lab.RunFor(TimeSpan.FromSeconds(20)); // consent answers say the same again

        Assert.Single(a.Agent.Pairs, pair => pair.Socket == s_fresh);
        Assert.DoesNotContain(a.Agent.LocalCandidates, candidate => candidate.Socket == s_fresh);
        Assert.Same(valid, a.Agent.Selected!.ValidLocal);
        Assert.NotEmpty(b.Agent.ValidPairs);
    }

    [Fact]
    public void There_are_256_silent_sockets_beside_all_candidates_and_no_more()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        for (int i = 1; i <= 256; i++) Assert.True(a.Agent.AddSilentSocket(lab.Now, new SocketId(i), IceLab.A.WithPort((ushort)i)));
        Assert.False(a.Agent.AddSilentSocket(lab.Now, new SocketId(257), IceLab.A.WithPort(257)));
        for (int i = 301; i <= 320; i++) Assert.True(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(i), IceLab.A.WithPort((ushort)i))));
        Assert.False(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(321), IceLab.A.WithPort(321))));

        a.Agent.RemoveSocket(lab.Now, new SocketId(9));
        Assert.True(a.Agent.AddSilentSocket(lab.Now, new SocketId(257), IceLab.A.WithPort(257)));
        Assert.Equal(20, a.Agent.LocalCandidates.Count);
    }

    [Fact]
    public void A_socket_is_silent_or_a_candidate_and_not_both()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        Assert.False(a.Agent.AddSilentSocket(lab.Now, new SocketId(1), IceLab.A));
        Assert.True(a.Agent.AddSilentSocket(lab.Now, s_fresh, s_freshAddress));
        Assert.False(a.Agent.AddSilentSocket(lab.Now, s_fresh, s_freshAddress));
        Assert.False(a.Agent.AddSilentSocket(lab.Now, new SocketId(8), TransportAddress.Parse("0.0.0.0:5")));
        Assert.False(a.Agent.AddConnection(lab.Now, s_fresh, s_freshAddress, IceLab.B));

        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        Assert.True(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(s_fresh, s_freshAddress)));
        Assert.Contains(a.Agent.Pairs, pair => pair.Socket == s_fresh);
    }

    [Fact]
    public void Forty_pairs_and_fifty_learnt_addresses_hold_for_silent_sockets_too()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab, IceLab.Peers with { RetransmissionTimeout = TimeSpan.FromSeconds(60) });
        for (int i = 1; i <= 256; i++) AddSilent(lab, a, new SocketId(100 + i), IceLab.A.WithPort((ushort)i));
        for (int i = 1; i <= 256; i++)
        {
            lab.Inject(a, IceLab.B.WithPort((ushort)i), peer.Request(TransactionId.Create(lab.Entropy)), new SocketId(100 + i));
            lab.RunFor(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(IceOptions.LearntLimit, a.Agent.ChecksSent);
        Assert.InRange(a.Agent.Pairs.Count, 1, IceOptions.PairLimit);
        Assert.InRange(a.Agent.RemoteCandidates.Count, 1, IceOptions.CandidateLimit);
        Assert.Equal(256, lab.Packets.Count(packet => CheckBuilder.ClassOf(packet) == StunClass.SuccessResponse));
    }

    [Fact]
    public void One_address_may_check_every_silent_socket_and_takes_no_more_than_the_pairs()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab);
        for (int i = 1; i <= 256; i++) AddSilent(lab, a, new SocketId(100 + i), IceLab.A.WithPort((ushort)i));
        for (int i = 1; i <= 256; i++) lab.Inject(a, IceLab.B, peer.Request(TransactionId.Create(lab.Entropy)), new SocketId(100 + i));
        lab.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal(IceOptions.PairLimit, a.Agent.Pairs.Count);
        Assert.InRange(a.Agent.ChecksSent, 1, IceOptions.CheckLimit);
        Assert.Single(a.Agent.RemoteCandidates);
    }

    [Fact]
    public void A_stranger_and_a_forger_learn_nothing_from_a_silent_socket()
    {
        var lab = new IceLab();
        var (a, peer) = WithPeer(lab);
        AddSilent(lab, a, s_fresh, s_freshAddress);
        lab.Inject(a, IceLab.B, (peer with { Password = "wrongwrongwrongwrongwrong" }).Request(TransactionId.Create(lab.Entropy)), s_fresh);
        lab.Inject(a, IceLab.B, (peer with { Username = "XXXX:YYYY" }).Request(TransactionId.Create(lab.Entropy)), s_fresh);
        lab.Inject(a, IceLab.B, CheckBuilder.Indication(TransactionId.Create(lab.Entropy)), s_fresh);
        lab.Inject(a, IceLab.B, peer.Request(TransactionId.Create(lab.Entropy)), new SocketId(99)); // nobody's socket
        lab.RunFor(TimeSpan.FromSeconds(1));

        Assert.Empty(lab.Packets);
        Assert.Empty(a.Agent.Pairs);
    }

    [Fact]
    public void A_check_that_comes_before_the_credentials_counts_on_a_silent_socket()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        AddSilent(lab, a, s_fresh, s_freshAddress);
        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        b.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, s_freshAddress));
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromMilliseconds(70));
        Assert.NotEmpty(b.Agent.ValidPairs); // answered
        Assert.Empty(a.Agent.Pairs);

        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        lab.Drain(a);
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null, TimeSpan.FromMilliseconds(200)));
        Assert.Equal(s_fresh, a.Agent.Selected!.Socket);
    }

    [Fact]
    public void A_probe_is_small_and_says_what_a_check_says()
    {
        var lab = new IceLab();
        var (a, b) = Strangers(lab);
        byte[] memory = new byte[IceOptions.ProbeLimit];
        int length = a.Agent.WriteProbe(lab.Now, memory);

        Assert.Equal(96, length);
        Assert.True(StunReader.TryParse(memory.AsSpan(0, length), out var probe));
        Assert.True(probe.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(CandidatePriority.Compute(CandidateType.PeerReflexive, CandidatePriority.HighestLocalPreference), priority);
        Assert.True(probe.Has(StunAttributeType.IceControlling) && !probe.Has(StunAttributeType.IceControlled) && !probe.Has(StunAttributeType.UseCandidate));
        Assert.True(probe.HasValidIntegrity(System.Text.Encoding.ASCII.GetBytes(b.Agent.LocalCredentials.Password)) && probe.HasValidFingerprint());
        Assert.Equal(0, a.Agent.ChecksSent);
        Assert.Empty(a.Agent.Pairs);
    }

    [Theory]
    [InlineData(24, 27, 128)]
    [InlineData(24, 28, 0)]
    [InlineData(4, 4, 88)]
    [InlineData(256, 256, 0)]
    public void Credentials_that_are_too_long_for_a_small_probe_get_none(int own, int others, int length)
    {
        var agent = new IceAgent(IceLab.Peers, IceRole.Controlled, new IceCredentials(new string('a', own), new string('p', 24)), new IceLab().Entropy);
        agent.SetRemoteCredentials(Instant.Zero, new IceCredentials(new string('b', others), new string('q', 256)));
        Assert.Equal(length, agent.WriteProbe(Instant.Zero, new byte[1_000]));
    }

    [Fact]
    public void No_probe_without_remote_credentials_nor_after_the_end()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        Assert.Equal(0, a.Agent.WriteProbe(lab.Now, new byte[IceOptions.ProbeLimit]));
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        Assert.Equal(96, a.Agent.WriteProbe(lab.Now, new byte[IceOptions.ProbeLimit]));
        lab.Start(a);
        lab.RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal(IceState.Failed, a.Agent.State);
        Assert.Equal(0, a.Agent.WriteProbe(lab.Now, new byte[IceOptions.ProbeLimit]));
        Assert.False(a.Agent.AddSilentSocket(lab.Now, s_fresh, s_freshAddress));
    }

    [Fact]
    public void The_answer_to_a_probe_is_taken_and_anybody_elses_is_not()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab);
        byte[] memory = new byte[IceOptions.ProbeLimit];
        byte[] probe = memory[..a.Agent.WriteProbe(lab.Now, memory)];

        Assert.True(a.Agent.HandleDatagram(lab.Now, s_fresh, IceLab.B, peer.Success(probe, IceLab.A)));
        Assert.True(a.Agent.HandleDatagram(lab.Now, s_fresh, IceLab.B, peer.Error(probe, StunErrorCode.RoleConflict)));
        Assert.False(a.Agent.HandleDatagram(lab.Now, s_fresh, IceLab.B, (peer with { Password = "wrongwrongwrongwrongwrong" }).Success(probe, IceLab.A)));
        Assert.Equal(IceRole.Controlling, a.Agent.Role);
        Assert.Empty(a.Agent.Pairs);
        lab.Drain(a);
        Assert.DoesNotContain(a.Events, entry => entry.Event is IceEvent.CheckTraced);
    }

    [Fact]
    public void Probes_and_their_answers_allocate_nothing()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab, IceLab.Peers with { TraceChecks = false });
        AddSilent(lab, a, s_fresh, s_freshAddress);
        byte[] memory = new byte[IceOptions.ProbeLimit];
        byte[] probe = memory[..a.Agent.WriteProbe(lab.Now, memory)];
        byte[] answer = peer.Success(probe, IceLab.A);
        var now = lab.Now;
        int taken = 0;

        // One HMAC each way, which the platform allocates for; and nothing else.
        byte[] key = new byte[24], scratch = new byte[64];
        long hmacs = Allocations.Least(() =>
        {
            for (int i = 0; i < 2_000; i++) new StunWriter(scratch, StunClass.Request, StunMethod.Binding, default).WriteIntegrity(key);
        });
        Assert.Equal(hmacs, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                if (a.Agent.WriteProbe(now, memory) > 0 && a.Agent.HandleDatagram(now, s_fresh, IceLab.B, answer)) taken++;
            }
        }));
        Assert.True(taken > 0 && taken % 1_000 == 0);
    }

    [Fact]
    public void A_silent_agent_begins_nothing_and_does_all_the_rest()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwoWith(agent => agent.IsSilent = true);
        Assert.DoesNotContain(lab.Packets, packet => packet.Sender == a);

        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(1)));
        Assert.Equal(CheckStep.Received, a.All<IceEvent.CheckTraced>().First().Step);
        lab.RunFor(TimeSpan.FromMinutes(1));
        Assert.NotNull(a.Agent.Selected); // consent
    }

    [Fact]
    public void A_silent_agent_repeats_its_triggered_check()
    {
        var lab = new IceLab();
        int lost = 0;
        lab.Lost = packet => packet.Sender.Name == "a" && CheckBuilder.ClassOf(packet) == StunClass.Request && lost++ < 3;
        var (a, b) = lab.StartTwoWith(agent => agent.IsSilent = true);
        lab.RunUntil(() => b.Agent.ValidPairs.Count > 0, TimeSpan.FromSeconds(1));
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null, TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void Two_silent_agents_wait_until_one_speaks()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwoWith(agent => agent.IsSilent = true, agent => agent.IsSilent = true);
        lab.RunFor(TimeSpan.FromMilliseconds(500));
        Assert.Empty(lab.Packets);

        a.Agent.IsSilent = false;
        lab.Drain(a);
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromMilliseconds(200)));
    }

    // Two agents that know each other's credentials and no addresses: b has a socket, a has none.
    private static (IceNode A, IceNode B) Strangers(IceLab lab)
    {
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        lab.Start(a);
        lab.Start(b);
        return (a, b);
    }

    private static void AddSilent(IceLab lab, IceNode node, SocketId socket, TransportAddress address)
    {
        Assert.True(node.Agent.AddSilentSocket(lab.Now, socket, address));
        node.Sockets.Add(socket, address);
        lab.Routes.Add(address, (node, socket));
    }

    private static void Probe(IceLab lab, IceNode node, SocketId socket, TransportAddress remote)
    {
        byte[] memory = new byte[IceOptions.ProbeLimit];
        int length = node.Agent.WriteProbe(lab.Now, memory);
        lab.Send(node, socket, remote, memory.AsSpan(0, length));
    }

    private static (IceNode A, CheckBuilder Peer) WithPeer(IceLab lab, IceOptions? options = null)
    {
        var a = lab.Add("a", IceRole.Controlling, options ?? IceLab.Peers);
        var other = IceCredentials.Create(lab.Entropy);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        lab.Start(a);
        return (a, new CheckBuilder(other, a.Agent.LocalCredentials));
    }
}
