using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

public sealed class RoleConflictTests
{
    [Theory]
    [InlineData(IceRole.Controlling)]
    [InlineData(IceRole.Controlled)]
    public void Two_agents_of_one_role_end_with_one_each_and_lose_one_trip(IceRole role)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var lab = new IceLab(seed);
            var a = lab.Add("a", role, IceLab.Peers, IceLab.A);
            var b = lab.Add("b", role, IceLab.Peers, IceLab.B);
            lab.Introduce(a, b);
            lab.Introduce(b, a);
            var start = lab.Now;
            lab.Start(a);
            lab.Start(b);

            Assert.NotNull(lab.RunUntil(() => a.Agent.State == IceState.Completed && b.Agent.State == IceState.Completed, TimeSpan.FromSeconds(1)));

            Assert.NotEqual(a.Agent.Role, b.Agent.Role);
            // The check of the one that gives way is refused, and sent again within the trip that brought the refusal's cause: valid after three
            // trips, not after an RTO.
            Assert.InRange(Instant.Max(a.When<IceEvent.PairValid>()!.Value, b.When<IceEvent.PairValid>()!.Value) - start, 2 * lab.OneWay, 3 * lab.OneWay);
            Assert.InRange(a.Agent.ChecksSent + b.Agent.ChecksSent, 4, 7);
        }
    }

    [Fact]
    public void A_refused_check_is_sent_again_at_once_in_the_other_role()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceOptions.Default, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        a.Agent.AddRemoteCandidate(lab.Now, Candidate.Host(default, IceLab.B));
        lab.Start(a);
        lab.RunFor(TimeSpan.FromMilliseconds(10));
        var first = Assert.Single(lab.Packets);

        lab.Inject(a, IceLab.B, new CheckBuilder(other, a.Agent.LocalCredentials).Error(first.Bytes, StunErrorCode.RoleConflict));

        Assert.Equal(2, lab.Packets.Count);
        Assert.Equal(lab.Now, lab.Packets[1].SentAt);
        Assert.Equal(IceRole.Controlled, a.Agent.Role);
        Assert.True(CheckBuilder.Has(lab.Packets[1], StunAttributeType.IceControlled));
        Assert.NotEqual(CheckBuilder.IdOf(first), CheckBuilder.IdOf(lab.Packets[1]));
        Assert.NotEqual(TieBreaker(first), TieBreaker(lab.Packets[1])); // RFC 8445 section 7.1.3: after a 487 the number changes

        // The same refusal again is for a role that the agent gave up: nothing happens.
        lab.Inject(a, IceLab.B, new CheckBuilder(other, a.Agent.LocalCredentials).Error(first.Bytes, StunErrorCode.RoleConflict));
        Assert.Equal(IceRole.Controlled, a.Agent.Role);
        Assert.Equal(2, lab.Packets.Count);
    }

    [Theory]
    [InlineData(IceRole.Controlling, ulong.MinValue, false)]
    [InlineData(IceRole.Controlling, ulong.MaxValue, true)]
    [InlineData(IceRole.Controlled, ulong.MinValue, true)]
    [InlineData(IceRole.Controlled, ulong.MaxValue, false)]
    public void The_tie_breaker_decides_who_gives_way(IceRole role, ulong theirs, bool gives)
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", role, IceLab.Peers, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        var check = new CheckBuilder(other, a.Agent.LocalCredentials) { Role = role, TieBreaker = theirs };

        lab.Inject(a, IceLab.B, check.Request(TransactionId.Create(lab.Entropy)));

        Assert.Equal(gives, a.Agent.Role != role);
        var answer = Assert.Single(lab.Packets);
        Assert.Equal(gives ? StunErrorCode.None : StunErrorCode.RoleConflict, CheckBuilder.ErrorOf(answer));
        lab.Start(a);
        Assert.Equal(gives ? 1 : 0, a.Agent.RemoteCandidates.Count); // a refused check teaches nothing
    }

    [Fact]
    public void An_agent_that_gives_way_orders_its_pairs_anew()
    {
        var lab = new IceLab();
        var other = IceCredentials.Create(lab.Entropy);
        var a = lab.Add("a", IceRole.Controlling, IceLab.Peers, IceLab.A);
        a.Agent.SetRemoteCredentials(lab.Now, other);
        var remote = Candidate.Remote(CandidateType.Host, IceLab.B, 77, "1");
        a.Agent.AddRemoteCandidate(lab.Now, remote);
        var pair = Assert.Single(a.Agent.Pairs);
        Assert.Equal(CandidatePriority.ComputePair(pair.Local.Priority, 77), pair.Priority);

        lab.Inject(a, IceLab.B, new CheckBuilder(other, a.Agent.LocalCredentials) { Role = IceRole.Controlling, TieBreaker = ulong.MaxValue }.Request(default));

        Assert.Equal(CandidatePriority.ComputePair(77, pair.Local.Priority), pair.Priority);
    }

    private static ulong TieBreaker(IcePacket packet)
    {
        Assert.True(StunReader.TryParse(packet.Bytes, out var message));
        Assert.True(message.TryGetUInt64(StunAttributeType.IceControlled, out ulong value) || message.TryGetUInt64(StunAttributeType.IceControlling, out value));
        return value;
    }
}
