using Porthole.Lab.Nat;
using Porthole.Protocol;
using static Porthole.Scenarios.Lab.Nat.NatTableTests;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>RFC 6887 section 2.2, as seen from the packets: mappings that a host behind the NAT has asked for.</summary>
public sealed class PortMappingTests
{
    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(10);
    private static readonly TransportAddress s_host = TransportAddress.Parse("192.168.1.10:5000");
    private static readonly TransportAddress s_otherHost = TransportAddress.Parse("192.168.1.11:5000");
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");
    private static readonly TransportAddress s_stranger = TransportAddress.Parse("198.51.100.2:3478");

    public static TheoryData<string> Presets() => [.. NatProfile.AllPresets.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Presets))]
    public void It_makes_any_nat_endpoint_independent_for_one_endpoint(string preset)
    {
        var nat = Create(NatProfile.AllPresets.Single(profile => profile.Name == preset));
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 0, s_lease, out var external));
        Assert.Equal(s_host, Receive(nat, 1, s_stranger, external));
        Assert.Equal(external, Send(nat, 2, s_host, s_stranger));
        Assert.Equal(external, Send(nat, 3, s_host, s_server));
        Assert.Equal(s_host, Receive(nat, 4, s_server, external));
        Assert.Equal(s_host, Receive(nat, 300_000, s_stranger.WithPort(1), external)); // idle, and alive
        Assert.Equal([external], nat.GetPortMappings(Instant.FromMilliseconds(5)).Select(mapping => mapping.External));
    }

    [Fact]
    public void It_is_one_protocols_only()
    {
        var nat = Create(NatProfile.PortRestricted);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Tcp, s_host, 5000, s_lease, out var external));
        Assert.Null(Receive(nat, 1, s_stranger, external));
        Assert.Equal(s_host, nat.TranslateInbound(default, NatPacket.Tcp(s_stranger, external, TcpBits.Syn)).Packet.Destination);
        Assert.Empty(nat.GetPortMappings(default));
        Assert.Single(nat.GetPortMappings(default, NatProtocol.Tcp));
    }

    [Fact]
    public void It_ends_with_its_lease_and_a_renewal_keeps_its_port()
    {
        var nat = Create(NatProfile.Symmetric);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 6000, s_lease, out var external));
        Assert.True(nat.TryAddPortMapping(Instant.FromMilliseconds(300_000), NatProtocol.Udp, s_host, 7000, s_lease, out var renewed));
        Assert.Equal(external, renewed);
        Assert.Equal(s_host, Receive(nat, 899_999, s_stranger, external));
        Assert.Null(Receive(nat, 900_000, s_stranger, external));
        Assert.NotEqual(external, Send(nat, 900_001, s_host, s_server));
    }

    [Fact]
    public void It_ends_on_request()
    {
        var nat = Create(NatProfile.Symmetric);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 6000, s_lease, out var external));
        Assert.True(nat.RemovePortMapping(default, NatProtocol.Udp, s_host));
        Assert.False(nat.RemovePortMapping(default, NatProtocol.Udp, s_host));
        Assert.Null(Receive(nat, 1, s_stranger, external));
        Assert.Equal(0, nat.MappingCount);
    }

    [Fact]
    public void Another_port_is_given_when_the_wanted_one_is_taken()
    {
        var nat = Create(NatProfile.PortRestricted);
        var dynamic = Send(nat, 0, s_otherHost, s_server);
        Assert.Equal(5000, dynamic.Port);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 5000, s_lease, out var external));
        Assert.NotEqual(5000, external.Port);
        Assert.Equal(s_otherHost, Receive(nat, 1, s_server, dynamic));

        // Nor does anybody get a port that was asked for.
        Assert.NotEqual(external.Port, Send(nat, 2, s_otherHost.WithPort(external.Port), s_server).Port);
    }

    [Fact]
    public void An_endpoint_may_ask_for_the_port_that_it_has()
    {
        var nat = Create(NatProfile.PortRestricted);
        var external = Send(nat, 0, s_host, s_server);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 5000, s_lease, out var mapped));
        Assert.Equal(external, mapped);
        Assert.Equal(s_host, Receive(nat, 1, s_stranger, external));
        Assert.Equal(s_host, Receive(nat, 1, s_server, external));
        Assert.Equal(external, Send(nat, 2, s_host, s_stranger));
    }

    [Fact]
    public void It_does_not_give_way_when_the_table_is_full()
    {
        var nat = Create(NatProfile.Symmetric with { MaxMappings = 2, WhenFull = NatOverflow.EvictOldest });
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 0, s_lease, out var external));
        for (int i = 1; i <= 5; i++) Send(nat, i, s_otherHost, s_server.WithPort((ushort)i));
        Assert.Equal(s_host, Receive(nat, 6, s_stranger, external));
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_otherHost, 0, s_lease, out _));
        Assert.False(nat.TryAddPortMapping(default, NatProtocol.Udp, s_otherHost.WithPort(1), 0, s_lease, out _));
        Assert.Equal(2, nat.MappingCount);
    }

    [Fact]
    public void A_reset_ends_the_connection_and_not_the_mapping()
    {
        var nat = Create(NatProfile.Masquerade);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Tcp, s_host, 5000, s_lease, out var external));
        Assert.True(nat.TranslateInbound(default, NatPacket.Tcp(s_stranger, external, TcpBits.Syn)).IsTranslated);
        Assert.True(nat.TranslateOutbound(default, NatPacket.Tcp(s_host, s_stranger, TcpBits.Reset)).IsTranslated);
        Assert.True(nat.TranslateInbound(Instant.FromMilliseconds(1), NatPacket.Tcp(s_stranger, external, TcpBits.Syn)).IsTranslated);
    }

    [Fact]
    public void A_restart_forgets_it()
    {
        var nat = Create(NatProfile.Symmetric);
        Assert.True(nat.TryAddPortMapping(default, NatProtocol.Udp, s_host, 6000, s_lease, out var external));
        nat.Reset();
        Assert.Null(Receive(nat, 1, s_stranger, external));
        Assert.Empty(nat.GetPortMappings(default));
    }
}
