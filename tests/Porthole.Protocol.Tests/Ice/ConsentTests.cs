using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

public sealed class ConsentTests
{
    [Fact]
    public void Consent_is_asked_for_every_four_to_six_seconds_and_never_sent_again()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));
        int before = lab.Packets.Count;
        lab.RunFor(TimeSpan.FromSeconds(120));

        var checks = lab.Packets.Skip(before).Where(packet => packet.Sender == a && CheckBuilder.ClassOf(packet) == StunClass.Request).ToArray();
        Assert.InRange(checks.Length, 120 / 6 - 1, 120 / 4);
        Assert.All(checks.Zip(checks.Skip(1)), two => Assert.InRange((two.Second.SentAt - two.First.SentAt).TotalSeconds, 4, 6));
        Assert.Equal(checks.Length, checks.Select(CheckBuilder.IdOf).Distinct().Count());
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        Assert.All(checks, packet => Assert.False(CheckBuilder.Has(packet, StunAttributeType.UseCandidate)));
    }

    [Fact]
    public void Pairs_that_carry_nothing_are_asked_for_consent_as_seldom_as_their_owner_says()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));
        foreach (var end in new[] { a, b }) end.Agent.SetIdle(lab.Now, IceOptions.LongestIdlePause);
        lab.RunFor(TimeSpan.FromSeconds(10));
        int before = lab.Packets.Count;
        lab.RunFor(TimeSpan.FromSeconds(240));

        var checks = lab.Packets.Skip(before).Where(packet => packet.Sender == a && CheckBuilder.ClassOf(packet) == StunClass.Request).ToArray();
        Assert.InRange(checks.Length, 240 / 24 - 1, 240 / 16 + 1);
        Assert.All(checks.Zip(checks.Skip(1)), two => Assert.InRange((two.Second.SentAt - two.First.SentAt).TotalSeconds, 16, 24));

        a.Agent.SetIdle(lab.Now, null);
        before = lab.Packets.Count;
        lab.RunFor(TimeSpan.FromSeconds(6));
        Assert.Contains(lab.Packets.Skip(before), packet => packet.Sender == a && CheckBuilder.ClassOf(packet) == StunClass.Request);
        Assert.Throws<ArgumentOutOfRangeException>(() => a.Agent.SetIdle(lab.Now, IceOptions.LongestIdlePause + TimeSpan.FromTicks(1)));
    }

    [Fact]
    public void An_idle_pair_outlives_some_lost_checks()
    {
        for (int lost = 1; lost <= 2; lost++)
        {
            var lab = new IceLab();
            var (a, b) = lab.StartTwo();
            lab.RunFor(TimeSpan.FromSeconds(2));
            foreach (var end in new[] { a, b }) end.Agent.SetIdle(lab.Now, IceOptions.LongestIdlePause);
            lab.RunFor(TimeSpan.FromSeconds(30));
            int left = lost;
            lab.Lost = packet => packet.Sender == a && CheckBuilder.ClassOf(packet) == StunClass.Request && left-- > 0;
            lab.RunFor(TimeSpan.FromSeconds(60));
            Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
        }
    }

    [Fact]
    public void Consent_ends_thirty_seconds_after_the_last_answer_and_nothing_is_sent_afterwards()
    {
        var lab = new IceLab();
        var (a, _) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(20));
        lab.Lost = static _ => true;
        var last = a.Events.Last(entry => entry.Event is IceEvent.CheckTraced { Step: CheckStep.Answered }).At;

        Assert.NotNull(lab.RunUntil(() => a.Agent.State == IceState.Failed, TimeSpan.FromSeconds(40)));

        Assert.Equal(last + TimeSpan.FromSeconds(30), lab.Now);
        Assert.Equal(a.All<IceEvent.PairSelected>().Single().Pair, Assert.Single(a.All<IceEvent.ConsentLost>()).Pair);
        Assert.Null(a.Agent.Selected);
        Assert.Empty(a.Agent.ValidPairs);
        int packets = lab.Packets.Count(packet => packet.Sender == a);
        lab.Lost = static _ => false;
        lab.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal(packets, lab.Packets.Count(packet => packet.Sender == a));
    }

    [Fact]
    public void A_few_lost_consent_checks_do_no_harm()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));
        lab.Lost = static _ => true;
        lab.RunFor(TimeSpan.FromSeconds(20));
        lab.Lost = static _ => false;
        lab.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal((IceState.Completed, IceState.Completed), (a.Agent.State, b.Agent.State));
    }

    [Fact]
    public void A_check_of_the_other_agent_is_no_consent()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));
        lab.Lost = packet => packet.Sender == b && CheckBuilder.ClassOf(packet) == StunClass.SuccessResponse;
        lab.RunFor(TimeSpan.FromSeconds(40));
        Assert.Equal(IceState.Failed, a.Agent.State);
    }

    [Fact]
    public void Consent_is_kept_on_the_three_best_pairs()
    {
        var lab = new IceLab();
        var options = IceLab.Peers;
        var a = lab.Add("a", IceRole.Controlling, options, IceLab.A);
        var b = lab.Add("b", IceRole.Controlled, options, [.. Enumerable.Range(1, 5).Select(i => IceLab.B.WithPort((ushort)i))]);
        lab.Introduce(a, b);
        lab.Introduce(b, a);
        lab.Start(a);
        lab.Start(b);
        lab.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(5, a.Agent.Pairs.Count(pair => pair.State == PairState.Succeeded));
        Assert.Equal(IceOptions.KeptPairs, a.Agent.ValidPairs.Count);
        Assert.Contains(a.Agent.Selected, a.Agent.ValidPairs);

        int before = lab.Packets.Count;
        lab.RunFor(TimeSpan.FromSeconds(60));
        var asked = lab.Packets.Skip(before).Where(packet => packet.Sender == a && CheckBuilder.ClassOf(packet) == StunClass.Request).Select(packet => packet.Destination);
        Assert.Equal(a.Agent.ValidPairs.Select(pair => pair.RemoteAddress).Order(), asked.Distinct().Order());
    }

    [Fact]
    public void A_better_pair_takes_the_place_of_the_least_but_never_of_the_used_one()
    {
        var lab = new IceLab();
        var node = lab.Add("a", IceRole.Controlled, IceLab.Peers, IceLab.A);
        var other = IceCredentials.Create(lab.Entropy);
        var peer = new CheckBuilder(other, node.Agent.LocalCredentials) { Role = IceRole.Controlling };
        node.Agent.SetRemoteCredentials(lab.Now, other);
        lab.Start(node);
        for (uint i = 1; i <= 3; i++) MakeValid(1_000 * i);
        Assert.Equal(3, node.Agent.ValidPairs.Count);
        node.Agent.Use(node.Agent.ValidPairs.MinBy(pair => pair.Priority)!);

        MakeValid(4_000);

        Assert.Equal([1_000u, 3_000u, 4_000u], node.Agent.ValidPairs.Select(pair => pair.Remote.Priority).Order());
        Assert.Equal(2_000u, Assert.Single(node.All<IceEvent.PairReleased>()).Pair.Remote.Priority);

        MakeValid(500); // worse than all: not kept, and not announced
        Assert.Equal(4, node.All<IceEvent.PairValid>().Count());

        // The released pair still works, but the other agent's check on it starts nothing.
        int sent = node.Agent.ChecksSent;
        lab.Inject(node, IceLab.B.WithPort(2_000), (peer with { Priority = 2_000 }).Request(TransactionId.Create(lab.Entropy)));
        lab.RunFor(TimeSpan.FromMilliseconds(20));
        Assert.Equal(sent, node.Agent.ChecksSent);

        void MakeValid(uint priority)
        {
            var remote = IceLab.B.WithPort((ushort)priority);
            lab.Inject(node, remote, (peer with { Priority = priority }).Request(TransactionId.Create(lab.Entropy)));
            lab.RunFor(TimeSpan.FromMilliseconds(10));
            lab.Inject(node, remote, peer.Success(lab.Packets.Last(packet => packet.Destination == remote).Bytes, IceLab.A));
        }
    }

    [Fact]
    public void A_peer_that_moved_is_found_again_by_its_own_checks()
    {
        var lab = new IceLab();
        var (a, b) = lab.StartTwo();
        lab.RunFor(TimeSpan.FromSeconds(2));
        // B's NAT gives it another address in mid-conversation.
        var moved = IceLab.B.WithPort(9_999);
        lab.Routes[moved] = (b, new SocketId(1));
        lab.Routes.Remove(IceLab.B);
        lab.Seen = packet => packet.Sender == b ? moved : packet.Source;

        lab.RunFor(TimeSpan.FromSeconds(7));

        Assert.Contains(a.Agent.ValidPairs, pair => pair.RemoteAddress == moved);
        lab.RunFor(TimeSpan.FromSeconds(30));
        Assert.Equal(moved, Assert.Single(a.Agent.ValidPairs).RemoteAddress);
        Assert.Equal(IceState.Completed, a.Agent.State);
    }
}
