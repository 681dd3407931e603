using System.Collections.Immutable;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using NatMapping = Porthole.Protocol.Discovery.NatMapping;

namespace Porthole.Scenarios.Discovery;

/// <summary>The probe over TCP and the STUN server over TCP, as they are, with the lab's NATs between them.</summary>
public sealed class TcpNatProbeScenarios
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:8900");
    private static readonly ImmutableArray<TransportAddress> s_oneHost =
        [.. new[] { "198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481" }.Select(TransportAddress.Parse)];

    private static readonly ImmutableArray<TransportAddress> s_twoHosts = [.. s_oneHost, TransportAddress.Parse("198.51.100.2:3478")];

    public static TheoryData<string, NatMapping, NatMapping, NatAllocation> Expected { get; } = new()
    {
        // profile, with one server address, with two, allocation
        { "full-cone", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Preserve },
        { "restricted", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Preserve },
        { "port-restricted", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Preserve },
        { "symmetric", NatMapping.AddressAndPortDependent, NatMapping.AddressAndPortDependent, NatAllocation.Random },
        { "symmetric-sequential", NatMapping.AddressAndPortDependent, NatMapping.AddressAndPortDependent, NatAllocation.Sequential },
        { "masquerade", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Preserve },
        { "poisoned-masquerade", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Preserve },
        { "carrier", NatMapping.EndpointOrAddressDependent, NatMapping.EndpointIndependent, NatAllocation.Unknown },
        { "symmetric-carrier", NatMapping.AddressAndPortDependent, NatMapping.AddressAndPortDependent, NatAllocation.Random },
        { "A/P", NatMapping.EndpointOrAddressDependent, NatMapping.AddressDependent, NatAllocation.Random },
    };

    [Theory]
    [MemberData(nameof(Expected))]
    public void Each_kind_of_NAT_is_recognised_in_two_round_trips(string name, NatMapping withOne, NatMapping withTwo, NatAllocation allocation)
    {
        var nat = NatProfile.Presets.FirstOrDefault(preset => preset.Name == name)
            ?? NatProfile.Of(Porthole.Lab.Nat.NatMapping.AddressDependent, Porthole.Lab.Nat.NatFiltering.AddressAndPortDependent);
        for (ulong seed = 1; seed <= 20; seed++)
        {
            Assert.Equal(withOne, Run(seed, nat, s_oneHost).Mapping);
            var report = Run(seed, nat, s_twoHosts);
            Assert.Equal((withTwo, allocation, name == "symmetric-sequential" ? 1 : 0), (report.Mapping, report.Allocation, report.Step));
            if (allocation == NatAllocation.Random) Assert.InRange(report.HighestPort - report.LowestPort, name == "symmetric-carrier" ? 10 : 1_000, name == "symmetric-carrier" ? 511 : 64_511);
            else Assert.Equal((0, 0), (report.LowestPort, report.HighestPort));
        }
    }

    [Fact]
    public void A_NAT_that_treats_TCP_otherwise_is_seen_as_it_treats_TCP()
    {
        var nat = NatProfile.FullCone with
        {
            Tcp = new NatTcpProfile { Mapping = Porthole.Lab.Nat.NatMapping.AddressAndPortDependent, Allocation = new PortAllocation.Sequential() },
        };
        var report = Run(1, nat, s_twoHosts);
        Assert.Equal((NatMapping.AddressAndPortDependent, NatAllocation.Sequential, 1), (report.Mapping, report.Allocation, report.Step));
    }

    [Fact]
    public void A_server_without_STUN_over_TCP_refuses_and_that_counts_as_blocked()
    {
        var world = new World(1, NatProfile.PortRestricted, withServer: false);
        world.Ask(s_twoHosts);
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        var (at, report) = Assert.Single(world.Machine.Reports);
        Assert.Equal(TimeSpan.FromMilliseconds(20), at - Instant.Zero);
        Assert.Equal((NatMapping.Blocked, false, true), (report.Mapping, report.IsReachable, report.IsComplete));
    }

    [Fact]
    public void A_network_that_drops_TCP_is_told_in_time()
    {
        var world = new World(1, NatProfile.PortRestricted);
        world.Lab.Cut(static (_, _, _) => true);
        world.Ask(s_twoHosts);
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        var (at, report) = Assert.Single(world.Machine.Reports);
        Assert.Equal(TcpNatProbe.Patience, at - Instant.Zero);
        Assert.Equal((NatMapping.Blocked, false, false), (report.Mapping, report.IsReachable, report.IsComplete));
    }

    [Fact]
    public void A_sample_foretells_the_next_port_of_a_NAT_that_counts_up()
    {
        var world = new World(1, NatProfile.SymmetricSequential);
        world.Ask(s_twoHosts);
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        int before = world.Machine.Reports[^1].Report.Mappings[0].Mapped.Port;
        for (int i = 0; i < 4; i++)
        {
            world.Lab.RunFor(TimeSpan.FromSeconds(11)); // longer than the NAT remembers what was closed; in all shorter than the pause before a refresh
            world.Do(now => world.Machine.Probe.Sample(now, TcpProbingMachine.Listener));
            world.Lab.RunFor(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(Enumerable.Range(before + 4, 4), world.Machine.Samples.Select(static sample => (int)sample.Mapped!.Value.Port));
    }

    /// <summary>A carrier's NAT forgets a mapping whose connections are closed, and draws another port the next time.</summary>
    [Fact]
    public void A_mapping_that_is_held_stays_and_one_that_is_not_is_found_anew()
    {
        var world = new World(1, NatProfile.Carrier);
        world.Ask(s_twoHosts);
        world.Do(now => world.Machine.Probe.Hold(now, TcpProbingMachine.Listener, isHeld: true));
        world.Lab.RunFor(TimeSpan.FromMinutes(10));
        Assert.Single(world.Machine.Reports);
        Assert.Equal(1, world.Server.Connections);

        world.Do(now => world.Machine.Probe.Hold(now, TcpProbingMachine.Listener, isHeld: false));
        world.Lab.RunFor(TimeSpan.FromMinutes(10));
        Assert.InRange(world.Machine.Reports.Count, 5, 11);
        Assert.All(world.Machine.Reports, static entry => Assert.Equal(NatMapping.EndpointIndependent, entry.Report.Mapping));
        Assert.Equal(0, world.Server.Connections);
    }

    [Fact]
    public void The_proof_is_fresh_at_every_moment_of_two_hours()
    {
        var world = new World(1, NatProfile.PortRestricted);
        world.Ask(s_twoHosts);
        for (int minute = 1; minute <= 120; minute++)
        {
            world.Lab.RunFor(TimeSpan.FromMinutes(1));
            var mapping = Assert.Single(world.Machine.Probe.Report.Mappings);
            Assert.True(ReflexiveProof.TryVerify(world.Key, world.Peer, mapping.Mapped, mapping.Local, s_start + TimeSpan.FromMinutes(minute), mapping.Proof.Span));
        }

        Assert.Single(world.Machine.Reports);
        Assert.InRange(world.Machine.Connects, 4 + 7_200 / 81, 4 + 7_200 / 60);
    }

    [Fact]
    public void The_address_is_found_at_thirty_percent_loss_each_way_and_nothing_false_is_said()
    {
        int found = 0;
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var world = new World(seed, NatProfile.PortRestricted, serverLink: new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Loss = 0.3 });
            world.Ask(s_twoHosts);
            world.Lab.RunFor(TimeSpan.FromSeconds(5));
            var report = world.Machine.Probe.Report;
            Assert.True(report.Mapping is NatMapping.EndpointIndependent or NatMapping.EndpointOrAddressDependent or NatMapping.Unknown or NatMapping.Blocked);
            found += report.Mappings.Length;
        }

        Assert.InRange(found, 190, 200);
    }

    private static TcpNatReport Run(ulong seed, NatProfile nat, ImmutableArray<TransportAddress> servers)
    {
        var world = new World(seed, nat);
        world.Ask(servers);
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(TimeSpan.FromMilliseconds(40), world.Machine.Reports[0].At - Instant.Zero);
        Assert.InRange(world.Machine.Reports.Count, 1, 2); // the second with what fresh ports showed
        Assert.Equal(0, world.Server.Connections);
        var report = world.Machine.Reports[^1].Report;
        Assert.True(report.IsComplete);
        return report;
    }

    private sealed class World
    {
        private readonly SimulatedMachine _running;

        public World(ulong seed, NatProfile nat, LinkOptions? serverLink = null, bool withServer = true)
        {
            Lab = new Simulation(seed);
            var serverHost = Lab.Internet.AddHost("server", "198.51.100.1,198.51.100.2", serverLink ?? LinkOptions.WithDelay(10));
            Server = new StunStreamServer(StunServerOptions.Default with { Listen = s_twoHosts }, Key, new WallClock(Instant.Zero, s_start), Lab.CreateEntropy());
            if (withServer) serverHost.Run(Server);
            Lab.RunFor(TimeSpan.Zero);
            var host = Lab.Internet.AddNat("nat", nat, "203.0.113.7").Inside.AddHost("host", "192.168.1.10");
            Machine = new TcpProbingMachine(s_local, Lab.CreateEntropy());
            _running = host.Run(Machine, Machine.TakeEvents);
            Lab.RunFor(TimeSpan.Zero);
        }

        public Simulation Lab { get; }

        public StunStreamServer Server { get; }

        public TcpProbingMachine Machine { get; }

        public StunServerKey Key { get; } = new(new byte[32]);

        public PeerId Peer { get; } = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);

        public void Ask(ImmutableArray<TransportAddress> servers) =>
            Do(now => Machine.Probe.SetServers(now, servers, new StunCredentialIssuer(Key).Issue(Peer, s_start, TimeSpan.FromHours(3))));

        public void Do(Action<Instant> command) => _running.Invoke(command);
    }
}
