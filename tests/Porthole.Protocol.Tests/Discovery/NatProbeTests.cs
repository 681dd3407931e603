using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Discovery;

public sealed class NatProbeTests
{
    private const string Local = "192.168.1.10:5000";

    private static readonly string[] s_oneHost = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481"];
    private static readonly string[] s_twoHosts = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478", "198.51.100.2:3479"];

    [Fact]
    public void A_healthy_network_is_known_after_one_round_trip()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        var (at, report) = Assert.Single(network.Reports);
        Assert.Equal(ProbeNetwork.RoundTrip, at - Instant.Zero);
        Assert.Equal(4, network.Sent.Count);
        Assert.Equal(
            (NatMapping.EndpointOrAddressDependent, NatAllocation.Unknown, false, true, true),
            (report.Mapping, report.Allocation, report.PreservesPort!.Value, report.IsUdpReachable, report.IsComplete));
        var mapping = Assert.Single(report.Mappings);
        Assert.Equal((new SocketId(1), Address(Local), Public(40_000), Address(s_oneHost[0])), (mapping.Socket, mapping.Local, mapping.Mapped, mapping.Server));
        Assert.Equal(ProbeNetwork.RoundTrip, mapping.RoundTripTime);
        Assert.True(ReflexiveProof.TryVerify(network.Key, ProbeNetwork.Peer, mapping.Mapped, mapping.Local, ProbeNetwork.Start, mapping.Proof.Span));
    }

    [Fact]
    public void Mapping_behaviours_are_told_apart_by_servers_at_two_addresses()
    {
        Assert.Equal(NatMapping.EndpointIndependent, Run(static (_, _) => Public(40_000), s_twoHosts).Mapping);
        Assert.Equal(NatMapping.AddressDependent, Run(static (_, server) => Public(server.SameHost(Address(s_twoHosts[0])) ? 40_000 : 47_000), s_twoHosts).Mapping);
        Assert.Equal(NatMapping.AddressAndPortDependent, Run(Symmetric(1), s_twoHosts).Mapping);
        Assert.Equal(NatMapping.EndpointIndependent, Run(static (local, _) => local, s_oneHost).Mapping);
        Assert.Equal(NatMapping.Unknown, Run(static (_, _) => Public(40_000), s_oneHost[..1]).Mapping);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(-1)]
    public void The_step_of_a_sequential_NAT_is_found(int step)
    {
        var report = Run(Symmetric(step), s_oneHost);
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Sequential, step), (report.Mapping, report.Allocation, report.Step));
    }

    [Fact]
    public void A_NAT_that_keeps_the_port_is_recognised()
    {
        var report = Run(static (local, _) => Public(local.Port), s_oneHost);
        Assert.Equal((NatAllocation.Preserve, true), (report.Allocation, report.PreservesPort));
        Assert.True(Assert.Single(report.Mappings).IsTranslated);
    }

    [Fact]
    public void Samples_show_the_allocation_of_an_endpoint_independent_NAT_and_are_not_registered()
    {
        var network = new ProbeNetwork { Nat = static (local, _) => Public(40_000 + (local.Port - 5_000) / 100 * 2) };
        network.AddSocket(1, Local);
        network.AddSocket(2, "192.168.1.10:5100", isSample: true);
        network.AddSocket(3, "192.168.1.10:5200", isSample: true);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(2));

        var report = Assert.Single(network.Reports).Report;
        Assert.Equal((NatAllocation.Sequential, 2), (report.Allocation, report.Step));
        Assert.Equal(new SocketId(1), Assert.Single(report.Mappings).Socket);
        Assert.DoesNotContain(network.Sent, static sent => sent.Socket != new SocketId(1) && sent.At > Instant.Zero); // asked once, not kept open
    }

    [Fact]
    public void An_address_pool_is_recognised()
    {
        var report = Run(static (_, server) => TransportAddress.Parse($"203.0.113.{server.Port % 2 + 7}:40000"), s_oneHost);
        Assert.True(report.HasAddressPool);
        Assert.Equal(NatMapping.AddressAndPortDependent, report.Mapping);
    }

    [Fact]
    public void Mappings_are_refreshed_in_less_than_27_seconds_and_not_in_step()
    {
        var network = new ProbeNetwork { Nat = static (local, _) => Public(local.Port + 100) };
        network.AddSocket(1, Local);
        network.AddSocket(2, "192.168.2.10:5000");
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(10));

        foreach (var socket in network.Sockets.Keys)
        {
            var kept = network.Sent.Where(sent => sent.Socket == socket && sent.Server == Address(s_oneHost[0])).Select(static sent => sent.At).ToList();
            var pauses = kept.Zip(kept.Skip(1), static (one, next) => next - one).ToList();
            Assert.All(pauses, static pause => Assert.InRange(pause, NatProbeOptions.MinRefresh, NatProbeOptions.MaxRefresh));
            Assert.InRange(kept.Count, 24, 30);
            Assert.Equal(3 + kept.Count, network.Sent.Count(sent => sent.Socket == socket)); // the other servers were asked once
        }

        Assert.Equal(network.Sent.Count - 8 + 1, network.Sent.Select(static sent => sent.At).Distinct().Count()); // after the start no two together
        Assert.Single(network.Reports);
        var proof = network.Probe.Report.Mappings[0];
        Assert.True(ReflexiveProof.TryVerify(network.Key, ProbeNetwork.Peer, proof.Mapped, proof.Local, ProbeNetwork.Start + TimeSpan.FromMinutes(10), proof.Proof.Span));
    }

    [Fact]
    public void Blocked_UDP_is_told_after_the_short_schedule_and_settled_after_the_whole()
    {
        var network = new ProbeNetwork { IsLost = static (_, _, _) => true };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(50));

        Assert.Equal([2_200, 41_700], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.Equal([false, true], network.Reports.Select(static entry => entry.Report.IsComplete));
        Assert.All(network.Reports, static entry => Assert.Equal((NatMapping.Blocked, false), (entry.Report.Mapping, entry.Report.IsUdpReachable)));
        Assert.Equal(4 * (4 + 7), network.Sent.Count);
    }

    [Fact]
    public void UDP_that_opens_later_is_noticed()
    {
        var network = new ProbeNetwork();
        network.IsLost = (_, _, _) => network.Now < Instant.FromMilliseconds(60_000);
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(3));

        var (at, report) = network.Reports[^1];
        Assert.Equal((NatMapping.EndpointIndependent, true, true), (report.Mapping, report.IsUdpReachable, report.IsComplete));
        Assert.InRange(at - Instant.Zero, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(94)); // within a pause of 26 s, or the longest pause of the schedule
    }

    [Fact]
    public void A_lost_question_delays_the_report_by_50_milliseconds_and_completes_it_later()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000), IsLost = static (_, _, number) => number == 2 };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal([90, 240], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.Equal([false, true], network.Reports.Select(static entry => entry.Report.IsComplete));
        Assert.Equal(NatMapping.EndpointOrAddressDependent, network.Reports[0].Report.Mapping);
    }

    /// <summary>A cloud firewall that lets only 3478 through: the closed ports are told by silence, and what is known stays known.</summary>
    [Fact]
    public void Closed_ports_of_the_server_leave_the_mapping_unknown_but_the_address_proved()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000), IsLost = static (_, server, _) => server.Port != 3_478 };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal([90, 2_200], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        var report = network.Reports[^1].Report;
        Assert.Equal((NatMapping.Unknown, true, true), (report.Mapping, report.IsUdpReachable, report.IsComplete));
        Assert.Equal(ReflexiveProof.Size, Assert.Single(report.Mappings).Proof.Length);
    }

    [Fact]
    public void IPv6_that_leads_nowhere_does_not_hold_up_IPv4()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000), IsLost = static (local, _, _) => local.IsIPv6 };
        network.AddSocket(1, "[2001:db8:1::10]:5000");
        network.AddSocket(2, Local);
        network.SetServers([.. s_oneHost, "[2001:db8::1]:3478", "[2001:db8::1]:3479"]);
        network.RunFor(TimeSpan.FromMinutes(5));

        Assert.Equal(TimeSpan.FromMilliseconds(90), network.Reports[0].At - Instant.Zero);
        Assert.Equal(NatMapping.EndpointOrAddressDependent, network.Reports[0].Report.Mapping);
        Assert.Equal(2, network.Reports.Count); // the second, when IPv6 is given up; then silence
        Assert.True(network.Reports[1].Report.IsComplete);
    }

    [Fact]
    public void IPv4_and_IPv6_are_both_reported_and_IPv4_is_the_verdict()
    {
        var network = new ProbeNetwork { Nat = static (local, _) => local.IsIPv6 ? local : Public(40_000) };
        network.AddSocket(1, "[2001:db8:1::10]:5000");
        network.AddSocket(2, Local);
        network.SetServers([.. s_oneHost, "[2001:db8::1]:3478"]);
        network.RunFor(TimeSpan.FromSeconds(1));

        var (at, report) = Assert.Single(network.Reports);
        Assert.Equal(ProbeNetwork.RoundTrip, at - Instant.Zero);
        Assert.Equal(NatMapping.EndpointOrAddressDependent, report.Mapping);
        Assert.Equal([Address("[2001:db8:1::10]:5000"), Public(40_000)], report.Mappings.Select(static mapping => mapping.Mapped));
        Assert.Equal(NatMapping.EndpointIndependent, report.Mappings[0].Mapping);
    }

    [Theory]
    [InlineData("127.0.0.1:5000", "198.51.100.1:3478", 0)]
    [InlineData("127.0.0.1:5000", "127.0.0.1:3478", 1)]
    [InlineData("192.168.1.10:5000", "127.0.0.1:3478", 1)]
    [InlineData("[fe80::1]:5000", "[2001:db8::1]:3478", 0)]
    [InlineData("192.168.1.10:5000", "[2001:db8::1]:3478", 0)]
    public void Only_what_can_be_reached_is_asked(string local, string server, int requests)
    {
        var network = new ProbeNetwork();
        network.AddSocket(1, local);
        network.SetServers(server);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(requests, network.Sent.Count);
        Assert.Equal(requests > 0, Assert.Single(network.Reports).Report.IsUdpReachable);
    }

    [Fact]
    public void Without_servers_nothing_is_known_and_that_is_said()
    {
        var network = new ProbeNetwork();
        network.AddSocket(1, Local);
        Assert.Empty(network.Reports);
        network.SetServers();
        Assert.Equal((NatMapping.Unknown, false, true), (network.Reports[0].Report.Mapping, network.Reports[0].Report.IsUdpReachable, network.Reports[0].Report.IsComplete));
        Assert.Null(network.Probe.NextDeadline);
    }

    [Fact]
    public void Servers_without_credentials_give_addresses_without_proofs()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(null, s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(Assert.Single(Assert.Single(network.Reports).Report.Mappings).Proof.IsEmpty);
    }

    [Fact]
    public void A_refused_credential_is_told_once_and_a_new_one_asks_again()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(new ShortTermCredential("nobody", "knows"), s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(1));
        Assert.Single(network.Refusals);
        var report = Assert.Single(network.Reports).Report;
        Assert.Equal((NatMapping.Unknown, true, true), (report.Mapping, report.IsUdpReachable, report.IsComplete));

        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Single(network.Refusals);
        Assert.Equal(Public(40_000), Assert.Single(network.Reports[^1].Report.Mappings).Mapped);
    }

    [Fact]
    public void A_credential_that_expires_does_not_lose_the_mapping()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(network.Issue(TimeSpan.FromSeconds(30)), s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(3));
        Assert.Single(network.Refusals);
        Assert.Single(network.Reports);
        Assert.Single(network.Probe.Report.Mappings);
    }

    [Fact]
    public void Asking_again_reports_again_even_if_nothing_is_new()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(100));
        var old = network.Probe.Report.Mappings[0].Proof;
        network.ProbeAgain();
        network.RunFor(ProbeNetwork.RoundTrip);
        Assert.Equal(2, network.Reports.Count);
        Assert.True(network.Reports[0].Report.SaysTheSameAs(network.Reports[1].Report));
        Assert.NotEqual(old.ToArray(), network.Probe.Report.Mappings[0].Proof.ToArray());
    }

    [Fact]
    public void A_new_mapping_is_noticed_at_the_next_refresh()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Nat = Symmetric(1);
        network.RunFor(TimeSpan.FromSeconds(27));

        Assert.Equal(2, network.Reports.Count);
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Sequential), (network.Reports[1].Report.Mapping, network.Reports[1].Report.Allocation));
        Assert.Equal(4 + 1 + 4, network.Sent.Count);
    }

    [Fact]
    public void A_network_that_falls_silent_and_comes_back_is_followed()
    {
        var network = new ProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.IsLost = static (_, _, _) => true;
        network.RunFor(TimeSpan.FromSeconds(70)); // a refresh, and its schedule
        Assert.Equal(2, network.Reports.Count);
        Assert.Equal((NatMapping.Blocked, false, true), (network.Reports[1].Report.Mapping, network.Reports[1].Report.IsUdpReachable, network.Reports[1].Report.IsComplete));
        Assert.Empty(network.Reports[1].Report.Mappings);

        network.IsLost = static (_, _, _) => false;
        network.RunFor(TimeSpan.FromSeconds(60));
        Assert.Equal(NatMapping.EndpointOrAddressDependent, network.Reports[^1].Report.Mapping);
        Assert.Single(network.Reports[^1].Report.Mappings);
    }

    [Fact]
    public void A_socket_that_is_closed_is_out_of_the_report_at_once()
    {
        var network = new ProbeNetwork { Nat = static (local, _) => Public(local.Port + 1) };
        network.AddSocket(1, Local);
        network.AddSocket(2, "192.168.2.10:6000");
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        network.ProbeAgain(); // a round is open: no new report can be made yet
        network.Probe.RemoveSocket(network.Now, new SocketId(1));
        Assert.Equal(new SocketId(2), Assert.Single(network.Probe.Report.Mappings).Socket);
    }

    [Fact]
    public void A_socket_that_comes_later_is_asked_from_and_reported()
    {
        var network = new ProbeNetwork { Nat = static (local, _) => Public(local.Port + 1) };
        network.AddSocket(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(3));
        network.AddSocket(2, "192.168.2.10:6000");
        network.RunFor(ProbeNetwork.RoundTrip);
        Assert.Equal(2, network.Reports.Count);
        Assert.Equal(2, network.Reports[1].Report.Mappings.Length);
        Assert.Equal(8, network.Sent.Count);
    }

    [Fact]
    public void Sockets_and_servers_are_limited()
    {
        var network = new ProbeNetwork();
        for (int i = 1; i <= NatProbe.MaxSockets; i++) network.AddSocket(i, $"192.168.1.{i}:5000");
        Assert.False(network.Probe.AddSocket(network.Now, new SocketId(99), Address("192.168.1.99:5000")));
        Assert.False(network.Probe.AddSocket(network.Now, new SocketId(1), Address("192.168.1.1:5000")));
        network.SetServers([.. Enumerable.Range(1, NatProbe.MaxServers + 1).Select(static i => $"198.51.100.{i}:3478"), "198.51.100.1:3478", "0.0.0.0:1", "224.0.0.1:1"]);
        Assert.Equal(NatProbe.MaxSockets * NatProbe.MaxServers, network.Sent.Count);
        Assert.DoesNotContain(network.Sent, static sent => sent.Server == Address($"198.51.100.{NatProbe.MaxServers + 1}:3478"));
    }

    private static NatReport Run(ProbeNetwork.Translate nat, string[] servers)
    {
        var network = new ProbeNetwork { Nat = nat };
        network.AddSocket(1, Local);
        network.SetServers(servers);
        network.RunFor(ProbeNetwork.RoundTrip);
        return Assert.Single(network.Reports).Report;
    }

    /// <summary>A NAT with a mapping for each destination, one after the other.</summary>
    private static ProbeNetwork.Translate Symmetric(int step)
    {
        var mappings = new Dictionary<(TransportAddress, TransportAddress), TransportAddress>();
        return (local, server) => mappings.TryGetValue((local, server), out var mapped)
            ? mapped
            : mappings[(local, server)] = Public(41_000 + mappings.Count * step);
    }

    private static TransportAddress Public(int port) => TransportAddress.Parse("203.0.113.7:1").WithPort((ushort)port);

    private static TransportAddress Address(string text) => TransportAddress.Parse(text);
}
