using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

public sealed class LearningTests
{
    private static readonly TransportAddress s_mapped = TransportAddress.Parse("198.51.100.77:40000");

    [Fact]
    public void Both_agents_learn_an_address_that_nobody_signalled()
    {
        var lab = new IceLab();
        var home = TransportAddress.Parse("10.0.0.5:5000");
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, home);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        lab.Routes.Add(s_mapped, (a, new SocketId(1)));
        lab.Seen = packet => packet.Sender == a ? s_mapped : packet.Source;
        lab.Lost = packet => packet.Destination == home;
        lab.Introduce(a, b);
        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        var start = lab.Now;
        lab.Start(a);
        lab.Start(b);

        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null && b.Agent.Selected is not null, TimeSpan.FromSeconds(1)));

        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairValid>());
        Assert.Equal(start + 3 * lab.OneWay, b.When<IceEvent.PairValid>());
        var local = a.Agent.Selected!.ValidLocal;
        Assert.Equal((CandidateType.PeerReflexive, s_mapped, home), (local.Type, local.Address, local.Base));
        Assert.Equal(CandidatePriority.AsPeerReflexive(a.Agent.Selected.Local.Priority), local.Priority);
        var remote = b.Agent.Selected!.Remote;
        Assert.Equal((CandidateType.PeerReflexive, s_mapped, local.Priority), (remote.Type, remote.Address, remote.Priority));
    }

    [Fact]
    public void A_signalled_reflexive_candidate_is_recognised_in_the_answer()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        var reflexive = Candidate.ServerReflexive(new SocketId(1), s_mapped, IceLab.A);
        Assert.True(a.Agent.AddLocalCandidate(lab.Now, reflexive));
        lab.Routes.Add(s_mapped, (a, new SocketId(1)));
        lab.Seen = packet => packet.Sender == a ? s_mapped : packet.Source;
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);

        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null, TimeSpan.FromSeconds(1)));

        // One pair for host and reflexive candidate: they have one base (RFC 8445 section 6.1.2.4).
        Assert.Equal(CandidateType.Host, Assert.Single(a.Agent.Pairs).Local.Type);
        Assert.Equal(reflexive, a.Agent.Selected!.ValidLocal);
        Assert.Equal(2, a.Agent.LocalCandidates.Count);
    }

    [Fact]
    public void A_reflexive_candidate_alone_is_checked_from_its_base()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        a.Agent.AddLocalCandidate(lab.Now, Candidate.ServerReflexive(new SocketId(4), s_mapped, IceLab.A));
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);

        Assert.Equal((new SocketId(4), IceLab.B), (lab.Packets[0].Socket, lab.Packets[0].Destination));
    }

    [Fact]
    public void Signalling_later_gives_a_learnt_candidate_its_name()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);
        Assert.NotNull(lab.RunUntil(() => a.Agent.Selected is not null, TimeSpan.FromSeconds(1)));
        Assert.Equal(CandidateType.PeerReflexive, a.Agent.Selected!.Remote.Type);
        ulong before = a.Agent.Selected.Priority;

        Assert.True(a.Agent.AddRemoteCandidate(lab.Now, b.Agent.LocalCandidates[0]));

        Assert.Equal(CandidateType.Host, a.Agent.Selected.Remote.Type);
        Assert.NotEqual(before, a.Agent.Selected.Priority);
        Assert.Single(a.Agent.Pairs);
        Assert.False(a.Agent.AddRemoteCandidate(lab.Now, b.Agent.LocalCandidates[0]));
    }

    [Fact]
    public void Candidates_may_trickle_in_after_the_start()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials);
        b.Agent.SetRemoteCredentials(lab.Now, a.Agent.LocalCredentials);
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromMilliseconds(300));
        Assert.Empty(lab.Packets);

        var start = lab.Now;
        a.Agent.AddRemoteCandidate(lab.Now, b.Agent.LocalCandidates[0]);
        lab.Drain(a);
        lab.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairValid>());
        Assert.Equal(start + 3 * lab.OneWay, b.When<IceEvent.PairValid>());
    }

    [Fact]
    public void Local_candidates_may_trickle_in_as_well()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        a.Agent.SetRemoteCredentials(lab.Now, IceCredentials.Create(lab.Entropy));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);
        Assert.Empty(lab.Packets);

        a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(1), IceLab.A));
        lab.Drain(a);

        Assert.Single(lab.Packets);
    }

    [Fact]
    public void A_check_before_the_credentials_is_answered_at_once_and_triggers_when_they_come()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(lab.OneWay);

        var answer = Assert.Single(lab.Packets, packet => packet.Sender == a);
        Assert.Equal(StunClass.SuccessResponse, CheckBuilder.ClassOf(answer));
        lab.RunFor(TimeSpan.FromMilliseconds(30));
        var start = lab.Now;
        a.Agent.SetRemoteCredentials(lab.Now, b.Agent.LocalCredentials); // the candidates are still on their way
        lab.Drain(a);

        Assert.Equal(2, lab.Packets.Count(packet => packet.Sender == a));
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairValid>());
        Assert.Equal(IceState.Completed, b.Agent.State);
    }

    [Fact]
    public void A_check_before_the_start_is_answered_at_once_and_triggers_then()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlled, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlling, IceLab.Peers, IceLab.B);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Start(b);
        lab.RunFor(3 * lab.OneWay);
        Assert.All(lab.Packets.Where(packet => packet.Sender == a), packet => Assert.Equal(StunClass.SuccessResponse, CheckBuilder.ClassOf(packet)));
        Assert.NotNull(b.When<IceEvent.PairValid>()); // B knows already that both directions work

        var start = lab.Now;
        lab.Start(a);
        lab.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(start + 2 * lab.OneWay, a.When<IceEvent.PairSelected>()); // the nomination that came early counts
    }

    [Fact]
    public void Early_checks_are_remembered_up_to_a_limit_and_only_those_of_the_right_agent()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var stranger = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        lab.Start(a);
        lab.Inject(a, IceLab.B, new CheckBuilder(stranger, a.Agent.LocalCredentials).Request(TransactionId.Create(lab.Entropy)));
        for (int i = 0; i < 100; i++)
        {
            lab.Inject(a, IceLab.B.WithPort((ushort)(7_000 + i)), new CheckBuilder(other, a.Agent.LocalCredentials).Request(TransactionId.Create(lab.Entropy)));
        }

        a.Agent.SetRemoteCredentials(lab.Now, other);

        Assert.Equal(19, a.Agent.RemoteCandidates.Count); // 20 were remembered, the first of them the stranger's
        Assert.DoesNotContain(a.Agent.RemoteCandidates, candidate => candidate.Address == IceLab.B);
    }

    [Fact]
    public void An_answer_from_another_address_than_the_check_went_to_fails_the_pair()
    {
        var lab = new IceLab();
        var elsewhere = IceLab.B.WithPort(6_001);
        lab.Seen = packet => packet.Sender.Name == "b" && CheckBuilder.ClassOf(packet) == StunClass.SuccessResponse ? elsewhere : packet.Source;
        lab.Lost = static packet => packet.Sender.Name == "b" && CheckBuilder.ClassOf(packet) == StunClass.Request;
        var (a, _) = lab.StartTwo(IceOptions.Default);
        lab.RunFor(2 * lab.OneWay);

        Assert.Equal(PairState.Failed, Assert.Single(a.Agent.Pairs).State);
        Assert.Equal(1, a.Steps(CheckStep.NotSymmetric));
        Assert.Null(a.When<IceEvent.PairValid>());
    }

    [Fact]
    public void An_answer_on_another_socket_fails_the_pair()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceOptions.Default, IceLab.A, IceLab.A.WithPort(5_001));
        a.Agent.SetRemoteCredentials(lab.Now, other);
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);

        var first = lab.Packets[0];
        lab.Inject(a, IceLab.B, new CheckBuilder(other, a.Agent.LocalCredentials).Success(first.Bytes, IceLab.A), new SocketId(3 - first.Socket.Value));

        Assert.Contains(a.Agent.Pairs, pair => pair.Socket == first.Socket && pair.State == PairState.Failed);
    }
}
