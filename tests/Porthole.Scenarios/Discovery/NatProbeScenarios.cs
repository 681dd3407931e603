using System.Collections.Immutable;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;
using NatMapping = Porthole.Protocol.Discovery.NatMapping;

namespace Porthole.Scenarios.Discovery;

/// <summary>The probe and the STUN server, as they are, with the lab's NATs between them.</summary>
public sealed class NatProbeScenarios
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly ImmutableArray<TransportAddress> s_oneHost =
        [.. new[] { "198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.1:3480", "198.51.100.1:3481" }.Select(TransportAddress.Parse)];

    private static readonly ImmutableArray<TransportAddress> s_twoHosts =
        [.. new[] { "198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478", "198.51.100.2:3479" }.Select(TransportAddress.Parse)];

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
    public void Each_kind_of_NAT_is_recognised_in_one_round_trip(string name, NatMapping withOne, NatMapping withTwo, NatAllocation allocation)
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            Assert.Equal(withOne, Run(seed, name, s_oneHost).Mapping);
            var report = Run(seed, name, s_twoHosts);
            Assert.Equal((withTwo, allocation, name == "symmetric-sequential" ? 1 : 0), (report.Mapping, report.Allocation, report.Step));
        }
    }

    /// <summary>Two hours behind the least patient of NATs: 30 s, however it is refreshed.</summary>
    [Fact]
    public void A_mapping_is_kept_open_and_its_proof_fresh()
    {
        var world = new World(1, NatProfile.PortRestricted with { UnrepliedLifetime = TimeSpan.FromSeconds(30), RepliedLifetime = TimeSpan.FromSeconds(30) });
        world.Ask(s_oneHost);
        world.Lab.RunFor(TimeSpan.FromHours(2));

        Assert.Single(world.Machine.Reports);
        var mapping = Assert.Single(world.Machine.Probe.Report.Mappings);
        Assert.True(ReflexiveProof.TryVerify(world.Key, world.Peer, mapping.Mapped, mapping.Local, s_start + TimeSpan.FromHours(2), mapping.Proof.Span));
        Assert.InRange(world.Server.Answered, 4 + 2 * 3_600 / 26, 4 + 2 * 3_600 / 20);
    }

    [Fact]
    public void The_address_is_found_at_thirty_percent_loss_each_way_and_nothing_false_is_said()
    {
        int found = 0, complete = 0;
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var world = new World(seed, NatProfile.PortRestricted, new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Loss = 0.3 });
            world.Ask(s_twoHosts);
            world.Lab.RunFor(TimeSpan.FromSeconds(5));
            var report = world.Machine.Probe.Report;
            Assert.True(report.Mapping is NatMapping.EndpointIndependent or NatMapping.EndpointOrAddressDependent or NatMapping.Unknown);
            found += report.Mappings.Length;
            complete += report.Mapping == NatMapping.EndpointIndependent ? 1 : 0;
        }

        Assert.Equal(200, found); // one of four servers in four tries each: all but 4 in 100,000
        Assert.InRange(complete, 195, 200);
    }

    private static NatReport Run(ulong seed, string profile, ImmutableArray<TransportAddress> servers)
    {
        var nat = NatProfile.Presets.FirstOrDefault(preset => preset.Name == profile)
            ?? NatProfile.Of(Porthole.Lab.Nat.NatMapping.AddressDependent, Porthole.Lab.Nat.NatFiltering.AddressAndPortDependent);
        var world = new World(seed, nat);
        world.Ask(servers);
        world.Lab.RunFor(TimeSpan.FromSeconds(5));
        var (at, report) = Assert.Single(world.Machine.Reports);
        Assert.Equal(TimeSpan.FromMilliseconds(20), at - Instant.Zero);
        Assert.True(report.IsComplete);
        Assert.Equal(4, world.Server.Answered);
        return report;
    }

    private sealed class World
    {
        private readonly SimulatedMachine _running;

        public World(ulong seed, NatProfile nat, LinkOptions? serverLink = null)
        {
            Lab = new Simulation(seed);
            var serverHost = Lab.Internet.AddHost("server", "198.51.100.1,198.51.100.2", serverLink ?? LinkOptions.WithDelay(10));
            Server = new StunServer(
                StunServerOptions.Default with { Listen = [.. s_oneHost, .. s_twoHosts[2..]] }, Key, new WallClock(Instant.Zero, s_start), Lab.CreateEntropy());
            serverHost.Run(Server);
            Lab.RunFor(TimeSpan.Zero);
            var host = Lab.Internet.AddNat("nat", nat, "203.0.113.7").Inside.AddHost("host", "192.168.1.10");
            Machine = new ProbingMachine(new NatProbe(NatProbeOptions.Default, Lab.CreateEntropy()));
            _running = host.Run(Machine);
            var local = _running.Bind(new SocketId(1), TransportAddress.Parse("192.168.1.10:5000"));
            _running.Invoke(now => Machine.Probe.AddSocket(now, new SocketId(1), local));
        }

        public Simulation Lab { get; }

        public StunServer Server { get; }

        public ProbingMachine Machine { get; }

        public StunServerKey Key { get; } = new(new byte[32]);

        public PeerId Peer { get; } = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);

        public void Ask(ImmutableArray<TransportAddress> servers)
        {
            var credential = new StunCredentialIssuer(Key).Issue(Peer, s_start);
            _running.Invoke(now => Machine.Probe.SetServers(now, servers, credential));
        }
    }
}
