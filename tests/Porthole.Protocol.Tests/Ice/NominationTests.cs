using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

public sealed class NominationTests
{
    private static readonly TransportAddress s_better = IceLab.B.WithPort(6_001);

    [Fact]
    public void A_controlling_agent_nominates_once()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A, IceLab.A.WithPort(5_001));
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B, s_better);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromSeconds(3));

        Assert.Single(lab.Packets, packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));
        Assert.Single(a.All<IceEvent.PairSelected>());
        Assert.Single(b.All<IceEvent.PairSelected>());
        Assert.Equal(a.Agent.Selected!.RemoteAddress, b.Agent.Selected!.Local.Address);
    }

    [Fact]
    public void A_lost_nomination_is_sent_again_as_the_same_request()
    {
        var lab = new IceLab();
        lab.Lost = packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate) && lab.Now < Instant.FromMilliseconds(1_200);
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));

        var nominations = lab.Packets.Where(packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate)).ToArray();
        Assert.Equal(3, nominations.Length);
        Assert.All(nominations, packet => Assert.Equal(nominations[0].Bytes, packet.Bytes));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.Equal(2 * lab.OneWay, a.Agent.Selected!.RoundTrip); // of the first check: the answer to the nomination may be to any of the three
    }

    [Fact]
    public void Patience_waits_for_a_better_pair_and_no_longer_than_it_is_under_check()
    {
        var (lab, a, worse, better) = WithTwoCandidates(IceOptions.Default with { NominationPatience = TimeSpan.FromMilliseconds(300) });
        var start = lab.Now;
        lab.Start(a.Node);
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        a.Answer(worse);
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(IceState.Connected, a.Node.Agent.State);
        Assert.DoesNotContain(lab.Packets, packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));

        a.Answer(better);

        var nomination = Assert.Single(lab.Packets, packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));
        Assert.Equal((better, start + TimeSpan.FromMilliseconds(160)), (nomination.Destination, nomination.SentAt));
    }

    [Fact]
    public void Patience_ends()
    {
        var (lab, a, worse, _) = WithTwoCandidates(IceOptions.Default with { NominationPatience = TimeSpan.FromMilliseconds(300) });
        lab.Start(a.Node);
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        var valid = lab.Now;
        a.Answer(worse);
        lab.RunFor(TimeSpan.FromSeconds(1));

        var nomination = lab.Packets.First(packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));
        Assert.Equal((worse, valid + TimeSpan.FromMilliseconds(300)), (nomination.Destination, nomination.SentAt));
    }

    [Fact]
    public void A_nomination_that_fails_gives_way_to_the_next_pair()
    {
        var (lab, a, worse, better) = WithTwoCandidates(IceOptions.Default with { NominationPatience = TimeSpan.Zero, MaxTransmissions = 2 });
        lab.Start(a.Node);
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        a.Answer(better);
        a.Answer(worse);
        Assert.Equal(2, a.Node.Agent.ValidPairs.Count);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        var first = lab.Packets.Last(packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));

        lab.Inject(a.Node, better, a.Peer.Error(first.Bytes, StunErrorCode.BadRequest));
        lab.RunFor(TimeSpan.FromMilliseconds(10));

        Assert.Equal(better, Assert.Single(a.Node.All<IceEvent.ConsentLost>()).Pair.RemoteAddress);
        var second = lab.Packets.Last(packet => CheckBuilder.Has(packet, StunAttributeType.UseCandidate));
        Assert.Equal(worse, second.Destination);
        lab.Inject(a.Node, worse, a.Peer.Success(second.Bytes, IceLab.A));
        Assert.Equal(worse, a.Node.Agent.Selected!.RemoteAddress);
    }

    [Fact]
    public void Of_several_nominated_pairs_the_best_counts()
    {
        // An agent after RFC 5245 puts USE-CANDIDATE into every check.
        var (lab, a, worse, better) = WithTwoCandidates(IceOptions.Default, IceRole.Controlled);
        var aggressive = a.Peer with { Role = IceRole.Controlling, UseCandidate = true };
        lab.Start(a.Node);
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        lab.Inject(a.Node, worse, aggressive.Request(TransactionId.Create(lab.Entropy)));
        a.Answer(worse);
        Assert.Equal(worse, a.Node.Agent.Selected!.RemoteAddress);
        Assert.Single(a.Node.Agent.Pairs);

        lab.Inject(a.Node, better, aggressive.Request(TransactionId.Create(lab.Entropy)));
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        a.Answer(better);
        Assert.Equal(better, a.Node.Agent.Selected!.RemoteAddress);

        // And no way back, nor to a pair that is not nominated.
        int sent = a.Node.Agent.ChecksSent;
        lab.Inject(a.Node, worse, aggressive.Request(TransactionId.Create(lab.Entropy)));
        lab.Inject(a.Node, IceLab.B.WithPort(6_009), (aggressive with { UseCandidate = false }).Request(TransactionId.Create(lab.Entropy)));
        lab.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(sent, a.Node.Agent.ChecksSent);
        Assert.Equal(better, a.Node.Agent.Selected!.RemoteAddress);
        Assert.Equal([worse, better], a.Node.All<IceEvent.PairSelected>().Select(selected => selected.Pair.RemoteAddress));
        Assert.Equal(worse, Assert.Single(a.Node.All<IceEvent.PairReleased>()).Pair.RemoteAddress);
    }

    [Fact]
    public void USE_CANDIDATE_of_a_controlled_agent_is_nothing()
    {
        var (lab, a, worse, _) = WithTwoCandidates(IceOptions.Default with { NominationPatience = TimeSpan.FromSeconds(1) });
        lab.Start(a.Node);
        lab.RunFor(TimeSpan.FromMilliseconds(60));
        a.Answer(worse);
        lab.Inject(a.Node, worse, (a.Peer with { UseCandidate = true }).Request(TransactionId.Create(lab.Entropy)));
        Assert.Null(a.Node.Agent.Selected);
    }

    [Fact]
    public void After_nomination_the_other_pairs_are_dropped_unless_valid_ones_are_kept()
    {
        foreach (bool keep in new[] { false, true })
        {
            var (lab, a, worse, better) = WithTwoCandidates(IceOptions.Default with { NominationPatience = TimeSpan.Zero, KeepValidPairs = keep });
            lab.Start(a.Node);
            lab.RunFor(TimeSpan.FromMilliseconds(60));
            a.Answer(better);
            a.Answer(worse);
            lab.RunFor(TimeSpan.FromMilliseconds(10));
            a.Answer(better);
            Assert.Equal(IceState.Completed, a.Node.Agent.State);
            Assert.Equal(keep ? 2 : 1, a.Node.Agent.ValidPairs.Count);
            Assert.Equal(keep ? 2 : 1, a.Node.Agent.Pairs.Count);
            Assert.Equal(keep ? 0 : 1, a.Node.All<IceEvent.PairReleased>().Count());
        }
    }

    [Fact]
    public void When_one_pair_is_nominated_the_others_get_four_tries()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, IceLab.Peers, IceLab.B);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        var dead = TransportAddress.Parse("192.0.2.1:1");
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.ServerReflexive(default, dead, dead));
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromSeconds(10));
        Assert.Equal(4, lab.Packets.Count(packet => packet.Destination == dead));
    }

    private static (IceLab Lab, Scripted A, TransportAddress Worse, TransportAddress Better) WithTwoCandidates(
        IceOptions options, IceRole role = IceRole.Controlling)
    {
        var lab = new IceLab();
        var node = lab.Add("a", role, options, IceLab.A);
        var other = IceCredentials.Create(lab.Entropy);
        node.Agent.SetRemoteCredentials(lab.Now, other);
        node.Agent.AddRemoteCandidate(lab.Now, Candidate.ServerReflexive(default, IceLab.B, IceLab.B));
        node.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, s_better));
        node.Agent.EndOfRemoteCandidates(lab.Now);
        var peer = new CheckBuilder(other, node.Agent.LocalCredentials) { Role = role == IceRole.Controlling ? IceRole.Controlled : IceRole.Controlling };
        return (lab, new Scripted(lab, node, peer), IceLab.B, s_better);
    }

    private sealed record Scripted(IceLab Lab, IceNode Node, CheckBuilder Peer)
    {
        /// <summary>Answers the last check that went to an address.</summary>
        public void Answer(TransportAddress remote)
        {
            var request = Lab.Packets.Last(packet => packet.Destination == remote && CheckBuilder.ClassOf(packet) == StunClass.Request);
            Lab.Inject(Node, remote, Peer.Success(request.Bytes, IceLab.A));
        }
    }
}
