using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>RFC 5382, rule by rule, and what a connection tracker makes of the segments that pass.</summary>
public sealed class NatTcpTests
{
    private const TcpBits Syn = TcpBits.Syn, SynAck = TcpBits.Syn | TcpBits.Ack, Ack = TcpBits.Ack, Reset = TcpBits.Reset | TcpBits.Ack, Fin = TcpBits.Fin | TcpBits.Ack;

    private static readonly TransportAddress s_host = TransportAddress.Parse("192.168.1.10:5000");
    private static readonly TransportAddress s_otherHost = TransportAddress.Parse("192.168.1.11:5000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");
    private static readonly TransportAddress s_serverOtherPort = TransportAddress.Parse("198.51.100.1:3479");
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("198.51.100.2:3478");

    [Theory] // RFC 5382 section 4.1, REQ-1
    [InlineData(NatMapping.EndpointIndependent, true, true)]
    [InlineData(NatMapping.AddressDependent, true, false)]
    [InlineData(NatMapping.AddressAndPortDependent, false, false)]
    public void Mapping_decides_which_destinations_see_the_same_port(NatMapping mapping, bool sameForOtherPort, bool sameForOtherHost)
    {
        var nat = Create(NatProfile.FullCone with { Tcp = new NatTcpProfile { Mapping = mapping, Allocation = new PortAllocation.Random() } });
        var external = Send(nat, 0, s_host, s_server, Syn);
        Assert.Equal(external, Send(nat, 1, s_host, s_server, Syn));
        Assert.Equal(sameForOtherPort, external == Send(nat, 2, s_host, s_serverOtherPort, Syn));
        Assert.Equal(sameForOtherHost, external == Send(nat, 3, s_host, s_stranger, Syn));
        Assert.Empty(nat.GetMappings(Instant.FromMilliseconds(4)));
        Assert.Equal(nat.MappingCount, nat.GetMappings(Instant.FromMilliseconds(4), NatProtocol.Tcp).Count);
    }

    [Theory] // RFC 5382 section 4.3, REQ-3
    [InlineData(NatFiltering.EndpointIndependent, true, true)]
    [InlineData(NatFiltering.AddressDependent, true, false)]
    [InlineData(NatFiltering.AddressAndPortDependent, false, false)]
    public void Filtering_decides_who_may_open_connections(NatFiltering filtering, bool otherPort, bool otherHost)
    {
        var nat = Create(NatProfile.PortRestricted with { Tcp = new NatTcpProfile { Filtering = filtering } });
        var external = Send(nat, 0, s_host, s_server, Syn);
        Assert.Equal(otherPort, Receive(nat, 1, s_serverOtherPort, external, Syn) is not null);
        Assert.Equal(otherHost, Receive(nat, 2, s_stranger, external, Syn) is not null);
        if (!otherPort) return;
        Assert.Equal(external, Send(nat, 3, s_host, s_serverOtherPort, SynAck));
        Assert.Equal(s_host, Receive(nat, 4, s_serverOtherPort, external, Ack));
        Assert.Equal(external, Send(nat, 5, s_host, s_serverOtherPort, Ack));
    }

    [Fact]
    public void Tcp_and_udp_ports_are_separate()
    {
        var nat = Create(NatProfile.Symmetric);
        var udp = NatTableTests.Send(nat, 0, s_host, s_server);
        var tcp = Send(nat, 1, s_host, s_server, Syn);
        Assert.NotEqual(udp, tcp);
        Assert.Null(Receive(nat, 2, s_server, udp, SynAck));
        Assert.Null(NatTableTests.Receive(nat, 3, s_server, tcp));
        Assert.Equal(s_host, NatTableTests.Receive(nat, 4, s_server, udp));
        Assert.Equal(s_host, Receive(nat, 5, s_server, tcp, SynAck));
    }

