using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>RFC 4787, behaviour by behaviour: what leaves, what comes back, when it ends.</summary>
public sealed class NatTableTests
{
    private static readonly TransportAddress s_external = TransportAddress.Parse("203.0.113.1:0");
    private static readonly TransportAddress s_host = TransportAddress.Parse("192.168.1.10:5000");
    private static readonly TransportAddress s_otherHost = TransportAddress.Parse("192.168.1.11:5000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");
    private static readonly TransportAddress s_serverOtherPort = TransportAddress.Parse("198.51.100.1:3479");
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("198.51.100.2:3478");

    [Theory]
    [InlineData(NatMapping.EndpointIndependent, true, true)]
    [InlineData(NatMapping.AddressDependent, true, false)]
    [InlineData(NatMapping.AddressAndPortDependent, false, false)]
    public void Mapping_decides_which_destinations_see_the_same_port(NatMapping mapping, bool sameForOtherPort, bool sameForOtherHost)
    {
        var nat = Create(NatProfile.Of(mapping, NatFiltering.EndpointIndependent));
        var external = Send(nat, 0, s_host, s_server);
        Assert.Equal(external, Send(nat, 1, s_host, s_server));
        Assert.Equal(sameForOtherPort, external == Send(nat, 2, s_host, s_serverOtherPort));
        Assert.Equal(sameForOtherHost, external == Send(nat, 3, s_host, s_stranger));
    }

    [Theory]
    [InlineData(NatFiltering.EndpointIndependent, true, true)]
    [InlineData(NatFiltering.AddressDependent, true, false)]
    [InlineData(NatFiltering.AddressAndPortDependent, false, false)]
    public void Filtering_decides_who_is_let_in(NatFiltering filtering, bool otherPort, bool otherHost)
    {
        foreach (var mapping in Enum.GetValues<NatMapping>())
        {
            var nat = Create(NatProfile.Of(mapping, filtering));
            var external = Send(nat, 0, s_host, s_server);
            Assert.Equal(s_host, Receive(nat, 1, s_server, external));
            Assert.Equal(otherPort, Receive(nat, 2, s_serverOtherPort, external) == s_host);
            Assert.Equal(otherHost, Receive(nat, 3, s_stranger, external) == s_host);
            Assert.Null(Receive(nat, 4, s_server, external.WithPort((ushort)(external.Port ^ 1))));
        }
    }

