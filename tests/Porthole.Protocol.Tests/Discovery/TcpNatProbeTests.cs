using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using Fate = Porthole.Protocol.Tests.Discovery.TcpProbeNetwork.Fate;

namespace Porthole.Protocol.Tests.Discovery;

public sealed class TcpNatProbeTests
{
    private const string Local = "192.168.1.10:8900";

    private static readonly string[] s_oneHost = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481"];
    private static readonly string[] s_twoHosts = [.. s_oneHost, "198.51.100.2:3478"];

    [Fact]
    public void A_healthy_network_is_known_after_two_round_trips()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        var (at, report) = Assert.Single(network.Reports);
        Assert.Equal(TcpProbeNetwork.RoundTrip * 2, at - Instant.Zero);
        Assert.Equal(
            (NatMapping.EndpointOrAddressDependent, NatAllocation.Unknown, 0, 0, 0, true, true),
            (report.Mapping, report.Allocation, report.Step, report.LowestPort, report.HighestPort, report.IsReachable, report.IsComplete));
        var mapping = Assert.Single(report.Mappings);
        Assert.Equal((new SocketId(1), Address(Local), Public(40_000), Address(s_oneHost[0])), (mapping.Socket, mapping.Local, mapping.Mapped, mapping.Server));
        Assert.Equal((NatMapping.EndpointOrAddressDependent, TcpProbeNetwork.RoundTrip), (mapping.Mapping, mapping.RoundTripTime));
        Assert.True(ReflexiveProof.TryVerify(network.Key, ProbeNetwork.Peer, mapping.Mapped, mapping.Local, ProbeNetwork.Start, mapping.Proof.Span));
    }

    [Fact]
    public void Connections_go_out_from_the_punching_port_at_once_and_end_with_RST_when_answered()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal(s_oneHost[..3].Select(Address), network.Connects.Select(static connect => connect.Request.Remote)); // the fourth is left for a sample
        Assert.All(network.Connects, static connect => Assert.Equal((Instant.Zero, Address(Local), Instant.Zero), (connect.At, connect.Request.Local, connect.Request.NotBefore)));
        Assert.All(network.Closes, static close => Assert.Equal((TcpProbeNetwork.RoundTrip * 2, true), (close.At - Instant.Zero, close.Request.Abortive)));
        Assert.Equal(3, network.RequestsWritten);
        Assert.Empty(network.Open);
    }

    [Theory]
    [InlineData(1, "3478")]
    [InlineData(2, "3478 3479")]
    [InlineData(3, "3478 3479 3480")]
    [InlineData(4, "3478 3479 3480")]
    public void A_round_leaves_a_port_for_a_sample_where_it_can(int servers, string asked)
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost[..servers]);
        Assert.Equal(asked, string.Join(' ', network.Connects.Select(static connect => connect.Request.Remote.Port)));
    }

    [Fact]
    public void Four_at_most_are_asked_and_another_host_is_among_them()
    {
        var network = Start(static (_, _) => Public(40_000), [.. s_twoHosts, "198.51.100.2:3479"]);
        Assert.Equal(["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478", "198.51.100.1:3480"], network.Connects.Select(static connect => connect.Request.Remote.ToString()));
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
    public void The_step_of_a_sequential_NAT_is_found_from_the_order_of_the_SYNs(int step)
    {
        var report = Run(Symmetric(step), s_oneHost);
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Sequential, step, 0), (report.Mapping, report.Allocation, report.Step, report.LowestPort));
    }

    [Fact]
    public void A_SYN_that_was_repeated_does_not_spoil_the_order()
    {
        var network = new TcpProbeNetwork { Nat = Symmetric(1), Decide = static (server, _) => server.Port == 3_478 ? Fate.FirstSynLost : Fate.Accepted };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(3));
        Assert.Equal([130, 1_080], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.Equal([false, true], network.Reports.Select(static entry => entry.Report.IsComplete));
        Assert.All(network.Reports, static entry => Assert.Equal((NatAllocation.Sequential, 1), (entry.Report.Allocation, entry.Report.Step)));
    }

    [Fact]
    public void A_NAT_that_keeps_the_port_is_recognised()
    {
        var network = Start(static (local, _) => Public(local.Port), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(NatAllocation.Preserve, Assert.Single(network.Reports).Report.Allocation);
        Assert.Equal(3, network.Connects.Count);
    }

    [Fact]
    public void A_NAT_that_chooses_at_random_shows_its_band_by_fresh_ports_too()
    {
        ushort[] ports = [40_100, 40_017, 40_200, 40_250, 40_003, 40_120, 40_060];
        int next = 0;
        var network = Start((_, _) => Public(ports[next++]), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));

        Assert.Equal([80, 160], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.Equal([(40_017, 40_200, false), (40_003, 40_250, true)], network.Reports.Select(static entry => ((int)entry.Report.LowestPort, (int)entry.Report.HighestPort, entry.Report.IsComplete)));
        var report = network.Reports[^1].Report;
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Random), (report.Mapping, report.Allocation));
        Assert.Equal(3 + TcpNatProbe.FreshPorts, network.Connects.Count);
        Assert.All(network.Connects[3..], static connect => Assert.Equal((Address(Local).WithPort(0), Address(s_oneHost[0])), (connect.Request.Local, connect.Request.Remote)));
        Assert.Empty(network.Open);
    }

    /// <summary>Two hosts with one port each: two mappings at two addresses, of which nothing else is known.</summary>
    [Fact]
    public void Fresh_ports_tell_the_allocation_where_the_round_was_too_short()
    {
        int next = 40_000;
        var network = new TcpProbeNetwork
        {
            Nat = (_, _) => Public(next += 2),
            Decide = static (_, number) => number == 2 ? Fate.FirstSynLost : Fate.Accepted, // one observation without order
        };
        network.AddPort(1, Local);
        network.SetServers("198.51.100.1:3478", "198.51.100.2:3478");
        network.RunFor(TimeSpan.FromSeconds(5));
        var report = network.Reports[^1].Report;
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Sequential, 2, true), (report.Mapping, report.Allocation, report.Step, report.IsComplete));
    }

    [Theory]
    [InlineData(nameof(Fate.Refused), 40, 40)]
    [InlineData(nameof(Fate.Unreachable), 40, 40)]
    [InlineData(nameof(Fate.Silent), 2_200, 39_500)]
    public void Blocked_TCP_is_told_at_once_or_after_the_patience(string fate, int told, int complete)
    {
        var network = new TcpProbeNetwork { Decide = (_, _) => Enum.Parse<Fate>(fate) };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(50));

        Assert.Equal(new double[] { told, complete }.Distinct(), network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.True(network.Reports[^1].Report.IsComplete);
        Assert.All(network.Reports, static entry => Assert.Equal((NatMapping.Blocked, false), (entry.Report.Mapping, entry.Report.IsReachable)));
        Assert.Equal(3, network.Connects.Count);
        Assert.Empty(network.Open);
    }

    [Fact]
    public void A_middlebox_that_takes_connections_and_says_nothing_is_no_way_through()
    {
        var network = new TcpProbeNetwork { Answers = false };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(50));
        Assert.Equal([2_200, 39_500], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.All(network.Reports, static entry => Assert.Equal((NatMapping.Blocked, false), (entry.Report.Mapping, entry.Report.IsReachable)));
        Assert.Empty(network.Open);
    }

    [Fact]
    public void TCP_that_opens_later_is_noticed_and_silence_meanwhile_is_told_once()
    {
        var network = new TcpProbeNetwork();
        network.Decide = (_, _) => network.Now < Instant.FromMilliseconds(200_000) ? Fate.Silent : Fate.Accepted;
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(8));
        Assert.Equal(3, network.Reports.Count);
        var (at, report) = network.Reports[^1];
        Assert.Equal((NatMapping.EndpointIndependent, true, true), (report.Mapping, report.IsReachable, report.IsComplete));
        Assert.InRange(at - Instant.Zero, TimeSpan.FromSeconds(200), TimeSpan.FromSeconds(200 + 2 * 80 + 40));
    }

    [Fact]
    public void A_network_that_stays_silent_is_asked_less_and_less_until_it_changes()
    {
        var network = new TcpProbeNetwork { Decide = static (_, _) => Fate.Silent };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromHours(1));
        var rounds = network.Connects.Select(static connect => connect.At).Distinct().ToList();
        var pauses = rounds.Zip(rounds.Skip(1), static (one, next) => next - one - TimeSpan.FromSeconds(39.5)).ToList();
        Assert.InRange(pauses.Count, 5, 8);
        for (int i = 0; i < pauses.Count; i++)
        {
            int factor = 1 << Math.Min(i, TcpNatProbe.MaxSilenceDoublings);
            Assert.InRange(pauses[i], TcpNatProbe.MinRefresh * factor, TcpNatProbe.MaxRefresh * factor);
        }

        network.Decide = static (_, _) => Fate.Accepted;
        network.Do(network.Probe.Probe);
        network.RunFor(TimeSpan.FromMinutes(2));
        Assert.InRange(network.Connects[^1].At - network.Connects[^2].At, TcpNatProbe.MinRefresh, TcpNatProbe.MaxRefresh + TimeSpan.FromSeconds(1));
    }

    /// <summary>A server that speaks TCP on its first port only.</summary>
    [Fact]
    public void Closed_ports_of_the_server_leave_the_mapping_unknown_but_the_address_proved()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000), Decide = static (server, _) => server.Port == 3_478 ? Fate.Accepted : Fate.Refused };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        var (at, report) = Assert.Single(network.Reports);
        Assert.Equal(TcpProbeNetwork.RoundTrip * 2, at - Instant.Zero);
        Assert.Equal((NatMapping.Unknown, true, true), (report.Mapping, report.IsReachable, report.IsComplete));
        Assert.Equal(ReflexiveProof.Size, Assert.Single(report.Mappings).Proof.Length);
    }

    [Fact]
    public void What_is_not_answered_in_time_is_given_up_when_others_were()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000), Decide = static (server, _) => server.Port == 3_479 ? Fate.Silent : Fate.Accepted };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal([130, 2_200], network.Reports.Select(static entry => (entry.At - Instant.Zero).TotalMilliseconds));
        Assert.Equal([false, true], network.Reports.Select(static entry => entry.Report.IsComplete));
        Assert.Empty(network.Open);
    }

    [Fact]
    public void Proofs_are_renewed_before_they_end_over_one_connection_each()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(10));
        var times = network.Connects.Skip(3).Select(static connect => connect.At).ToList();
        Assert.InRange(times.Count, 7, 10);
        Assert.All(times.Zip(times.Skip(1)), static pair => Assert.InRange(pair.Second - pair.First, TcpNatProbe.MinRefresh, TcpNatProbe.MaxRefresh + TcpProbeNetwork.RoundTrip * 2));
        Assert.Single(network.Reports);
        var proof = network.Probe.Report.Mappings[0];
        Assert.True(ReflexiveProof.TryVerify(network.Key, ProbeNetwork.Peer, proof.Mapped, proof.Local, ProbeNetwork.Start + TimeSpan.FromMinutes(10), proof.Proof.Span));
    }

    [Fact]
    public void A_mapping_that_is_another_at_the_refresh_is_looked_at_anew()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Nat = static (_, _) => Public(40_001);
        network.RunFor(TimeSpan.FromSeconds(80));
        Assert.Equal(2, network.Reports.Count);
        Assert.Equal(Public(40_001), Assert.Single(network.Reports[1].Report.Mappings).Mapped);
        Assert.Equal(3 + 1 + 3, network.Connects.Count);
    }

    /// <summary>A dependent NAT gives each refresh another port: that is no news about the NAT, only about the address and the band.</summary>
    [Fact]
    public void A_dependent_mapping_that_is_another_at_the_refresh_only_widens_the_band()
    {
        ushort[] ports = [40_100, 40_017, 40_200, 40_101, 40_102, 40_103, 40_104, 40_999];
        int next = 0;
        var network = Start((_, _) => Public(ports[next++]), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(82));
        Assert.Equal(ports.Length, network.Connects.Count);
        var report = network.Reports[^1].Report;
        Assert.Equal((40_017, 40_999, Public(40_999)), (report.LowestPort, report.HighestPort, Assert.Single(report.Mappings).Mapped));
        Assert.True(report.IsComplete);
    }

    [Fact]
    public void A_network_that_falls_silent_and_comes_back_is_followed()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Decide = static (_, _) => Fate.Silent;
        network.RunFor(TimeSpan.FromSeconds(130));
        Assert.Equal([true, false, true], network.Reports.Select(static entry => entry.Report.IsComplete));
        Assert.Equal((NatMapping.Blocked, false), (network.Reports[^1].Report.Mapping, network.Reports[^1].Report.IsReachable));
        Assert.Empty(network.Reports[^1].Report.Mappings);

        network.Decide = static (_, _) => Fate.Accepted;
        network.RunFor(TimeSpan.FromSeconds(120));
        Assert.Equal(NatMapping.EndpointOrAddressDependent, network.Reports[^1].Report.Mapping);
    }

    [Fact]
    public void A_sample_asks_a_port_that_was_not_used_before_and_then_the_one_of_longest_ago()
    {
        var network = Start(Symmetric(1), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        int before = network.Connects.Count;
        for (int i = 0; i < 4; i++)
        {
            network.Sample(1);
            network.RunFor(TimeSpan.FromSeconds(2));
        }

        Assert.Equal([3_481, 3_478, 3_479, 3_480], network.Connects.Skip(before).Select(static connect => (int)connect.Request.Remote.Port));
        Assert.Equal(new TransportAddress?[] { Public(41_003), Public(41_000), Public(41_001), Public(41_002) }, network.Samples.Select(static entry => entry.Sample.Mapped));
        Assert.Equal(Instant.Zero + TimeSpan.FromSeconds(5) + TcpProbeNetwork.RoundTrip * 2, network.Samples[0].At);
        Assert.All(network.Samples, static entry => Assert.Equal(new SocketId(1), entry.Sample.Listener));
        Assert.Single(network.Reports);
        Assert.Empty(network.Open);
    }

    [Fact]
    public void A_sample_that_runs_is_not_doubled()
    {
        var network = Start(Symmetric(1), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        int before = network.Connects.Count;
        for (int i = 0; i < 100; i++) network.Sample(1);
        network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(before + 1, network.Connects.Count);
        Assert.Single(network.Samples);
    }

    [Fact]
    public void A_sample_that_is_refused_asks_the_other_ports_that_have_not_failed()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Decide = static (server, _) => server.Port == 3_479 ? Fate.Accepted : Fate.Refused;
        network.Sample(1);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Public(40_000), Assert.Single(network.Samples).Sample.Mapped);
        Assert.Equal([3_481, 3_478, 3_479], network.Connects.Skip(3).Select(static connect => (int)connect.Request.Remote.Port));

        network.Decide = static (_, _) => Fate.Refused;
        network.Sample(1);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Null(network.Samples[1].Sample.Mapped);
        Assert.Equal([3_480, 3_479], network.Connects.Skip(6).Select(static connect => (int)connect.Request.Remote.Port));
    }

    [Fact]
    public void A_sample_that_nobody_answers_ends_in_time()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Decide = static (_, _) => Fate.Silent;
        network.Sample(1);
        network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal((Instant.Zero + TimeSpan.FromSeconds(5) + TcpNatProbe.SamplePatience, (TransportAddress?)null), (network.Samples[0].At, network.Samples[0].Sample.Mapped));
        Assert.Empty(network.Open);
    }

    [Fact]
    public void A_sample_without_servers_or_of_an_unknown_port_is_answered_at_once()
    {
        var network = new TcpProbeNetwork();
        network.AddPort(1, Local);
        network.Sample(1);
        network.Sample(2);
        Assert.Equal([new SocketId(1), new SocketId(2)], network.Samples.Select(static entry => entry.Sample.Listener));
        Assert.All(network.Samples, static entry => Assert.Null(entry.Sample.Mapped));
        network.SetServers(s_oneHost);
        network.Sample(1);
        network.Do(now => network.Probe.RemovePort(now, new SocketId(1)));
        Assert.Equal(3, network.Samples.Count);
        Assert.Empty(network.Open);
    }

    [Fact]
    public void A_held_port_keeps_one_connection_until_it_is_let_go()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Hold(1);
        network.RunFor(TimeSpan.FromSeconds(60));
        var held = Assert.Single(network.Open).Value;
        Assert.Equal((Address(Local), Address(s_oneHost[0])), (held.Local, held.Remote));
        Assert.Equal(4, network.Connects.Count);
        Assert.InRange(network.RequestsWritten, 4 + 2, 4 + 3); // it is kept as warm as a UDP mapping
        network.Hold(1, isHeld: false);
        Assert.Empty(network.Open);
        Assert.True(network.Closes[^1].Request.Abortive);
        Assert.Single(network.Reports);
    }

    [Fact]
    public void The_first_answer_of_a_round_is_held_and_asked_again_in_the_next()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddPort(1, Local);
        network.Hold(1);
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        var held = Assert.Single(network.Open).Key;
        network.Do(network.Probe.Probe);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(held, Assert.Single(network.Open).Key);
        Assert.Equal(3 + 2, network.Connects.Count);
        Assert.Equal(2, network.Reports.Count);
    }

    [Fact]
    public void The_newest_sample_is_held_in_place_of_an_older_connection()
    {
        var network = Start(Symmetric(1), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Hold(1);
        network.Sample(1);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Address(s_oneHost[3]), Assert.Single(network.Open).Value.Remote);
    }

    [Fact]
    public void A_held_connection_that_breaks_is_replaced_after_a_pause()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Hold(1);
        network.RunFor(TimeSpan.FromSeconds(1));
        for (int i = 0; i < 3; i++)
        {
            int before = network.Connects.Count;
            var broken = network.Now;
            network.Break(Assert.Single(network.Open).Key);
            network.RunFor(TcpNatProbe.HoldPause + TcpProbeNetwork.RoundTrip * 2);
            Assert.Equal(before + 1, network.Connects.Count);
            Assert.Equal(broken + TcpNatProbe.HoldPause, network.Connects[^1].At);
        }
    }

    [Fact]
    public void A_round_that_follows_a_lost_refresh_has_its_own_time_however_late_the_machine_is_woken()
    {
        var network = new TcpProbeNetwork
        {
            Nat = static (_, _) => Public(40_000),
            Decide = static (server, _) => server == Address(s_oneHost[1]) ? TcpProbeNetwork.Fate.Silent : TcpProbeNetwork.Fate.Accepted,
        };
        network.AddPort(1, Local);
        network.SetServers(s_oneHost);
        network.RunFor(TcpProbeNetwork.RoundTrip * 3);
        network.Decide = static (_, _) => TcpProbeNetwork.Fate.Silent;
        network.Hold(1);
        int before = network.Connects.Count;
        network.Do(now => network.Probe.HandleDeadline(now + TimeSpan.FromSeconds(5))); // the refresh and the first round's last question are late together
        var round = network.Connects.Skip(before).Select(static connect => connect.Request.Socket).ToList();
        Assert.Equal(3, round.Count);
        Assert.DoesNotContain(network.Closes, close => round.Contains(close.Request.Socket));
    }

    [Fact]
    public void A_refused_credential_is_told_once_and_a_new_one_asks_again()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddPort(1, Local);
        network.SetServers(new ShortTermCredential("nobody", "knows"), s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(5));
        Assert.Single(network.Refusals);
        var report = Assert.Single(network.Reports).Report;
        Assert.Equal((NatMapping.Unknown, true, true), (report.Mapping, report.IsReachable, report.IsComplete));

        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Single(network.Refusals);
        Assert.Equal(Public(40_000), Assert.Single(network.Reports[^1].Report.Mappings).Mapped);
    }

    [Fact]
    public void A_credential_that_expires_does_not_lose_the_mapping()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddPort(1, Local);
        network.SetServers(network.Issue(TimeSpan.FromSeconds(30)), s_oneHost);
        network.RunFor(TimeSpan.FromMinutes(5));
        Assert.Single(network.Refusals);
        Assert.Single(network.Reports);
        Assert.Single(network.Probe.Report.Mappings);
    }

    [Fact]
    public void Servers_without_credentials_give_addresses_without_proofs()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000) };
        network.AddPort(1, Local);
        network.SetServers(null, s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.True(Assert.Single(Assert.Single(network.Reports).Report.Mappings).Proof.IsEmpty);
    }

    [Fact]
    public void Asking_again_reports_again_even_if_nothing_is_new()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(5));
        network.Do(network.Probe.Probe);
        Assert.Single(network.Probe.Report.Mappings); // what was known is known until the round says otherwise
        network.RunFor(TcpProbeNetwork.RoundTrip * 2);
        Assert.Equal(2, network.Reports.Count);
        Assert.True(network.Reports[0].Report.SaysTheSameAs(network.Reports[1].Report));
    }

    [Fact]
    public void A_round_that_is_overtaken_by_another_closes_what_it_had_open()
    {
        var network = Start(static (_, _) => Public(40_000), s_oneHost);
        network.Do(network.Probe.Probe);
        Assert.Equal(3, network.Open.Count);
        Assert.Equal(6, network.Connects.Count);
        Assert.All(network.Closes, static close => Assert.True(close.Request.Abortive));
        network.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(TcpProbeNetwork.RoundTrip * 2, Assert.Single(network.Reports).At - Instant.Zero);
    }

    [Fact]
    public void IPv6_that_leads_nowhere_does_not_hold_up_IPv4()
    {
        var network = new TcpProbeNetwork { Nat = static (_, _) => Public(40_000), Decide = static (server, _) => server.IsIPv6 ? Fate.Silent : Fate.Accepted };
        network.AddPort(1, "[2001:db8:1::10]:8900");
        network.AddPort(2, Local);
        network.SetServers([.. s_oneHost, "[2001:db8::1]:3478", "[2001:db8::1]:3479"]);
        network.RunFor(TimeSpan.FromMinutes(5));
        Assert.Equal(TimeSpan.FromMilliseconds(130), network.Reports[0].At - Instant.Zero);
        Assert.Equal(NatMapping.EndpointOrAddressDependent, network.Reports[0].Report.Mapping);
        Assert.Equal(2, network.Reports.Count); // the second, when IPv6 is given up; then silence
        Assert.True(network.Reports[1].Report.IsComplete);
    }

    [Fact]
    public void IPv4_and_IPv6_are_both_reported_and_IPv4_is_the_verdict()
    {
        var network = new TcpProbeNetwork { Nat = static (local, _) => local.IsIPv6 ? local : Public(40_000) };
        network.AddPort(1, "[2001:db8:1::10]:8900");
        network.AddPort(2, Local);
        network.SetServers([.. s_oneHost, "[2001:db8::1]:3478"]);
        network.RunFor(TimeSpan.FromSeconds(1));
        var report = Assert.Single(network.Reports).Report;
        Assert.Equal(NatMapping.EndpointOrAddressDependent, report.Mapping);
        Assert.Equal([Address("[2001:db8:1::10]:8900"), Public(40_000)], report.Mappings.Select(static mapping => mapping.Mapped));
        Assert.Equal(NatMapping.EndpointIndependent, report.Mappings[0].Mapping);
    }

    [Theory]
    [InlineData("127.0.0.1:8900", "198.51.100.1:3478", 0)]
    [InlineData("127.0.0.1:8900", "127.0.0.1:3478", 1)]
    [InlineData("[fe80::1]:8900", "[2001:db8::1]:3478", 0)]
    [InlineData("192.168.1.10:8900", "[2001:db8::1]:3478", 0)]
    public void Only_what_can_be_reached_is_asked(string local, string server, int connects)
    {
        var network = new TcpProbeNetwork();
        network.AddPort(1, local);
        network.SetServers(server);
        network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(connects, network.Connects.Count);
        Assert.Equal(connects > 0, Assert.Single(network.Reports).Report.IsReachable);
        Assert.NotEqual(NatMapping.Blocked, network.Reports[0].Report.Mapping);
        Assert.Equal(connects > 0, network.Probe.NextDeadline is not null);
    }

    [Fact]
    public void A_port_that_is_closed_is_out_of_the_report_at_once_and_leaves_no_connection()
    {
        var network = new TcpProbeNetwork { Nat = static (local, _) => Public(local.Port + 1) };
        network.AddPort(1, Local);
        network.AddPort(2, "192.168.2.10:8901");
        network.SetServers(s_oneHost);
        network.RunFor(TimeSpan.FromSeconds(1));
        network.Do(network.Probe.Probe);
        network.Do(now => network.Probe.RemovePort(now, new SocketId(1)));
        Assert.Equal(new SocketId(2), Assert.Single(network.Probe.Report.Mappings).Socket);
        Assert.All(network.Open.Values, static open => Assert.Equal(8_901, open.Local.Port));
    }

    [Fact]
    public void Ports_and_servers_are_limited()
    {
        var network = new TcpProbeNetwork();
        for (int i = 1; i <= TcpNatProbe.MaxPorts; i++) network.AddPort(i, $"192.168.1.{i}:8900");
        Assert.False(network.Probe.AddPort(network.Now, new SocketId(99), Address("192.168.1.99:8900")));
        Assert.False(network.Probe.AddPort(network.Now, new SocketId(1), Address("192.168.1.1:8900")));
        network.SetServers([.. Enumerable.Range(1, 20).Select(static i => $"198.51.100.{i}:3478"), "0.0.0.0:1", "224.0.0.1:1"]);
        Assert.Equal(TcpNatProbe.MaxPorts * TcpNatProbe.MaxAsked, network.Connects.Count);
    }

    private static TcpProbeNetwork Start(ProbeNetwork.Translate nat, string[] servers)
    {
        var network = new TcpProbeNetwork { Nat = nat };
        network.AddPort(1, Local);
        network.SetServers(servers);
        return network;
    }

    private static TcpNatReport Run(ProbeNetwork.Translate nat, string[] servers)
    {
        var network = Start(nat, servers);
        network.RunFor(TcpProbeNetwork.RoundTrip * 2);
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