    [Fact] // RFC 4787 REQ-2 for both protocols
    public void A_host_has_one_external_address_for_both_protocols()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var nat = new NatTable(
                NatProfile.FullCone, new SeededEntropy(seed), TransportAddress.Parse("203.0.113.1:0"), TransportAddress.Parse("203.0.113.2:0"));
            Assert.Equal(NatTableTests.Send(nat, 0, s_host, s_server).Host, Send(nat, 1, s_host, s_server, Syn).Host);
        }
    }

    [Theory] // RFC 5382 section 4.2, REQ-2
    [InlineData(true)]
    [InlineData(false)]
    public void Simultaneous_open_passes_a_nat_that_tracks_it(bool tracks)
    {
        var nat = Create(NatProfile.PortRestricted with { Tcp = new NatTcpProfile { TracksSimultaneousOpen = tracks } });
        var external = Send(nat, 0, s_host, s_server, Syn);
        Assert.Equal(tracks, Receive(nat, 1, s_server, external, Syn) is not null);
        Assert.Equal(tracks ? NatAction.Forward : NatAction.Drop, nat.TranslateOutbound(Instant.FromMilliseconds(2), NatPacket.Tcp(s_host, s_server, SynAck)).Action);
        Assert.Equal(s_host, Receive(nat, 3, s_server, external, SynAck)); // the only answer that strict ones take
        Send(nat, 4, s_host, s_server, Ack);
        Assert.Equal(s_host, Receive(nat, 5, s_server, external, Ack));
    }

    [Theory] // RFC 5382 section 4.3, REQ-4
    [InlineData(UnsolicitedSyn.Drop, NatAction.Drop)]
    [InlineData(UnsolicitedSyn.Reset, NatAction.Reset)]
    [InlineData(UnsolicitedSyn.PortUnreachable, NatAction.PortUnreachable)]
    [InlineData(UnsolicitedSyn.Prohibited, NatAction.Prohibited)]
    public void Only_syns_that_nobody_asked_for_are_answered(UnsolicitedSyn answer, NatAction action)
    {
        var nat = Create(NatProfile.PortRestricted with { Tcp = new NatTcpProfile { UnsolicitedSyn = answer } });
        var external = Send(nat, 0, s_host, s_server, Syn);
        var syn = NatPacket.Tcp(s_stranger, external, Syn);
        var verdict = nat.TranslateInbound(default, syn);
        Assert.Equal((action, syn, NatDropReason.Filtered), (verdict.Action, verdict.Packet, verdict.Reason));
        Assert.Equal(answer != UnsolicitedSyn.Drop, verdict.IsAnswered);
        Assert.False(verdict.IsTranslated);
        Assert.Equal(NatDropReason.NoMapping, nat.TranslateInbound(default, syn with { Destination = external.WithPort(9) }).Reason);
        foreach (var bits in (TcpBits[])[SynAck, Ack, Fin, Reset])
        {
            Assert.Equal(NatVerdict.Drop(syn with { Bits = bits }, NatDropReason.NoConnection), nat.TranslateInbound(default, syn with { Bits = bits }));
        }
    }

    [Fact] // RFC 5382 section 5, REQ-5
    public void A_connection_lives_4_minutes_while_it_opens_or_closes_and_124_while_it_is_open()
    {
        var nat = Create(NatProfile.PortRestricted);
        const double minute = 60_000;
        Send(nat, 0, s_host, s_server, Syn);
        Assert.Equal(Instant.FromMilliseconds(4 * minute), Expiry());
        Receive(nat, minute, s_server, s_host, SynAck, expectLost: true);
        Receive(nat, minute, s_server, TransportAddress.Parse("203.0.113.1:5000"), SynAck);
        Assert.Equal(Instant.FromMilliseconds(5 * minute), Expiry());
        Send(nat, 2 * minute, s_host, s_server, Ack);
        Assert.Equal(Instant.FromMilliseconds(126 * minute), Expiry());
        Receive(nat, 3 * minute, s_server, TransportAddress.Parse("203.0.113.1:5000"), Fin);
        Assert.Equal(Instant.FromMilliseconds(7 * minute), Expiry());
        Send(nat, 4 * minute, s_host, s_server, Ack);
        Assert.Equal(Instant.FromMilliseconds(8 * minute), Expiry());

        Instant Expiry() => Assert.Single(nat.GetMappings(default, NatProtocol.Tcp)).Expires;
    }

    [Theory]
    [InlineData(TcpResetEffect.Ignored)]
    [InlineData(TcpResetEffect.EndsSession)]
    [InlineData(TcpResetEffect.EndsMapping)]
    public void A_reset_ends_what_the_profile_says(TcpResetEffect effect)
    {
        var nat = Create(NatProfile.Of(NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent) with { Tcp = new NatTcpProfile { Resets = effect } });
        var external = Send(nat, 0, s_host, s_server, Syn);
        Assert.Equal(s_host, Receive(nat, 1, s_server, external, Reset)); // the host hears of it in any case
        Assert.Equal(effect == TcpResetEffect.Ignored, Receive(nat, 2, s_server, external, Syn) is not null);
        Assert.Equal(effect != TcpResetEffect.EndsMapping, external == Send(nat, 3, s_host, s_server, Syn));
        Assert.Equal(effect != TcpResetEffect.EndsMapping, Receive(nat, 4, s_server, external, Syn) is not null);
    }

    [Fact]
    public void A_reset_shortens_the_mapping_unless_another_connection_holds_it()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_server, Syn);
        Receive(nat, 0, s_server, external, Reset);
        Assert.Equal(Instant.FromMilliseconds(10_000), nat.GetMappings(default, NatProtocol.Tcp)[0].Expires);
        Send(nat, 0, s_host, s_stranger, Syn);
        Send(nat, 0, s_host, s_server, Syn);
        Receive(nat, 0, s_server, external, Reset);
        Assert.Equal(Instant.FromMilliseconds(240_000), nat.GetMappings(default, NatProtocol.Tcp)[0].Expires);
    }

    [Fact] // RFC 5382 section 7, REQ-10
    public void An_icmp_error_reaches_the_host_and_ends_nothing()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_server, Syn);
        var error = NatPacket.Tcp(external, s_server, Syn).ToError();
        Assert.Equal(NatVerdict.Forward(error with { Destination = s_host }), nat.TranslateInbound(default, error));
        Assert.Equal(NatAction.Drop, nat.TranslateInbound(default, error with { Source = s_stranger }).Action);
        Assert.Equal(s_host, Receive(nat, 1, s_server, external, Syn));
    }

    [Theory] // RFC 5382 section 8, REQ-8
    [InlineData(Hairpinning.None)]
    [InlineData(Hairpinning.ExternalSource)]
    [InlineData(Hairpinning.InternalSource)]
    public void Hairpins_carry_a_whole_handshake(Hairpinning hairpinning)
    {
        var nat = Create(NatProfile.FullCone with { Hairpinning = hairpinning });
        var external = Send(nat, 0, s_host, s_server, Syn);
        var verdict = nat.TranslateOutbound(Instant.FromMilliseconds(1), NatPacket.Tcp(s_otherHost, external, Syn));
        if (hairpinning == Hairpinning.None)
        {
            Assert.Equal(NatDropReason.NoHairpin, verdict.Reason);
            return;
        }

        Assert.Equal(NatAction.Hairpin, verdict.Action);
        Assert.Equal(s_host, verdict.Packet.Destination);
        if (hairpinning == Hairpinning.InternalSource)
        {
            Assert.Equal(s_otherHost, verdict.Packet.Source);
            return;
        }

        var answer = nat.TranslateOutbound(Instant.FromMilliseconds(2), NatPacket.Tcp(s_host, verdict.Packet.Source, SynAck));
        Assert.Equal(NatVerdict.Hairpin(NatPacket.Tcp(external, s_otherHost, SynAck)), answer);
    }

    [Fact]
    public void A_hairpinned_syn_that_is_not_let_in_is_answered()
    {
        var nat = Create(NatProfile.Resetting with { Hairpinning = Hairpinning.ExternalSource });
        var external = Send(nat, 0, s_host, s_server, Syn);
        var syn = NatPacket.Tcp(s_otherHost, external, Syn);
        Assert.Equal(NatVerdict.Refuse(syn, UnsolicitedSyn.Reset, NatDropReason.Filtered), nat.TranslateOutbound(default, syn));
    }

    // What Linux's connection tracker does (the tables at the top of nf_conntrack_proto_tcp.c): > is a segment of who opened, < of the other side,
    // - is one that is invalid there.
    [Theory]
    [InlineData(">S <SA >A <A >A >F <A <F >A")] // an ordinary connection
    [InlineData(">S <S >SA <SA >A <A")] // simultaneous open
    [InlineData(">S <SA -<S >S >A")] // a SYN that comes late is invalid; the opener's is let through
    [InlineData(">S -<F <A")] // an ACK as the answer to a SYN may be a challenge
    [InlineData(">S ->SA ->A ->F")] // who opens waits for the answer
    [InlineData(">S <R -<S >S <S")] // refused, then punched again
    [InlineData(">S <S <R -<S")]
    [InlineData(">S <SA >A >R -<S <A >S")]
    [InlineData(">S <SA >A >F <F >S <SA")] // the ports are used again
    public void Segments_are_judged_as_by_a_connection_tracker(string sequence)
    {
        var nat = Create(NatProfile.PortRestricted);
        double at = 0;
        foreach (string step in sequence.Split(' '))
        {
            bool valid = step[0] != '-';
            string rest = valid ? step : step[1..];
            var bits = rest[1..] switch { "S" => Syn, "SA" => SynAck, "A" => Ack, "F" => Fin, _ => Reset };
            var verdict = rest[0] == '>'
                ? nat.TranslateOutbound(Instant.FromMilliseconds(at++), NatPacket.Tcp(s_host, s_server, bits))
                : nat.TranslateInbound(Instant.FromMilliseconds(at++), NatPacket.Tcp(s_server, TransportAddress.Parse("203.0.113.1:5000"), bits));
            Assert.True(valid == verdict.IsTranslated, $"{step} of {sequence}: {verdict}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_stream_that_was_not_seen_opening_passes_where_such_are_adopted(bool adopts)
    {
        var nat = Create(NatProfile.PortRestricted with { Tcp = new NatTcpProfile { AdoptsStreams = adopts } });
        Assert.Equal(adopts, nat.TranslateOutbound(default, NatPacket.Tcp(s_host, s_server, Ack)).IsTranslated);
        Assert.False(nat.TranslateOutbound(default, NatPacket.Tcp(s_host, s_stranger, Reset)).IsTranslated);
        Assert.False(nat.TranslateOutbound(default, NatPacket.Tcp(s_host, s_stranger, SynAck)).IsTranslated);
    }

    [Fact]
    public void A_stray_syn_poisons_the_port_of_a_router_that_drops_and_remembers_it()
    {
        var nat = Create(NatProfile.PoisonedMasquerade);
        var stray = NatPacket.Tcp(s_server, TransportAddress.Parse("203.0.113.1:5000"), Syn);
        nat.TranslateInbound(default, stray);
        Assert.NotEqual(5000, Send(nat, 1, s_host, s_server, Syn).Port);
        nat = Create(NatProfile.PoisonedMasquerade with { Tcp = NatTcpProfile.Linux with { UnsolicitedSyn = UnsolicitedSyn.Reset } });
        nat.TranslateInbound(default, stray);
        Assert.Equal(5000, Send(nat, 1, s_host, s_server, Syn).Port);
    }

    [Fact]
    public void A_firewall_tracks_connections_too()
    {
        var host = TransportAddress.Parse("[2001:db8:1::10]:5000");
        var remote = TransportAddress.Parse("[2001:db8:2::1]:443");
        var firewall = new StatefulFirewall { Tcp = new NatTcpProfile { UnsolicitedSyn = UnsolicitedSyn.Reset } };
        Assert.Equal(NatAction.Reset, In(remote, Syn).Action);
        Assert.True(Out(Syn));
        Assert.True(In(remote, Syn).IsTranslated);
        Assert.True(Out(SynAck));
        Assert.True(In(remote, Ack).IsTranslated);
        Assert.Equal(NatAction.Reset, In(remote.WithPort(9), Syn).Action);
        Assert.Equal(NatDropReason.NoConnection, In(remote.WithPort(9), SynAck).Reason);
        Assert.True(In(remote, Reset).IsTranslated);
        Assert.Equal(NatAction.Reset, In(remote, Syn).Action);
        Assert.True(Out(Syn));
        Assert.True(In(remote, Syn).IsTranslated);
        firewall.Reset();
        Assert.Equal(0, firewall.ConnectionCount);

        bool Out(TcpBits bits) => firewall.TranslateOutbound(default, NatPacket.Tcp(host, remote, bits)).IsTranslated;
        NatVerdict In(TransportAddress from, TcpBits bits) => firewall.TranslateInbound(default, NatPacket.Tcp(from, host, bits));
    }

    [Theory]
    [InlineData(NatFiltering.EndpointIndependent, true, true)]
    [InlineData(NatFiltering.AddressDependent, true, false)]
    [InlineData(NatFiltering.AddressAndPortDependent, false, false)]
    public void A_firewall_filters_who_may_open_connections(NatFiltering filtering, bool otherPort, bool otherHost)
    {
        var firewall = new StatefulFirewall { Tcp = new NatTcpProfile { Filtering = filtering } };
        firewall.TranslateOutbound(default, NatPacket.Tcp(s_host, s_server, Syn));
        Assert.Equal(otherPort, firewall.TranslateInbound(default, NatPacket.Tcp(s_serverOtherPort, s_host, Syn)).IsTranslated);
        Assert.Equal(otherHost, firewall.TranslateInbound(default, NatPacket.Tcp(s_stranger, s_host, Syn)).IsTranslated);
    }

    [Fact]
    public void Blocked_udp_leaves_tcp_alone()
    {
        var box = new UdpBlocker(Create(NatProfile.FullCone));
        Assert.Equal(NatDropReason.UdpBlocked, box.TranslateOutbound(default, new NatPacket(s_host, s_server)).Reason);
        Assert.Equal(NatDropReason.UdpBlocked, box.TranslateInbound(default, new NatPacket(s_server, s_host)).Reason);
        Assert.True(box.TranslateOutbound(default, NatPacket.Tcp(s_host, s_server, Syn)).IsTranslated);
        box.Reset();
        Assert.Equal(0, ((NatTable)box.Inner).MappingCount);
    }

    [Theory]
    [InlineData(NatOverflow.Refuse)]
    [InlineData(NatOverflow.EvictOldest)]
    public void Random_segments_never_throw_and_tables_stay_bounded(NatOverflow overflow)
    {
        var chance = new SeededEntropy(5);
        TcpBits[] kinds = [Syn, SynAck, Ack, Fin, Reset, TcpBits.None, Syn | Fin, TcpBits.Reset];
        foreach (var mapping in Enum.GetValues<NatMapping>())
        {
            foreach (var effect in Enum.GetValues<TcpResetEffect>())
            {
                var filtering = (NatFiltering)chance.NextInt32(0, 3);
                var tcp = new NatTcpProfile { Resets = effect, AdoptsStreams = chance.NextInt32(0, 2) == 0, TracksSimultaneousOpen = chance.NextInt32(0, 2) == 0 };
                var nat = Create(NatProfile.Of(mapping, filtering) with
                {
                    Tcp = tcp, WhenFull = overflow, MaxMappings = 40, MaxSessions = 60, Hairpinning = Hairpinning.ExternalSource,
                });
                var firewall = new StatefulFirewall(filtering, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), maxFlows: 60) { Tcp = tcp };
                for (int i = 0; i < 5_000; i++)
                {
                    var now = Instant.FromMilliseconds(i * 100);
                    var bits = kinds[chance.NextInt32(0, kinds.Length)];
                    var inside = TransportAddress.Parse($"192.168.1.{chance.NextInt32(1, 5)}:{chance.NextInt32(5000, 5020)}");
                    var outside = TransportAddress.Parse($"198.51.100.{chance.NextInt32(1, 5)}:{chance.NextInt32(1, 5)}");
                    var mappings = nat.GetMappings(now, NatProtocol.Tcp);
                    var external = mappings.Count > 0 ? mappings[chance.NextInt32(0, mappings.Count)].External : TransportAddress.Parse("203.0.113.1:7");
                    bool error = chance.NextInt32(0, 20) == 0;
                    nat.TranslateInbound(now, NatPacket.Tcp(outside, external, bits) with { IsError = error });
                    nat.TranslateOutbound(now, NatPacket.Tcp(inside, chance.NextInt32(0, 10) == 0 ? external : outside, bits) with { IsError = error });
                    firewall.TranslateInbound(now, NatPacket.Tcp(outside, inside, bits));
                    firewall.TranslateOutbound(now, NatPacket.Tcp(inside, outside, bits));
                    Assert.InRange(nat.MappingCount, 0, 40);
                    Assert.InRange(nat.StateCount, 0, 60);
                    Assert.InRange(firewall.ConnectionCount, 0, 60);
                }
            }
        }
    }

    private static NatTable Create(NatProfile profile) => NatTableTests.Create(profile);

    private static TransportAddress Send(NatTable nat, double at, TransportAddress from, TransportAddress towards, TcpBits bits)
    {
        var verdict = nat.TranslateOutbound(Instant.FromMilliseconds(at), NatPacket.Tcp(from, towards, bits));
        Assert.Equal(NatAction.Forward, verdict.Action);
        Assert.Equal(NatPacket.Tcp(verdict.Packet.Source, towards, bits), verdict.Packet);
        return verdict.Packet.Source;
    }

    private static TransportAddress? Receive(NatTable nat, double at, TransportAddress from, TransportAddress external, TcpBits bits, bool expectLost = false)
    {
        var verdict = nat.TranslateInbound(Instant.FromMilliseconds(at), NatPacket.Tcp(from, external, bits));
        Assert.False(expectLost && verdict.IsTranslated);
        return verdict.IsTranslated ? verdict.Packet.Destination : null;
    }
}
