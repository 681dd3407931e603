using Porthole.Lab.Nat;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>The exhaustive model of TCP punches: what it says, and that the NATs and the TCP of the simulation say the same.</summary>
public sealed class TcpPunchModelTests
{
    private static readonly UnsolicitedSyn[] s_answers = [UnsolicitedSyn.Drop, UnsolicitedSyn.Reset, UnsolicitedSyn.PortUnreachable];

    public static TheoryData<UnsolicitedSyn, UnsolicitedSyn> AnswerPairs =>
    [
        .. from first in s_answers
           from second in s_answers
           where first <= second
           select (first, second),
    ];

    [Theory]
    [MemberData(nameof(AnswerPairs))]
    public void Whatever_nats_answer_the_same_pairs_are_possible_as_with_udp(UnsolicitedSyn first, UnsolicitedSyn second)
    {
        foreach (var one in TcpPunchSide.All(first))
        {
            foreach (var other in TcpPunchSide.All(second))
            {
                var udp = PunchModel.Decide(new PunchSide(one.Mapping, one.Filtering), new PunchSide(other.Mapping, other.Filtering));
                var tcp = TcpPunchModel.Decide(one, other);
                Assert.Equal(PunchModel.Symbol(udp).Replace("P0", "T0"), TcpPunchModel.Symbol(tcp));
                Assert.Equal(tcp, TcpPunchModel.Decide(other, one));
            }
        }
    }

    [Fact]
    public void Syns_must_cross_where_both_answer_with_resets_and_either_filter_is_closed_to_the_other()
    {
        Assert.False(NeedsCrossing(UnsolicitedSyn.Drop, UnsolicitedSyn.Drop));
        Assert.False(NeedsCrossing(UnsolicitedSyn.Drop, UnsolicitedSyn.Reset));
        Assert.True(NeedsCrossing(UnsolicitedSyn.Reset, UnsolicitedSyn.Reset));
        Assert.False(NeedsCrossing(UnsolicitedSyn.PortUnreachable, UnsolicitedSyn.PortUnreachable));
        Assert.False(NeedsCrossing(UnsolicitedSyn.Reset, UnsolicitedSyn.Reset, NatFiltering.EndpointIndependent));

        static bool NeedsCrossing(UnsolicitedSyn first, UnsolicitedSyn second, NatFiltering filtering = NatFiltering.AddressAndPortDependent)
        {
            TcpPunchSide one = new(NatMapping.EndpointIndependent, filtering, first), other = one with { Answer = second };
            return TcpPunchModel.NeedsCrossing(one, other, TcpPunchModel.Decide(one, other));
        }
    }

    [Fact]
    public void Two_strict_firewalls_leave_no_way_and_one_does()
    {
        var strict = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, TracksSimultaneousOpen: false);
        Assert.Equal(TcpPunchOutcome.Impossible, TcpPunchModel.Decide(strict, strict));
        foreach (var answer in s_answers) Assert.Equal(TcpPunchOutcome.Plain, TcpPunchModel.Decide(strict, strict with { Answer = answer, TracksSimultaneousOpen = true }));
    }

    [Theory]
    [InlineData(UnsolicitedSyn.Drop, UnsolicitedSyn.Drop, true)]
    [InlineData(UnsolicitedSyn.Reset, UnsolicitedSyn.Reset, true)]
    [InlineData(UnsolicitedSyn.Drop, UnsolicitedSyn.Reset, true)]
    [InlineData(UnsolicitedSyn.PortUnreachable, UnsolicitedSyn.PortUnreachable, false)] // the hosts' sockets end, the NATs' sessions do not
    public void Success_stays_within_reach_of_the_same_ports_except_where_nats_answer_with_icmp(UnsolicitedSyn first, UnsolicitedSyn second, bool stays)
    {
        foreach (var resets in (TcpResetEffect[])[TcpResetEffect.EndsSession, TcpResetEffect.EndsMapping])
        {
            var one = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, first, resets);
            Assert.Equal(stays, TcpPunchModel.StaysWithinReach(one, one with { Answer = second }));
        }
    }

    [Theory]
    [MemberData(nameof(AnswerPairs))]
    public void The_simulation_agrees_pair_by_pair(UnsolicitedSyn first, UnsolicitedSyn second)
    {
        ulong seed = 0;
        var wrong = new List<string>();
        foreach (var one in TcpPunchSide.All(first))
        {
            foreach (var other in TcpPunchSide.All(second))
            {
                var outcome = TcpPunchModel.Decide(one, other);
                bool plain = Punch(one, other, false, false);
                bool onePort = outcome != TcpPunchOutcome.OnePort || Punch(one, other, true, false) || Punch(one, other, false, true);
                bool twoPorts = outcome != TcpPunchOutcome.TwoPorts || Punch(one, other, true, true);
                if (plain != (outcome == TcpPunchOutcome.Plain) || !onePort || !twoPorts) wrong.Add($"{one} and {other}: {outcome}, but {plain} {onePort} {twoPorts}");
            }
        }

        Assert.Empty(wrong);

        bool Punch(TcpPunchSide one, TcpPunchSide other, bool guesses, bool otherGuesses) =>
            new TcpPlainPunch(one, other, ++seed).Run(guesses, otherGuesses, TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void The_simulation_agrees_about_strict_firewalls_and_frail_mappings(double loss)
    {
        ulong seed = 100;
        var strict = new TcpPunchSide(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent, TracksSimultaneousOpen: false);
        foreach (var answer in s_answers)
        {
            var usual = strict with { Answer = answer, TracksSimultaneousOpen = true };
            var frail = usual with { Resets = TcpResetEffect.EndsMapping };
            Assert.True(Punch(strict, usual));
            Assert.True(Punch(frail, strict));
            Assert.True(Punch(frail, usual));
            Assert.True(Punch(frail, frail));
            Assert.False(Punch(strict, strict with { Answer = answer }));
        }

        bool Punch(TcpPunchSide one, TcpPunchSide other) => new TcpPlainPunch(one, other, ++seed, loss).Run(false, false, TimeSpan.FromSeconds(30));
    }
}