    [Fact]
    public void A_drop_says_why()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_server);
        Assert.Equal(NatDropReason.Filtered, nat.TranslateInbound(default, new NatPacket(s_stranger, external)).Reason);
        Assert.Equal(NatDropReason.NoMapping, nat.TranslateInbound(default, new NatPacket(s_stranger, external.WithPort(9))).Reason);
        Assert.Equal(NatDropReason.NoHairpin, nat.TranslateOutbound(default, new NatPacket(s_otherHost, external)).Reason);
    }

    [Theory]
    [InlineData(FilterScope.PerMapping, false)]
    [InlineData(FilterScope.PerEndpoint, true)]
    public void Filter_state_belongs_to_the_mapping_or_to_the_internal_endpoint(FilterScope scope, bool admitted)
    {
        var nat = Create(NatProfile.Of(NatMapping.AddressAndPortDependent, NatFiltering.AddressDependent) with { FilterScope = scope });
        var towardsServer = Send(nat, 0, s_host, s_server);
        Send(nat, 1, s_host, s_stranger); // through another mapping
        Assert.Equal(admitted, Receive(nat, 2, s_stranger, towardsServer) == s_host);
        Assert.Null(Receive(nat, 2, TransportAddress.Parse("198.51.100.3:1"), towardsServer));
    }

    [Theory]
    [InlineData(AnswerRoute.SameSession, true)]
    [InlineData(AnswerRoute.NewMapping, false)]
    public void An_answer_to_an_admitted_packet_leaves_by_its_session_or_by_a_new_mapping(AnswerRoute answers, bool same)
    {
        var nat = Create(NatProfile.Of(NatMapping.AddressAndPortDependent, NatFiltering.EndpointIndependent) with { Answers = answers });
        var towardsServer = Send(nat, 0, s_host, s_server);
        Assert.Equal(s_host, Receive(nat, 1, s_stranger, towardsServer));
        Assert.Equal(same, Send(nat, 2, s_host, s_stranger) == towardsServer);
    }

    [Fact]
    public void The_packet_admitted_last_decides_which_way_answers_leave()
    {
        var nat = Create(NatProfile.Of(NatMapping.AddressAndPortDependent, NatFiltering.EndpointIndependent));
        var towardsServer = Send(nat, 0, s_host, s_server);
        var towardsStranger = Send(nat, 1, s_host, s_stranger);
        Assert.NotEqual(towardsServer, towardsStranger);
        Assert.Equal(s_host, Receive(nat, 2, s_stranger, towardsServer));
        Assert.Equal(towardsServer, Send(nat, 3, s_host, s_stranger));
        Assert.Equal(s_host, Receive(nat, 4, s_stranger, towardsStranger));
        Assert.Equal(towardsStranger, Send(nat, 5, s_host, s_stranger));
    }

    [Fact]
    public void State_without_an_answer_ends_early_and_answered_state_late()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_server);
        Assert.Equal(s_host, Receive(nat, 29_999, s_server, external)); // answered: now 120 s
        Assert.Equal(s_host, Receive(nat, 29_999 + 119_999, s_server, external));

        nat = Create(NatProfile.PortRestricted);
        external = Send(nat, 0, s_host, s_server);
        Assert.Null(Receive(nat, 30_000, s_server, external));
        Assert.Empty(nat.GetMappings(Instant.FromMilliseconds(30_000)));
    }

    [Fact]
    public void Without_inbound_refresh_only_the_inside_keeps_a_mapping_alive()
    {
        var nat = Create(NatProfile.PortRestricted with { InboundRefresh = false });
        var external = Send(nat, 0, s_host, s_server);
        Assert.Equal(s_host, Receive(nat, 10_000, s_server, external));
        Assert.Null(Receive(nat, 30_000, s_server, external));

        nat = Create(NatProfile.PortRestricted with { InboundRefresh = false });
        external = Send(nat, 0, s_host, s_server);
        Receive(nat, 10_000, s_server, external);
        Send(nat, 20_000, s_host, s_server); // answered: 120 s from here
        Assert.Equal(s_host, Receive(nat, 139_999, s_server, external));
        Assert.Null(Receive(nat, 140_000, s_server, external));
    }

    [Fact]
    public void A_filter_entry_ends_though_its_mapping_lives_on()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_stranger);
        Send(nat, 20_000, s_host, s_server);
        Assert.Null(Receive(nat, 30_000, s_stranger, external));
        Assert.Equal(s_host, Receive(nat, 30_000, s_server, external));
    }

    [Fact]
    public void An_expired_mapping_comes_back_at_another_port()
    {
        var nat = Create(NatProfile.Symmetric);
        var first = Send(nat, 0, s_host, s_server);
        Assert.NotEqual(first, Send(nat, 30_000, s_host, s_server));
    }

    [Theory]
    [InlineData(Hairpinning.None)]
    [InlineData(Hairpinning.ExternalSource)]
    [InlineData(Hairpinning.InternalSource)]
    public void Hairpinning_turns_packets_round_with_one_source_or_the_other(Hairpinning hairpinning)
    {
        var nat = Create(NatProfile.FullCone with { Hairpinning = hairpinning });
        var external = Send(nat, 0, s_host, s_server);
        var verdict = nat.TranslateOutbound(Instant.FromMilliseconds(1), new NatPacket(s_otherHost, external));
        if (hairpinning == Hairpinning.None)
        {
            Assert.Equal(NatAction.Drop, verdict.Action);
            return;
        }

        Assert.Equal(NatAction.Hairpin, verdict.Action);
        Assert.Equal(s_host, verdict.Packet.Destination);
        Assert.Equal(hairpinning == Hairpinning.InternalSource, verdict.Packet.Source == s_otherHost);
        Assert.Equal(hairpinning == Hairpinning.ExternalSource, verdict.Packet.Source.SameHost(s_external));
    }

    [Fact]
    public void A_hairpin_passes_the_filter_like_any_other_packet()
    {
        var nat = Create(NatProfile.PortRestricted with { Hairpinning = Hairpinning.ExternalSource });
        var one = Send(nat, 0, s_host, s_server);
        var other = Send(nat, 0, s_otherHost, s_server);
        Assert.Equal(NatDropReason.Filtered, nat.TranslateOutbound(default, new NatPacket(s_otherHost, one)).Reason);
        Assert.Equal(new NatPacket(one, s_otherHost), nat.TranslateOutbound(default, new NatPacket(s_host, other)).Packet);
        Assert.Equal(new NatPacket(other, s_host), nat.TranslateOutbound(default, new NatPacket(s_otherHost, one)).Packet);
    }

    [Fact]
    public void An_early_packet_of_the_peer_spoils_the_port_where_unsolicited_packets_are_tracked()
    {
        var clean = Create(NatProfile.Masquerade);
        var poisoned = Create(NatProfile.PoisonedMasquerade);
        foreach (var nat in new[] { clean, poisoned })
        {
            var external = Send(nat, 0, s_host, s_server);
            Assert.Equal(5000, external.Port);
            Assert.Null(Receive(nat, 10, s_stranger, external));
        }

        Assert.Equal(5000, Send(clean, 20, s_host, s_stranger).Port);
        var rewritten = Send(poisoned, 20, s_host, s_stranger);
        Assert.NotEqual(5000, rewritten.Port);
        Assert.Equal(rewritten, Send(poisoned, 30, s_host, s_stranger));
        Assert.Equal(s_host, Receive(poisoned, 40, s_stranger, rewritten));
    }

    [Fact]
    public void The_spoiled_port_is_clean_again_when_the_stray_flow_has_ended()
    {
        var nat = Create(NatProfile.PoisonedMasquerade);
        Receive(nat, 0, s_stranger, s_external.WithPort(5000));
        Assert.Equal(5000, Send(nat, 30_000, s_host, s_stranger).Port);
    }

    [Fact]
    public void An_endpoint_independent_nat_gives_a_spoiled_flow_a_port_of_its_own()
    {
        var nat = Create(NatProfile.PortRestricted with { RecordsUnsolicited = true });
        var external = Send(nat, 0, s_host, s_server);
        Assert.Null(Receive(nat, 1, s_stranger, external));
        var rewritten = Send(nat, 2, s_host, s_stranger);
        Assert.NotEqual(external, rewritten);
        Assert.Equal(external, Send(nat, 3, s_host, s_server));
        Assert.Equal(s_host, Receive(nat, 4, s_stranger, rewritten));
        Assert.Equal(s_host, Receive(nat, 4, s_server, external));
    }

    [Fact]
    public void A_restart_forgets_everything()
    {
        var nat = Create(NatProfile.FullCone);
        var external = Send(nat, 0, s_host, s_server);
        nat.Reset();
        Assert.Null(Receive(nat, 1, s_server, external));
        Assert.Equal(0, nat.MappingCount);
    }

    internal static NatTable Create(NatProfile profile, ulong seed = 1) => new(profile, new SeededEntropy(seed), s_external);

    internal static TransportAddress Send(NatTable nat, double at, TransportAddress from, TransportAddress towards)
    {
        var verdict = nat.TranslateOutbound(Instant.FromMilliseconds(at), new NatPacket(from, towards));
        Assert.Equal(NatAction.Forward, verdict.Action);
        Assert.Equal(towards, verdict.Packet.Destination);
        return verdict.Packet.Source;
    }

    internal static TransportAddress? Receive(NatTable nat, double at, TransportAddress from, TransportAddress external)
    {
        var verdict = nat.TranslateInbound(Instant.FromMilliseconds(at), new NatPacket(from, external));
        if (verdict.Action == NatAction.Drop) return null;
        Assert.Equal(from, verdict.Packet.Source);
        return verdict.Packet.Destination;
    }
}
