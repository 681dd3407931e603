using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

public sealed class LimitTests
{
    [Fact]
    public void There_are_twenty_candidates_of_either_side_and_no_more()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers);
        for (int i = 1; i <= 20; i++)
        {
            Assert.True(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(i), IceLab.A.WithPort((ushort)i))));
            Assert.True(a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B.WithPort((ushort)i))));
        }

        Assert.False(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(21), IceLab.A.WithPort(21))));
        Assert.False(a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B.WithPort(21))));
        Assert.Equal(40, a.Agent.Pairs.Count);
    }

    [Fact]
    public void A_full_checklist_keeps_the_best_pairs()
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers with { MaxPairs = 3 }, IceLab.A);
        foreach (uint priority in new uint[] { 5, 3, 9, 1, 7 })
        {
            a.Agent.AddRemoteCandidate(lab.Now, Candidate.Remote(CandidateType.Host, IceLab.B.WithPort((ushort)priority), priority, "1"));
        }

        Assert.Equal([9u, 7u, 5u], a.Agent.Pairs.Select(pair => pair.Remote.Priority));
    }

    [Theory]
    [InlineData("0.0.0.0:5")]
    [InlineData("255.255.255.255:5")]
    [InlineData("224.0.0.1:5")]
    [InlineData("[ff02::1]:5")]
    [InlineData("[::]:5")]
    [InlineData("203.0.113.1:0")]
    public void An_address_that_is_nobodys_is_no_candidate(string address)
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        Assert.False(a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, TransportAddress.Parse(address))));
        Assert.False(a.Agent.AddLocalCandidate(lab.Now, Candidate.Host(new SocketId(2), TransportAddress.Parse(address))));
    }

    [Theory]
    [InlineData("[2001:db8::1]:5", "203.0.113.1:6", false)]
    [InlineData("[2001:db8::1]:5", "[2001:db8::2]:6", true)]
    [InlineData("[2001:db8::1]:5", "[fe80::2]:6", false)]
    [InlineData("[fe80::1]:5", "[fe80::2]:6", true)]
    [InlineData("[fe80::1]:5", "[2001:db8::2]:6", false)]
    [InlineData("198.51.100.1:5", "203.0.113.1:6", true)]
    public void Only_addresses_of_one_kind_are_a_pair(string local, string remote, bool paired)
    {
        var lab = new IceLab();
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, TransportAddress.Parse(local));
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, TransportAddress.Parse(remote)));
        Assert.Equal(paired ? 1 : 0, a.Agent.Pairs.Count);
    }

    [Fact]
    public void A_pair_gets_fifty_requests_however_often_the_peer_asks()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab);
        for (int i = 0; i < 1_000; i++)
        {
            lab.Inject(a, IceLab.B, peer.Request(TransactionId.Create(lab.Entropy)));
            lab.RunFor(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal(IceOptions.CheckLimitPerPair, Requests(lab));
        Assert.Equal(1_000, lab.Packets.Count - Requests(lab)); // every one was answered
    }

    [Fact]
    public void An_agent_sends_two_thousand_requests_in_its_life_whoever_asks()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab, IceLab.Peers with { CheckingTimeout = TimeSpan.FromMinutes(5), RetransmissionTimeout = TimeSpan.FromSeconds(60) });
        for (int i = 0; i < 4_000; i++)
        {
            var source = IceLab.B.WithPort((ushort)(1_024 + i / 50));
            lab.Inject(a, source, peer.Request(TransactionId.Create(lab.Entropy)));
            lab.RunFor(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal(IceOptions.CheckLimit, a.Agent.ChecksSent);
        Assert.Equal(IceOptions.CheckLimit, Requests(lab));
        Assert.InRange(a.Agent.RemoteCandidates.Count, 1, IceOptions.CandidateLimit);
        Assert.InRange(a.Agent.Pairs.Count, 1, IceOptions.PairLimit);
        Assert.Null(lab.RunUntil(() => Requests(lab) > IceOptions.CheckLimit, TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Fifty_addresses_are_learnt_in_a_life_and_no_more()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab, IceLab.Peers with { RetransmissionTimeout = TimeSpan.FromSeconds(60) });
        for (int i = 1; i <= 200; i++)
        {
            lab.Inject(a, IceLab.B.WithPort((ushort)i), peer.Request(TransactionId.Create(lab.Entropy)));
            lab.RunFor(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(IceOptions.LearntLimit, a.Agent.ChecksSent);
        Assert.Equal(200, lab.Packets.Count - Requests(lab)); // the rest is answered, and nothing else
    }

    [Fact]
    public void Checks_are_never_closer_than_five_milliseconds_however_many_are_triggered()
    {
        var lab = new IceLab { Lost = static _ => true };
        var (a, peer) = WithPeer(lab);
        for (int i = 0; i < 20; i++) lab.Inject(a, IceLab.B.WithPort((ushort)(1_024 + i)), peer.Request(TransactionId.Create(lab.Entropy)));
        lab.RunFor(TimeSpan.FromMilliseconds(95));

        var sent = lab.Packets.Where(packet => CheckBuilder.ClassOf(packet) == StunClass.Request).Select(packet => packet.SentAt).ToArray();
        Assert.Equal(20, sent.Length);
        Assert.All(sent.Zip(sent.Skip(1)), two => Assert.Equal(IceOptions.MinPacing, two.Second - two.First));
    }

    [Fact]
    public void Answers_that_nobody_takes_do_not_pile_up()
    {
        var lab = new IceLab();
        var (a, peer) = WithPeer(lab);
        for (int i = 0; i < 1_000; i++) a.Agent.HandleDatagram(lab.Now, new SocketId(1), IceLab.B, peer.Request(TransactionId.Create(lab.Entropy)));
        lab.Drain(a);
        Assert.Equal(DatagramBatchWriter.MaxSegments, lab.Packets.Count(packet => CheckBuilder.ClassOf(packet) == StunClass.SuccessResponse));
    }

    [Fact]
    public void Options_refuse_what_no_agent_may_do()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new IceOptions { Pacing = TimeSpan.FromMilliseconds(4.9) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new IceOptions { RetransmissionTimeout = TimeSpan.FromMilliseconds(99) });
        Assert.Throws<ArgumentOutOfRangeException>(() => new IceOptions { MaxPairs = 41 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new IceOptions { MaxCandidates = 21 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new IceOptions { MaxTransmissions = 0 });
        Assert.Equal(5, new IceOptions { Pacing = IceOptions.MinPacing }.Pacing.TotalMilliseconds);
    }

    private static int Requests(IceLab lab) => lab.Packets.Count(packet => CheckBuilder.ClassOf(packet) == StunClass.Request);

    private static (IceNode A, CheckBuilder Peer) WithPeer(IceLab lab, IceOptions? options = null)
    {
        var a = lab.Add("a", IceRole.Controlling, options ?? IceLab.Peers, IceLab.A);
        var other = IceCredentials.Create(lab.Entropy);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        lab.Start(a);
        return (a, new CheckBuilder(other, a.Agent.LocalCredentials));
    }
}
